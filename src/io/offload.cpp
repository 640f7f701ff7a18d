#include <streamforge/base/assert.hpp>
#include <streamforge/io/offload.hpp>

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sf::io {

struct OffloadPool::Impl {
  mutable std::mutex mutex;
  std::condition_variable some;
  std::deque<std::function<void()>> queue;
  bool ending = false;
  std::vector<std::thread> threads;

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      some.wait(lock, [this] { return ending || !queue.empty(); });
      if (queue.empty()) return;
      std::function<void()> work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      work();
      work = nullptr;  // What it holds goes here, not under the lock.
      lock.lock();
    }
  }
};

OffloadPool::OffloadPool(unsigned threads, std::string_view thread_name)
    : impl_(std::make_unique<Impl>()) {
  SF_ASSERT(threads > 0);
  for (unsigned n = 0; n < threads; ++n) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->serve(); });
    // The kernel keeps 15 characters.
    std::string name = concat(thread_name.substr(0, 11), '-', n);
    ::pthread_setname_np(impl_->threads.back().native_handle(), name.c_str());
  }
}

OffloadPool::~OffloadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->some.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

void OffloadPool::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->mutex);
    SF_ASSERT(!impl_->ending);
    impl_->queue.push_back(std::move(work));
  }
  impl_->some.notify_one();
}

std::size_t OffloadPool::queued() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return impl_->queue.size();
}

}  // namespace sf::io

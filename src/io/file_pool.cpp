#include "file_pool.hpp"

#include <streamforge/base/limits.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sf::io {

void FilePool::List::push(Op& op) noexcept {
  op.previous = last;
  op.next = nullptr;
  (last ? last->next : first) = &op;
  last = &op;
}

void FilePool::List::remove(Op& op) noexcept {
  (op.previous ? op.previous->next : first) = op.next;
  (op.next ? op.next->previous : last) = op.previous;
}

FilePool::~FilePool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  some_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void FilePool::start(Op& op) {
  bool grow = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push(op);
    grow = ++queued_ > idle_ && threads_.size() < limits::kFilePoolThreads;
  }
  if (grow) {
    threads_.emplace_back([this] { serve(); });
    ::pthread_setname_np(threads_.back().native_handle(), "sf-files");
  } else {
    some_.notify_one();
  }
}

bool FilePool::remove(Op& op) {
  const std::lock_guard lock(mutex_);
  for (Op* each = queue_.first; each; each = each->next) {
    if (each == &op) {
      queue_.remove(op);
      --queued_;
      return true;
    }
  }
  return false;
}

Op* FilePool::remove_any(int fd) {
  const std::lock_guard lock(mutex_);
  for (Op* each = queue_.first; each; each = each->next) {
    if (each->fd == fd) {
      queue_.remove(*each);
      --queued_;
      return each;
    }
  }
  return nullptr;
}

Op* FilePool::take_done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {}).first;
}

void FilePool::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    some_.wait(lock, [this] { return ending_ || queue_.first; });
    --idle_;
    Op* op = queue_.first;
    if (!op) return;
    queue_.remove(*op);
    --queued_;
    lock.unlock();
    op->result = perform(*op);
    lock.lock();
    const bool first = done_.first == nullptr;
    done_.push(*op);
    if (first) notify_();
  }
}

std::int32_t FilePool::perform(Op& op) noexcept {
  // A read may have got its first bytes without waiting; it goes on behind them.
  auto* data = static_cast<std::byte*>(op.data) + op.result;
  const std::size_t size = op.size - static_cast<std::size_t>(op.result);
  const auto offset = static_cast<::off_t>(op.offset) + op.result;
  long result = 0;
  do {
    switch (op.kind) {
      case OpKind::kReadAt:
        result = ::pread(op.fd, data, size, offset);
        break;
      case OpKind::kWriteAt:
        result = ::pwrite(op.fd, data, size, offset);
        break;
      case OpKind::kSpliceAt: {
        ::off64_t at = offset;
        result = ::splice(op.from, nullptr, op.fd, &at, size, SPLICE_F_MOVE);
        break;
      }
      case OpKind::kSyncData:
        result = ::fdatasync(op.fd);
        break;
      case OpKind::kSyncFile:
        result = ::fsync(op.fd);
        break;
      case OpKind::kAllocate:
        result =
            ::fallocate(op.fd, 0, static_cast<::off_t>(op.offset), static_cast<::off_t>(op.size));
        break;
      case OpKind::kOpen:
        result = ::syscall(SYS_openat2, op.fd, op.data, op.how, sizeof(::open_how));
        break;
      default:
        return -EINVAL;  // What can be polled never comes here.
    }
  } while (result < 0 && errno == EINTR);
  if (result < 0) return op.result > 0 ? op.result : -errno;
  return static_cast<std::int32_t>(result) + op.result;
}

}  // namespace sf::io

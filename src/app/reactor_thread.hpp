#pragma once

/// A reactor and the thread that runs it, and a way for the main thread (which is no reactor) to
/// run a task on one and wait for it.

#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>

#include <pthread.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace sf::app {

class ReactorThread {
 public:
  /// `name`: what tools show of the thread, 15 characters at most.
  static Result<std::unique_ptr<ReactorThread>> start(const io::ReactorConfig& config,
                                                      const std::string& name) {
    auto reactor = io::Reactor::create(config);
    if (!reactor) return fail(std::move(reactor.error()));
    std::unique_ptr<ReactorThread> made(new ReactorThread(std::move(*reactor)));
    ::pthread_setname_np(made->thread_.native_handle(), name.c_str());
    return made;
  }
  /// Everything that lives on the reactor must have ended.
  ~ReactorThread() {
    reactor_->stop();
    thread_.join();
  }
  ReactorThread(const ReactorThread&) = delete;

  [[nodiscard]] io::Reactor& reactor() noexcept { return *reactor_; }

  /// Runs `task` on the reactor and waits. Not from a reactor's thread.
  template <class T>
  T run(io::Task<T> task) {
    std::promise<T> promise;
    auto future = promise.get_future();
    reactor_->post([&] { reactor_->spawn(relay(std::move(task), promise)); });
    return future.get();
  }

 private:
  explicit ReactorThread(std::unique_ptr<io::Reactor> reactor)
      : reactor_(std::move(reactor)), thread_([this] { reactor_->run(); }) {}

  // The promise is fulfilled as the last thing: the waiter may be gone right afterwards.
  template <class T>
  static io::Task<void> relay(io::Task<T> task, std::promise<T>& promise) {
    if constexpr (std::is_void_v<T>) {
      co_await task;
      promise.set_value();
    } else {
      promise.set_value(co_await task);
    }
  }

  std::unique_ptr<io::Reactor> reactor_;
  std::thread thread_;
};

}  // namespace sf::app

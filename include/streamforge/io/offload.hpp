#pragma once

/// The offload pool: a few threads for calls that block (RocksDB, password hashing, directory
/// walks). A reactor awaits the answer; the answer comes back by message.

#include <streamforge/io/reactor.hpp>

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sf::io {

class OffloadPool {
 public:
  OffloadPool(unsigned threads, std::string_view thread_name);
  ~OffloadPool();  ///< Runs what is queued, then joins.
  OffloadPool(const OffloadPool&) = delete;

  /// Any thread. First come, first served.
  void submit(std::function<void()> work);
  [[nodiscard]] std::size_t queued() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

namespace detail {
template <class F>
class OffloadAwaiter {
 public:
  using T = std::invoke_result_t<F&>;
  OffloadAwaiter(OffloadPool& pool, F work) : pool_(pool), work_(std::move(work)) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) {
    Reactor* home = &Reactor::current();
    pool_.submit([this, home, awaiter] {
      try {
        if constexpr (std::is_void_v<T>) {
          work_();
        } else {
          value_.emplace(work_());
        }
      } catch (...) {
        exception_ = std::current_exception();
      }
      home->post([awaiter] { awaiter.resume(); });
    });
  }
  T await_resume() {
    if (exception_) std::rethrow_exception(exception_);
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  struct Nothing {};
  OffloadPool& pool_;
  F work_;
  std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> value_;
  std::exception_ptr exception_;
};
}  // namespace detail

/// Runs `work` on the pool and gives what it returns, back on the calling reactor. `work` may not
/// touch anything that belongs to the reactor.
template <class F>
Task<std::invoke_result_t<F&>> offload(OffloadPool& pool, F work) {
  detail::OffloadAwaiter<F> awaiter(pool, std::move(work));
  co_return co_await awaiter;
}

}  // namespace sf::io

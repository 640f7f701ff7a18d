#pragma once

#include <streamforge/base/assert.hpp>

#include <coroutine>
#include <utility>

namespace sf::tus {

/// One spawned coroutine at a time, and one that may wait for it to land. One reactor's thread.
class Flight {
 public:
  Flight() noexcept = default;
  Flight(const Flight&) = delete;
  ~Flight() { SF_ASSERT(!running_); }

  [[nodiscard]] bool running() const noexcept { return running_; }
  void take_off() noexcept {
    SF_ASSERT(!running_);
    running_ = true;
  }
  /// The last thing the spawned coroutine does: the waiter may destroy this.
  void land() noexcept {
    running_ = false;
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }

  struct Landing {
    Flight& flight;
    bool await_ready() const noexcept { return !flight.running_; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept {
      SF_ASSERT(!flight.waiter_);
      flight.waiter_ = waiter;
    }
    void await_resume() const noexcept {}
  };
  /// `co_await flight.landed()`.
  [[nodiscard]] Landing landed() noexcept { return {*this}; }

 private:
  bool running_ = false;
  std::coroutine_handle<> waiter_;
};

}  // namespace sf::tus

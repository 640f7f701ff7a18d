#pragma once

#include <streamforge/io/reactor.hpp>
#include <streamforge/io/timer.hpp>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <utility>

namespace sf::store {

/// One wait of one coroutine, that any thread may end. Made on the reactor that waits, shared with
/// whoever may wake it, used for one wait. The waker must know that the home reactor still runs:
/// owners hand the point out and take it back under their mutex, and wake under it.
class WakePoint : public std::enable_shared_from_this<WakePoint> {
 public:
  WakePoint() : home_(io::Reactor::current()) {}
  WakePoint(const WakePoint&) = delete;

  /// Any thread, any number of times; never resumes inside the call.
  void wake() {
    home_.post([self = shared_from_this()] {
      self->timer_.cancel();
      if (self->waiter_) std::exchange(self->waiter_, nullptr).resume();
    });
  }

  /// `co_await` a local of this type: it ends by `wake` or after `timeout_ms`. Destroying it before
  /// that (the waiting task is dropped) makes later wakes harmless. Home reactor only.
  class Wait {
   public:
    Wait(WakePoint& point, std::uint32_t timeout_ms) : point_(point), timeout_ms_(timeout_ms) {}
    Wait(const Wait&) = delete;
    ~Wait() {
      point_.waiter_ = nullptr;
      point_.timer_.cancel();
    }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      point_.waiter_ = waiter;
      point_.timer_.arm(point_.home_.timers(), timeout_ms_, [&point = point_] { point.wake(); });
    }
    void await_resume() const noexcept {}

   private:
    WakePoint& point_;
    std::uint32_t timeout_ms_;
  };

 private:
  io::Reactor& home_;
  // The home reactor's.
  std::coroutine_handle<> waiter_;
  io::Timer timer_;
};

}  // namespace sf::store

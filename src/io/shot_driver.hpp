#pragma once

#include "backend.hpp"

#include <streamforge/base/assert.hpp>

#include <coroutine>
#include <cstdint>
#include <utility>

namespace sf::io {

/// What Receiver and Acceptor share: one multishot, whether it is with the backend, and the one or
/// two coroutines that wait for it.
class ShotDriver : public Multishot {
 public:
  ShotDriver(Backend& carrier, Kind what, int descriptor, decltype(on_complete) handler) noexcept
      : backend(carrier) {
    kind = what;
    fd = descriptor;
    on_complete = handler;
  }

  Backend& backend;
  bool armed = false;               ///< With the backend; a last completion will come.
  bool cancelled = false;           ///< That last completion has been asked for.
  std::coroutine_handle<> waiter;   ///< In `next`.
  std::coroutine_handle<> stopper;  ///< In `stop`.

  void arm() {
    armed = true;
    cancelled = false;
    backend.start(*this);
  }
  void disarm() noexcept {
    if (!armed || std::exchange(cancelled, true)) return;
    backend.cancel(*this);
  }
  void wake_waiter() {
    if (waiter) std::exchange(waiter, nullptr).resume();
  }
  /// After the last completion; may end this object's life.
  void wake_both() {
    const auto first = std::exchange(waiter, nullptr);
    const auto second = std::exchange(stopper, nullptr);
    if (first) first.resume();
    if (second) second.resume();
  }

  /// `co_await Until{slot}` waits until somebody resumes what it stores in the slot.
  struct Until {
    std::coroutine_handle<>& slot;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) noexcept {
      SF_ASSERT(!slot);
      slot = caller;
    }
    void await_resume() const noexcept {}
  };
};

}  // namespace sf::io

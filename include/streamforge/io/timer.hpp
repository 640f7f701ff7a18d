#pragma once

#include <streamforge/io/reactor.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace sf::io {

/// A timer of one reactor: fires once, `callback` on the reactor's thread. Intrusive in the
/// reactor's wheel (hierarchical, 1 ms ticks): arming and cancelling are a few pointer writes, so a
/// timer per connection operation is cheap. Cancels itself when destroyed.
class Timer {
 public:
  Timer() noexcept = default;
  Timer(const Timer&) = delete;
  ~Timer();

  /// Replaces an earlier arming. `ms` counts from the wheel's now and 0 is the next tick.
  void arm(TimerWheel& wheel, std::uint32_t ms, std::function<void()> callback);
  /// Moves an armed or fired timer to `ms` from now with the callback it has.
  void rearm(std::uint32_t ms);
  void cancel() noexcept;
  [[nodiscard]] bool armed() const noexcept { return linked_; }

 private:
  friend class TimerWheel;
  TimerWheel* wheel_ = nullptr;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  std::uint64_t due_ms_ = 0;
  std::uint16_t slot_ = 0;
  bool linked_ = false;
  bool* unchanged_ = nullptr;  ///< While the callback runs: whether this is still the same timer.
  std::function<void()> callback_;
};

/// The wheel; one per reactor. Pure but for the time it is told, so tests drive it by hand.
class TimerWheel {
 public:
  explicit TimerWheel(std::uint64_t now_ms);
  ~TimerWheel();  ///< Asserts that nothing is armed.
  TimerWheel(const TimerWheel&) = delete;

  /// Moves `now_ms` on without firing, so that what is armed next counts from there.
  void set_now(std::uint64_t now_ms) noexcept;
  /// Fires what is due at `now_ms`, in order of due time, and of arming within a tick. Callbacks
  /// may arm, cancel and destroy any timer, their own included.
  void advance(std::uint64_t now_ms);
  /// Milliseconds from `now_ms` until something may be due; UINT32_MAX when nothing is armed.
  [[nodiscard]] std::uint32_t until_next_ms(std::uint64_t now_ms) const noexcept;
  [[nodiscard]] std::uint64_t now_ms() const noexcept { return now_ms_; }

 private:
  friend class Timer;
  struct Slots;
  void link(Timer& timer) noexcept;
  void unlink(Timer& timer) noexcept;
  void fire();
  std::uint64_t now_ms_;
  std::uint64_t fired_ms_;  ///< Everything due by then has fired; slots are counted from here.
  std::unique_ptr<Slots> slots_;
};

}  // namespace sf::io

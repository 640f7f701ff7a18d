#include <streamforge/base/assert.hpp>
#include <streamforge/io/timer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

namespace sf::io {

namespace {
// Six levels of 64 slots: level 0 holds single milliseconds, each further one 64 times longer
// spans; together they reach beyond 32 bits of milliseconds. A timer sits on the level of the
// highest digit (base 64) in which its due time differs from now, and falls to lower levels as now
// comes near.
constexpr unsigned kDigitBits = 6;
constexpr unsigned kSlotsPerLevel = 1u << kDigitBits;
constexpr unsigned kLevels = 6;
constexpr std::uint16_t kFiring = kLevels * kSlotsPerLevel;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
}  // namespace

struct TimerWheel::Slots {
  struct List {
    Timer* first = nullptr;
    Timer* last = nullptr;
  };
  std::array<List, kFiring + 1> lists;  ///< The last one: due, and being called one by one.
  std::array<std::uint64_t, kLevels> occupied{};

  void push(Timer& timer, std::uint16_t slot) noexcept {
    List& list = lists[slot];
    timer.slot_ = slot;
    timer.previous_ = list.last;
    timer.next_ = nullptr;
    (list.last ? list.last->next_ : list.first) = &timer;
    list.last = &timer;
    if (slot != kFiring) {
      occupied[slot / kSlotsPerLevel] |= std::uint64_t{1} << (slot % kSlotsPerLevel);
    }
  }
  void remove(Timer& timer) noexcept {
    List& list = lists[timer.slot_];
    (timer.previous_ ? timer.previous_->next_ : list.first) = timer.next_;
    (timer.next_ ? timer.next_->previous_ : list.last) = timer.previous_;
    if (!list.first && timer.slot_ != kFiring) {
      occupied[timer.slot_ / kSlotsPerLevel] &=
          ~(std::uint64_t{1} << (timer.slot_ % kSlotsPerLevel));
    }
  }
  /// The slot that is reached first and when; kNever when there is none.
  std::pair<std::uint16_t, std::uint64_t> first_due(std::uint64_t now) const noexcept {
    for (unsigned level = 0; level < kLevels; ++level) {
      if (occupied[level] == 0) continue;
      const unsigned shift = level * kDigitBits;
      const auto digit = static_cast<unsigned>(now >> shift) & (kSlotsPerLevel - 1);
      const auto steps = static_cast<unsigned>(
          std::countr_zero(std::rotr(occupied[level], static_cast<int>(digit))));
      const std::uint64_t begin = ((now >> shift) + steps) << shift;
      const auto slot = static_cast<std::uint16_t>(level * kSlotsPerLevel +
                                                   ((digit + steps) & (kSlotsPerLevel - 1)));
      return {slot, std::max(begin, now)};
    }
    return {kFiring, kNever};
  }
};

TimerWheel::TimerWheel(std::uint64_t now_ms)
    : now_ms_(now_ms), fired_ms_(now_ms), slots_(std::make_unique<Slots>()) {}

TimerWheel::~TimerWheel() {
  for (const Slots::List& list : slots_->lists) SF_ASSERT(!list.first);
}

void TimerWheel::link(Timer& timer) noexcept {
  const std::uint64_t differing = (timer.due_ms_ ^ fired_ms_) | 1;
  // Where the clock's digits above the highest level turn over, that level wraps round.
  const unsigned level = std::min(
      (63u - static_cast<unsigned>(std::countl_zero(differing))) / kDigitBits, kLevels - 1);
  const auto digit = static_cast<unsigned>(timer.due_ms_ >> (level * kDigitBits));
  slots_->push(timer,
               static_cast<std::uint16_t>(level * kSlotsPerLevel + (digit & (kSlotsPerLevel - 1))));
  timer.linked_ = true;
}

void TimerWheel::unlink(Timer& timer) noexcept {
  slots_->remove(timer);
  timer.linked_ = false;
}

void TimerWheel::set_now(std::uint64_t now_ms) noexcept { now_ms_ = std::max(now_ms_, now_ms); }

void TimerWheel::advance(std::uint64_t now_ms) {
  set_now(now_ms);
  for (;;) {
    const auto [slot, due] = slots_->first_due(fired_ms_);
    if (due > now_ms_) break;
    fired_ms_ = due;
    Slots::List taken = std::exchange(slots_->lists[slot], {});
    slots_->occupied[slot / kSlotsPerLevel] &= ~(std::uint64_t{1} << (slot % kSlotsPerLevel));
    for (Timer* each = taken.first; each;) {
      Timer* timer = std::exchange(each, each->next_);
      if (timer->due_ms_ <= fired_ms_) {
        slots_->push(*timer, kFiring);
      } else {
        link(*timer);
      }
    }
    fire();
  }
  fired_ms_ = now_ms_;
}

void TimerWheel::fire() {
  while (Timer* timer = slots_->lists[kFiring].first) {
    unlink(*timer);
    // The callback may destroy or arm its own timer, so it runs from here and goes back afterwards.
    std::function<void()> callback = std::move(timer->callback_);
    timer->callback_ = nullptr;
    bool unchanged = true;
    timer->unchanged_ = &unchanged;
    callback();
    if (!unchanged) continue;
    timer->unchanged_ = nullptr;
    timer->callback_ = std::move(callback);
  }
}

std::uint32_t TimerWheel::until_next_ms(std::uint64_t now_ms) const noexcept {
  const std::uint64_t due = slots_->first_due(fired_ms_).second;
  if (due == kNever) return std::numeric_limits<std::uint32_t>::max();
  if (due <= now_ms) return 0;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(due - now_ms, std::numeric_limits<std::uint32_t>::max() - 1));
}

Timer::~Timer() {
  cancel();
  if (unchanged_) *unchanged_ = false;
}

void Timer::arm(TimerWheel& wheel, std::uint32_t ms, std::function<void()> callback) {
  cancel();
  if (unchanged_) *std::exchange(unchanged_, nullptr) = false;
  wheel_ = &wheel;
  callback_ = std::move(callback);
  rearm(ms);
}

void Timer::rearm(std::uint32_t ms) {
  SF_ASSERT(wheel_);
  cancel();
  due_ms_ = wheel_->now_ms_ + std::max(ms, 1u);
  wheel_->link(*this);
}

void Timer::cancel() noexcept {
  if (linked_) wheel_->unlink(*this);
}

}  // namespace sf::io

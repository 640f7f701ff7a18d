#include <streamforge/store/demand.hpp>

#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "wake_point.hpp"

namespace sf::store {
namespace {

/// One viewer that waits.
struct Waiter {
  std::shared_ptr<WakePoint> point = std::make_shared<WakePoint>();
  // Guarded by the demand's mutex.
  std::optional<Result<>> answer;
  bool gone = false;
};

bool any_here(const std::vector<Waiter*>& waiting) {
  return std::ranges::any_of(waiting, [](const Waiter* waiter) { return !waiter->gone; });
}

}  // namespace

struct Demand::Impl {
  // A waiter is listed from before it suspends until it has its answer or leaves by itself, and is
  // woken under the mutex: so its reactor still runs when it is.
  mutable std::mutex mutex;
  std::map<Wish, std::vector<Waiter*>> wishes;
  std::size_t waiters = 0;
  Listener on_wish;
  Listener on_left;

  /// True when nobody else is here for its segment; nullopt when there are too many.
  std::optional<bool> add(const Wish& wish, Waiter& waiter, Listener& tell) {
    const std::lock_guard lock(mutex);
    if (waiters == limits::kWishesMax) return std::nullopt;
    auto& waiting = wishes[wish];
    const bool first = !any_here(waiting);
    waiting.push_back(&waiter);
    ++waiters;
    tell = on_wish;
    return first;
  }

  /// Its answer, if it has one by now; else notes whether it has left, and gives whom to tell when
  /// with it all have.
  std::optional<Result<>> look(const Wish& wish, Waiter& waiter, bool left, Listener& tell) {
    const std::lock_guard lock(mutex);
    if (waiter.answer) return waiter.answer;
    const bool was_here = !std::exchange(waiter.gone, left);
    if (was_here && left && !any_here(wishes.at(wish))) tell = on_left;
    return std::nullopt;
  }

  void remove(const Wish& wish, Waiter& waiter) {
    const std::lock_guard lock(mutex);
    const auto entry = wishes.find(wish);
    if (entry == wishes.end()) return;
    waiters -= std::erase(entry->second, &waiter);
    if (entry->second.empty()) wishes.erase(entry);
  }

  /// Answers all wishes that match. Answers are few and wishes bounded: a walk will do.
  template <class Predicate>
  void answer_if(const Result<>& result, Predicate matches) {
    const std::lock_guard lock(mutex);
    for (auto entry = wishes.begin(); entry != wishes.end();) {
      entry = matches(entry->first) ? answer(entry, result) : std::next(entry);
    }
  }

  void answer_one(const Wish& wish, const Result<>& result) {
    const std::lock_guard lock(mutex);
    if (const auto entry = wishes.find(wish); entry != wishes.end()) answer(entry, result);
  }

  using Wishes = std::map<Wish, std::vector<Waiter*>>;
  /// With `mutex` held.
  Wishes::iterator answer(Wishes::iterator entry, const Result<>& result) {
    for (Waiter* waiter : entry->second) {
      waiter->answer = result;
      waiter->point->wake();
    }
    waiters -= entry->second.size();
    return wishes.erase(entry);
  }

  /// Takes the waiter off the list however its coroutine ends.
  struct Listing {
    Impl& demand;
    const Wish& wish;
    Waiter& waiter;
    ~Listing() { demand.remove(wish, waiter); }
  };
};

Demand::Demand() : impl_(std::make_unique<Impl>()) {}
Demand::~Demand() { SF_ASSERT(impl_->wishes.empty()); }

io::Task<Result<>> Demand::want(Wish wish, std::uint32_t timeout_ms, std::function<bool()> gone) {
  io::Reactor& home = io::Reactor::current();
  const std::uint64_t until_ms = home.now_ms() + timeout_ms;
  Waiter waiter;
  Listener tell;
  const auto first = impl_->add(wish, waiter, tell);
  if (!first) co_return fail(ErrorCode::kUnavailable, "too many viewers wait for segments");
  const Impl::Listing listing{*impl_, wish, waiter};
  if (*first && tell) tell(wish);
  for (std::uint64_t now_ms = home.now_ms(); now_ms < until_ms; now_ms = home.now_ms()) {
    const auto left_ms = static_cast<std::uint32_t>(until_ms - now_ms);
    WakePoint::Wait wait(*waiter.point, gone ? std::min(left_ms, kLookMs) : left_ms);
    co_await wait;
    const bool left = gone && gone();  // It may ask the kernel: not under everybody's mutex.
    Listener tell_left;
    if (const auto answer = impl_->look(wish, waiter, left, tell_left)) co_return *answer;
    if (tell_left) tell_left(wish);
  }
  co_return fail(ErrorCode::kTimedOut, "the segment was not made in time");
}

void Demand::set_listener(Listener on_wish, Listener on_left) {
  const std::lock_guard lock(impl_->mutex);
  impl_->on_wish = std::move(on_wish);
  impl_->on_left = std::move(on_left);
}

bool Demand::wanted(const Wish& wish) const {
  const std::lock_guard lock(impl_->mutex);
  const auto entry = impl_->wishes.find(wish);
  return entry != impl_->wishes.end() && any_here(entry->second);
}

void Demand::satisfy(const Wish& wish) { impl_->answer_one(wish, {}); }

void Demand::refuse(const Wish& wish, const Error& error) { impl_->answer_one(wish, fail(error)); }

void Demand::answer_segments(const std::string& video, const Result<>& answer) {
  impl_->answer_if(answer,
                   [&](const Wish& wish) { return wish.video == video && !is_whole_file(wish); });
}

void Demand::refuse_all(const Error& error) {
  impl_->answer_if(fail(error), [](const Wish&) { return true; });
}

}  // namespace sf::store

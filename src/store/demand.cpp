#include <streamforge/store/demand.hpp>

#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>
#include <vector>

#include "wake_point.hpp"

namespace sf::store {
namespace {

struct WishOrder {
  bool operator()(const Wish& a, const Wish& b) const {
    return std::tie(a.video, a.track, a.segment) < std::tie(b.video, b.track, b.segment);
  }
};

/// One viewer that waits.
struct Waiter {
  std::shared_ptr<WakePoint> point = std::make_shared<WakePoint>();
  std::optional<Result<>> answer;  ///< Guarded by the demand's mutex.
};

}  // namespace

struct Demand::Impl {
  // A waiter is listed from before it suspends until it has its answer or leaves by itself, and is
  // woken under the mutex: so its reactor still runs when it is.
  mutable std::mutex mutex;
  std::map<Wish, std::vector<Waiter*>, WishOrder> wishes;
  std::size_t waiters = 0;
  std::function<void(const Wish&)> on_wish;

  /// True for the first of its segment; nullopt when there are too many.
  std::optional<bool> add(const Wish& wish, Waiter& waiter,
                          std::function<void(const Wish&)>& tell) {
    const std::lock_guard lock(mutex);
    if (waiters == limits::kWishesMax) return std::nullopt;
    auto& waiting = wishes[wish];
    waiting.push_back(&waiter);
    ++waiters;
    tell = on_wish;
    return waiting.size() == 1;
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

  using Wishes = std::map<Wish, std::vector<Waiter*>, WishOrder>;
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

io::Task<Result<>> Demand::want(Wish wish, std::uint32_t timeout_ms) {
  Waiter waiter;
  std::function<void(const Wish&)> tell;
  const auto first = impl_->add(wish, waiter, tell);
  if (!first) co_return fail(ErrorCode::kUnavailable, "too many viewers wait for segments");
  const Impl::Listing listing{*impl_, wish, waiter};
  if (*first && tell) tell(wish);
  WakePoint::Wait wait(*waiter.point, timeout_ms);
  co_await wait;
  const std::lock_guard lock(impl_->mutex);
  if (waiter.answer) co_return *waiter.answer;
  co_return fail(ErrorCode::kTimedOut, "the segment was not made in time");
}

void Demand::set_listener(std::function<void(const Wish&)> on_wish) {
  const std::lock_guard lock(impl_->mutex);
  impl_->on_wish = std::move(on_wish);
}

bool Demand::wanted(const Wish& wish) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->wishes.contains(wish);
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

#include <streamforge/store/events.hpp>

#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <deque>
#include <mutex>

#include "wake_point.hpp"

namespace sf::store {

std::string_view name_of(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::kCreated:
      return "video.created";
    case EventKind::kProgress:
      return "video.progress";
    case EventKind::kPlayable:
      return "video.playable";
    case EventKind::kReady:
      return "video.ready";
    case EventKind::kFailed:
      return "video.failed";
    case EventKind::kUpdated:
      return "video.updated";
    case EventKind::kDeleted:
      return "video.deleted";
  }
  return "video.updated";
}

/// Shared by the subscription, the bus and a coroutine inside `next`, so that any may go first.
struct EventBus::Subscription::Impl {
  // Guarded by `mutex`; the bus's mutex is taken before it, never after.
  std::mutex mutex;
  std::deque<Event> queue;
  bool overflow = false;
  bool ended = false;
  std::shared_ptr<WakePoint> waiting;  ///< Of the coroutine inside `next`.

  void push(const Event& event) {
    const std::lock_guard lock(mutex);
    if (ended) return;
    if (queue.size() == limits::kEventQueueMax) {
      queue.pop_front();
      overflow = true;
    }
    queue.push_back(event);
    wake();
  }
  void end() {
    const std::lock_guard lock(mutex);
    ended = true;
    queue.clear();
    wake();
  }
  std::vector<Event> take() {
    std::vector<Event> events(std::make_move_iterator(queue.begin()),
                              std::make_move_iterator(queue.end()));
    queue.clear();
    return events;
  }

  /// Whoever waits in `next`, for as long as it does.
  class Registration {
   public:
    explicit Registration(Impl& impl) : impl_(impl) {}
    Registration(const Registration&) = delete;
    ~Registration() {
      const std::lock_guard lock(impl_.mutex);
      impl_.waiting.reset();
    }

   private:
    Impl& impl_;
  };

  static io::Task<std::vector<Event>> next(std::shared_ptr<Impl> self, std::uint32_t timeout_ms);

 private:
  void wake() {
    if (waiting) std::exchange(waiting, nullptr)->wake();
  }
};

io::Task<std::vector<Event>> EventBus::Subscription::Impl::next(std::shared_ptr<Impl> self,
                                                                std::uint32_t timeout_ms) {
  auto point = std::make_shared<WakePoint>();
  {
    const std::lock_guard lock(self->mutex);
    if (!self->queue.empty() || self->ended) co_return self->take();
    SF_ASSERT(!self->waiting);
    self->waiting = point;
  }
  const Registration registration(*self);
  WakePoint::Wait wait(*point, timeout_ms);
  co_await wait;
  const std::lock_guard lock(self->mutex);
  co_return self->take();
}

struct EventBus::Impl {
  std::mutex mutex;
  // Guarded by `mutex`.
  std::uint64_t sequence = static_cast<std::uint64_t>(wall_ms()) * 1000;
  std::deque<Event> backlog;
  std::vector<std::shared_ptr<Subscription::Impl>> subscriptions;
  bool ended = false;
};

EventBus::EventBus() : impl_(std::make_shared<Impl>()) {}
EventBus::~EventBus() { end_all(); }

void EventBus::publish(EventKind kind, std::shared_ptr<const Video> video) {
  const std::lock_guard lock(impl_->mutex);
  const Event event{++impl_->sequence, kind, std::move(video)};
  if (impl_->backlog.size() == limits::kEventBacklog) impl_->backlog.pop_front();
  impl_->backlog.push_back(event);
  for (const auto& subscription : impl_->subscriptions) subscription->push(event);
}

EventBus::Subscription EventBus::subscribe(std::optional<std::uint64_t> after) {
  auto subscription = std::make_shared<Subscription::Impl>();
  const std::lock_guard lock(impl_->mutex);
  if (after && *after != impl_->sequence) {
    // A number from the future is another bus's: nothing is known of what came between.
    const bool known = *after < impl_->sequence && !impl_->backlog.empty() &&
                       *after + 1 >= impl_->backlog.front().sequence;
    subscription->overflow = !known;
    if (*after < impl_->sequence) {
      const auto behind = std::ranges::upper_bound(impl_->backlog, *after, {}, &Event::sequence);
      subscription->queue.assign(behind, impl_->backlog.end());
    }
  }
  subscription->ended = impl_->ended;
  if (!impl_->ended) impl_->subscriptions.push_back(subscription);
  return Subscription(impl_, std::move(subscription));
}

void EventBus::end_all() noexcept {
  const std::lock_guard lock(impl_->mutex);
  impl_->ended = true;
  for (const auto& subscription : impl_->subscriptions) subscription->end();
  impl_->subscriptions.clear();
}

EventBus::Subscription::Subscription(std::weak_ptr<EventBus::Impl> bus, std::shared_ptr<Impl> impl)
    : bus_(std::move(bus)), impl_(std::move(impl)) {}
EventBus::Subscription::Subscription(Subscription&&) noexcept = default;

EventBus::Subscription::~Subscription() {
  if (!impl_) return;
  if (const auto bus = bus_.lock()) {
    const std::lock_guard lock(bus->mutex);
    std::erase(bus->subscriptions, impl_);
  }
  impl_->end();
}

io::Task<std::vector<Event>> EventBus::Subscription::next(std::uint32_t timeout_ms) {
  return Impl::next(impl_, timeout_ms);
}

bool EventBus::Subscription::take_overflow() noexcept {
  const std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->overflow, false);
}

bool EventBus::Subscription::ended() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return impl_->ended;
}

void EventBus::Subscription::end() noexcept { impl_->end(); }

}  // namespace sf::store

#pragma once

/// What happened, for whoever follows: the events stream, the scheduler, waiters. In-process and
/// lossy by contract (a slow subscriber is told that it missed some); records hold the truth.

#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/records.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sf::store {

enum class EventKind : std::uint8_t {
  kCreated,
  kProgress,
  kPlayable,
  kReady,
  kFailed,
  kUpdated,
  kDeleted
};
/// "video.created", …
[[nodiscard]] std::string_view name_of(EventKind kind) noexcept;

struct Event {
  std::uint64_t sequence =
      0;  ///< Grows by one; starts at wall_ms()·1000 so that it outlives restarts.
  EventKind kind = EventKind::kUpdated;
  std::shared_ptr<const Video> video;  ///< As committed.
};

/// Publish from any thread; each subscription is read on the reactor that made it, by one coroutine
/// at a time, and must be gone before that reactor is.
class EventBus {
  struct Impl;

 public:
  EventBus();
  ~EventBus();
  EventBus(const EventBus&) = delete;

  void publish(EventKind kind, std::shared_ptr<const Video> video);

  class Subscription {
   public:
    ~Subscription();
    Subscription(Subscription&&) noexcept;
    /// The next events (at least one), or empty after `timeout_ms` without any, or after `end`.
    io::Task<std::vector<Event>> next(std::uint32_t timeout_ms);
    /// True once when events were lost to a full queue since the last call.
    [[nodiscard]] bool take_overflow() noexcept;
    /// Whether no more events will come.
    [[nodiscard]] bool ended() const noexcept;
    /// Wakes a waiting `next`; from then on it gives empty at once. Any thread.
    void end() noexcept;

   private:
    friend class EventBus;
    struct Impl;
    Subscription(std::weak_ptr<EventBus::Impl> bus, std::shared_ptr<Impl> impl);
    std::weak_ptr<EventBus::Impl> bus_;
    std::shared_ptr<Impl> impl_;
  };
  /// From now on; with `after`, first what the backlog (limits::kEventBacklog) still has behind it;
  /// an `after` older than the backlog sets overflow.
  [[nodiscard]] Subscription subscribe(std::optional<std::uint64_t> after = std::nullopt);
  /// Ends all subscriptions, those to come included: shutdown.
  void end_all() noexcept;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace sf::store

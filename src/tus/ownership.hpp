#pragma once

/// Who is writing an upload. A request that needs an upload for itself takes a hold on it; a newer
/// request asks the older to let go (takeover) and is next in line. Holds cross reactors: the table
/// is sharded by id behind mutexes that are held for a few pointer moves, and whoever is to act is
/// told by message on its own reactor. Nothing here blocks.

#include <streamforge/base/error.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace sf::tus {

/// What a holder is asked to do.
enum class LetGo : std::uint8_t { kNo, kTakenOver, kStopping };

class Ownership {
 public:
  Ownership() = default;
  Ownership(const Ownership&) = delete;
  ~Ownership();  ///< Asserts that nobody holds or waits.

  class Hold;
  /// Only where nobody holds `id` or waits for it, and nothing is closed; nullopt otherwise, and
  /// nobody is asked anything.
  std::optional<Hold> take_free(const std::string& id);
  /// Waits in line for `id`, on the calling reactor; everyone before is asked to let go. kTimedOut
  /// after `timeout_ms`, kUnavailable once closed.
  io::Task<Result<Hold>> take(std::string id, std::uint32_t timeout_ms);

  /// Shutdown: asks everyone to let go and admits nobody from here on. Any thread.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  /// Requests that hold or wait.
  [[nodiscard]] std::size_t claims() const noexcept {
    return claims_.load(std::memory_order_acquire);
  }

 private:
  /// One request's claim; shared with the messages that speak of it.
  struct Claim {
    std::string id;
    io::Reactor* home = nullptr;
    std::atomic<LetGo> let_go{LetGo::kNo};
    std::coroutine_handle<> waiter;   ///< Guarded by the shard.
    bool granted = false;             ///< Guarded by the shard.
    std::function<void()> on_let_go;  ///< Home's thread only.
  };
  using ClaimPtr = std::shared_ptr<Claim>;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::deque<ClaimPtr>> lines;  ///< The first one holds.
  };
  class InLine;

  [[nodiscard]] Shard& shard_of(const std::string& id) noexcept;
  [[nodiscard]] ClaimPtr begin_claim(std::string id);
  [[nodiscard]] bool enter(const ClaimPtr& claim, std::coroutine_handle<> waiter);
  [[nodiscard]] bool give_up(const ClaimPtr& claim);
  void release(const ClaimPtr& claim) noexcept;
  static void ask(const ClaimPtr& claim, LetGo why);

  std::array<Shard, 16> shards_;
  std::atomic<std::size_t> claims_{0};
  std::atomic<bool> closed_{false};
};

/// The right to write one upload; move-only, given up when destroyed. Home reactor's thread only.
class Ownership::Hold {
 public:
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&&) = delete;
  ~Hold();

  /// Whether somebody waits for it to end, and why.
  [[nodiscard]] LetGo let_go() const noexcept {
    return claim_->let_go.load(std::memory_order_acquire);
  }
  /// Called on this reactor when the holder is asked to let go; replaces the one before. Empty when
  /// whatever it speaks of is gone.
  void on_let_go(std::function<void()> callback) { claim_->on_let_go = std::move(callback); }

 private:
  friend class Ownership;
  Hold(Ownership* owner, ClaimPtr claim) noexcept : owner_(owner), claim_(std::move(claim)) {}
  Ownership* owner_;
  ClaimPtr claim_;
};

}  // namespace sf::tus

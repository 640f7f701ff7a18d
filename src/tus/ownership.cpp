#include "ownership.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/io/timer.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace sf::tus {

/// One coroutine's wait for its turn; lives in its frame.
class Ownership::InLine {
 public:
  InLine(Ownership& owner, ClaimPtr claim, std::uint32_t timeout_ms) noexcept
      : owner_(owner), claim_(std::move(claim)), timeout_ms_(timeout_ms) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    if (owner_.enter(claim_, waiter)) return false;
    // Whoever grants does so by message to this reactor, so not before this turn has ended.
    timer_.arm(claim_->home->timers(), timeout_ms_, [this, waiter] {
      if (!owner_.give_up(claim_)) return;
      timed_out_ = true;
      waiter.resume();
    });
    return true;
  }
  [[nodiscard]] bool await_resume() noexcept {
    timer_.cancel();
    return !timed_out_;
  }

 private:
  Ownership& owner_;
  const ClaimPtr claim_;
  const std::uint32_t timeout_ms_;
  io::Timer timer_;
  bool timed_out_ = false;
};

Ownership::~Ownership() { SF_ASSERT(claims() == 0); }

/// One that counts, and stands in no line yet.
Ownership::ClaimPtr Ownership::begin_claim(std::string id) {
  auto claim = std::make_shared<Claim>();
  claim->id = std::move(id);
  claim->home = &io::Reactor::current();
  claims_.fetch_add(1, std::memory_order_acq_rel);
  return claim;
}

std::optional<Ownership::Hold> Ownership::take_free(const std::string& id) {
  ClaimPtr claim = begin_claim(id);
  bool taken = false;
  if (!closed()) {
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    const auto [line, is_free] = shard.lines.try_emplace(id);
    taken = claim->granted = is_free;
    if (taken) line->second.push_back(claim);
  }
  if (!taken) {
    claims_.fetch_sub(1, std::memory_order_acq_rel);
    return std::nullopt;
  }
  // `close` may have looked at this line before the claim stood in it.
  if (closed()) ask(claim, LetGo::kStopping);
  return Hold(this, std::move(claim));
}

io::Task<Result<Ownership::Hold>> Ownership::take(std::string id, std::uint32_t timeout_ms) {
  ClaimPtr claim = begin_claim(std::move(id));
  if (closed()) {
    claims_.fetch_sub(1, std::memory_order_acq_rel);
    co_return fail(ErrorCode::kUnavailable, "the server is stopping");
  }
  InLine in_line(*this, claim, timeout_ms);
  const bool granted = co_await in_line;
  if (!granted) co_return fail(ErrorCode::kTimedOut, "another request still writes this upload");
  co_return Hold(this, std::move(claim));
}

void Ownership::close() noexcept {
  closed_.store(true, std::memory_order_release);
  std::vector<ClaimPtr> all;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [id, line] : shard.lines) all.insert(all.end(), line.begin(), line.end());
  }
  for (const ClaimPtr& claim : all) ask(claim, LetGo::kStopping);
}

Ownership::Shard& Ownership::shard_of(const std::string& id) noexcept {
  return shards_[std::hash<std::string>{}(id) % shards_.size()];
}

/// True when the claim holds at once; else it waits and everyone before it is asked to let go.
bool Ownership::enter(const ClaimPtr& claim, std::coroutine_handle<> waiter) {
  Shard& shard = shard_of(claim->id);
  std::vector<ClaimPtr> before;
  {
    const std::lock_guard lock(shard.mutex);
    auto& line = shard.lines[claim->id];
    claim->waiter = waiter;
    before.assign(line.begin(), line.end());
    claim->granted = before.empty();
    line.push_back(claim);
  }
  for (const ClaimPtr& each : before) ask(each, LetGo::kTakenOver);
  // `close` may have looked at this line before the claim stood in it.
  if (closed()) ask(claim, LetGo::kStopping);
  return before.empty();
}

/// True when the claim left the line; false when it has just been granted.
bool Ownership::give_up(const ClaimPtr& claim) {
  Shard& shard = shard_of(claim->id);
  const std::lock_guard lock(shard.mutex);
  if (claim->granted) return false;
  std::erase(shard.lines[claim->id], claim);
  claims_.fetch_sub(1, std::memory_order_acq_rel);
  return true;
}

void Ownership::release(const ClaimPtr& claim) noexcept {
  claim->on_let_go = {};
  Shard& shard = shard_of(claim->id);
  ClaimPtr next;
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.lines.find(claim->id);
    SF_ASSERT(found != shard.lines.end() && found->second.front() == claim);
    found->second.pop_front();
    if (found->second.empty()) {
      shard.lines.erase(found);
    } else {
      next = found->second.front();
      next->granted = true;
    }
  }
  claims_.fetch_sub(1, std::memory_order_acq_rel);
  if (!next) return;
  io::Reactor* const home = next->home;
  home->post([next = std::move(next)] { next->waiter.resume(); });
}

void Ownership::ask(const ClaimPtr& claim, LetGo why) {
  LetGo asked = LetGo::kNo;
  if (!claim->let_go.compare_exchange_strong(asked, why, std::memory_order_acq_rel)) return;
  claim->home->post([claim] {
    if (claim->on_let_go) claim->on_let_go();
  });
}

Ownership::Hold::Hold(Hold&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)), claim_(std::move(other.claim_)) {}

Ownership::Hold::~Hold() {
  if (owner_) owner_->release(claim_);
}

}  // namespace sf::tus

#include "sweeper.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "assembler.hpp"
#include "handlers.hpp"

namespace sf::tus {
namespace {

constexpr std::int64_t kPauseMsMin = 100;
constexpr std::int64_t kPauseMsMax = 60'000;
constexpr std::uint32_t kHoldWaitMs = 1'000;

std::uint32_t pause_of(const Policy& policy) {
  const auto quarter = policy.expire_after_ms > 0 ? policy.expire_after_ms / 4 : kPauseMsMax;
  return static_cast<std::uint32_t>(std::clamp(quarter, kPauseMsMin, kPauseMsMax));
}

bool has_expired(const store::Upload& upload, const Policy& policy) {
  const auto expiry = expiry_of(upload, policy);
  return expiry && *expiry <= wall_ms();
}

/// Looks again at one upload, now that nobody else can change it, and does what is due.
io::Task<void> tend(Context& context, std::string id) {
  const auto hold = co_await context.ownership.take(id, kHoldWaitMs);
  if (!hold) co_return;
  auto upload = co_await context.catalogue.upload(id);
  if (!upload) co_return;
  Result<> done;
  if (has_expired(*upload, context.policy)) {
    done = co_await remove_all(context, id);
    log::info("tus", "expired upload removed", {{"upload", id}, {"bytes", upload->offset}});
  } else if (lacks_only_its_end(*upload)) {
    done = co_await finish(context, std::move(*upload));
    log::info("tus", "upload finished after a restart", {{"upload", id}});
  }
  if (!done) {
    log::error("tus", "cannot tend an upload", {{"upload", id}, {"error", done.error().message}});
  }
}

}  // namespace

/// Ends after the pause or when the sweeper is stopped. Home's thread.
class Sweeper::Pause {
 public:
  Pause(Sweeper& sweeper, std::uint32_t ms) noexcept : sweeper_(sweeper), ms_(ms) {}
  bool await_ready() const noexcept { return sweeper_.stopping_; }
  void await_suspend(std::coroutine_handle<> sleeper) {
    sweeper_.sleeper_ = sleeper;
    sweeper_.timer_.arm(sweeper_.home_->timers(), ms_, [this] { sweeper_.wake(); });
  }
  void await_resume() const noexcept {}

 private:
  Sweeper& sweeper_;
  const std::uint32_t ms_;
};

void Sweeper::start() {
  SF_ASSERT(!home_);
  home_ = &io::Reactor::current();
  ended_ = false;
  home_->spawn(run());
}

io::Task<void> Sweeper::stop() {
  if (!home_) co_return;
  stopping_ = true;
  home_->post([this] { wake(); });
  auto& reactor = io::Reactor::current();
  while (!ended_) co_await reactor.sleep_ms(2);
}

void Sweeper::wake() {
  timer_.cancel();
  if (sleeper_) std::exchange(sleeper_, nullptr).resume();
}

io::Task<void> Sweeper::run() {
  while (!stopping_) {
    co_await pass();
    Pause pause(*this, pause_of(context_.policy));
    co_await pause;
  }
  ended_ = true;
}

io::Task<void> Sweeper::pass() {
  auto uploads = co_await context_.catalogue.unfinished_uploads();
  if (!uploads) {
    log::error("tus", "cannot list unfinished uploads", {{"error", uploads.error().message}});
    co_return;
  }
  std::unordered_set<std::string> unfinished;
  for (const auto& upload : *uploads) unfinished.insert(upload.id);
  for (const auto& upload : *uploads) {
    if (stopping_) break;
    // A part lives as long as its whole has not been made.
    if (!upload.into.empty() && unfinished.contains(upload.into)) continue;
    // A whole of a group expires by itself; a final with its parts, or becomes of use.
    if (upload.group.empty() && concat_kind(upload.concat) == ConcatKind::kFinal) {
      if (first_pass_) context_.assembler->submit(upload.id);
      continue;
    }
    const bool crashed = first_pass_ && lacks_only_its_end(upload) && !upload.end_refused;
    if (crashed || has_expired(upload, context_.policy)) co_await tend(context_, upload.id);
  }
  first_pass_ = false;
}

}  // namespace sf::tus

#include "admission.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::tus {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
/// Accounts that are kept in mind before those without a body are looked through.
constexpr std::size_t kAccountsKept = 1'024;
constexpr unsigned kBusyRetrySeconds = 5;

}  // namespace

Decision<Admission::Pass> Admission::enter(const std::string& account, bool creates,
                                           std::int64_t now_ms) {
  if (account.empty()) return Pass(nullptr, {});
  const std::lock_guard lock(mutex_);
  if (accounts_.size() >= kAccountsKept) forget_idle(now_ms);
  Account& mine = accounts_[account];
  // A clock that was set back begins a new minute.
  if (now_ms < mine.minute_began_ms || now_ms - mine.minute_began_ms >= kMinuteMs) {
    mine.minute_began_ms = now_ms;
    mine.creations = 0;
  }
  if (limits_.bodies_max != 0 && mine.bodies >= limits_.bodies_max) {
    return std::unexpected(
        Refusal{.status = 429,
                .code = "too_many_uploads",
                .detail = concat("this account sends ", mine.bodies, " uploads at once"),
                .hint = "wait until one of them has ended",
                .retry_after_seconds = kBusyRetrySeconds});
  }
  if (creates && limits_.creations_per_minute_max != 0 &&
      mine.creations >= limits_.creations_per_minute_max) {
    const std::int64_t left_ms = kMinuteMs - (now_ms - mine.minute_began_ms);
    return std::unexpected(
        Refusal{.status = 429,
                .code = "too_many_creations",
                .detail = concat("this account has begun ", mine.creations, " uploads in a minute"),
                .hint = "begin fewer, larger uploads, or wait",
                .retry_after_seconds = static_cast<unsigned>((left_ms + 999) / 1'000)});
  }
  if (creates) ++mine.creations;
  ++mine.bodies;
  return Pass(this, account);
}

void Admission::leave(const std::string& account) noexcept {
  const std::lock_guard lock(mutex_);
  --accounts_.find(account)->second.bodies;
}

void Admission::forget_idle(std::int64_t now_ms) {
  std::erase_if(accounts_, [now_ms](const auto& entry) {
    const Account& account = entry.second;
    return account.bodies == 0 && now_ms - account.minute_began_ms >= kMinuteMs;
  });
}

}  // namespace sf::tus

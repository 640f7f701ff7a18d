#include "quota.hpp"

#include <streamforge/base/bytes.hpp>

namespace sf::tus {
namespace {

constexpr unsigned kUnfinishedRetrySeconds = 60;

}  // namespace

std::optional<Quota::Place> Quota::try_take(const std::string& account, std::uint64_t bytes) {
  const bool limited = limits_.bytes_max != 0 || limits_.unfinished_max != 0;
  if (account.empty() || !limited) return Place();
  const std::lock_guard lock(mutex_);
  Account& mine = accounts_[account];
  if (!mine.counted || !check(mine, bytes)) return std::nullopt;
  return pend(mine, account, bytes);
}

Decision<Quota::Place> Quota::take(const std::string& account, std::uint64_t bytes,
                                   const store::Holdings& counted) {
  const std::lock_guard lock(mutex_);
  Account& mine = accounts_[account];
  mine.counted = counted;
  if (auto room = check(mine, bytes); !room) return std::unexpected(std::move(room.error()));
  return pend(mine, account, bytes);
}

Decision<> Quota::check(const Account& account, std::uint64_t bytes) const {
  const std::uint64_t held = account.counted->bytes + account.pending.bytes;
  const std::uint64_t unfinished = account.counted->unfinished + account.pending.unfinished;
  if (limits_.bytes_max != 0 && (held > limits_.bytes_max || bytes > limits_.bytes_max - held)) {
    return std::unexpected(Refusal{
        .status = 413,
        .code = "account_full",
        .detail = concat("the uploads of this account hold ", held, " bytes of at most ",
                         limits_.bytes_max),
        .hint = "delete videos that are not needed, or ask the administrator for more room"});
  }
  if (limits_.unfinished_max != 0 && unfinished >= limits_.unfinished_max) {
    return std::unexpected(
        Refusal{.status = 429,
                .code = "too_many_unfinished",
                .detail = concat("this account has ", unfinished, " unfinished uploads"),
                .hint = "finish or delete some of them; forgotten ones expire",
                .retry_after_seconds = kUnfinishedRetrySeconds});
  }
  return {};
}

Quota::Place Quota::pend(Account& account, const std::string& name, std::uint64_t bytes) {
  account.pending.bytes += bytes;
  ++account.pending.unfinished;
  return {this, name, bytes};
}

void Quota::settle(const std::string& account, std::uint64_t bytes, bool kept) noexcept {
  const std::lock_guard lock(mutex_);
  Account& mine = accounts_.find(account)->second;
  mine.pending.bytes -= bytes;
  --mine.pending.unfinished;
  if (!kept) return;
  mine.counted->bytes += bytes;
  ++mine.counted->unfinished;
}

}  // namespace sf::tus

#pragma once

/// How much the uploads of one account may hold: bytes in all, and how many may be unfinished. The
/// truth is in the catalogue; here it is counted once, new uploads are added, and before anybody is
/// refused it is counted again. Any thread; a lock is held for a look-up.

#include <streamforge/store/catalogue.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "protocol.hpp"

namespace sf::tus {

/// 0 is "no limit".
struct QuotaLimits {
  std::uint64_t bytes_max = 0;       ///< Of all its uploads, finished or not, as announced.
  std::uint64_t unfinished_max = 0;  ///< Uploads.
};

class Quota {
 public:
  explicit Quota(const QuotaLimits& limits) noexcept : limits_(limits) {}
  Quota(const Quota&) = delete;

  /// The place of one upload that is being made; move-only. `keep` it once the upload has a record;
  /// else it is given back when destroyed. Of nobody when default-made.
  class Place {
   public:
    Place() noexcept = default;
    Place(Place&& other) noexcept
        : quota_(std::exchange(other.quota_, nullptr)),
          account_(std::move(other.account_)),
          bytes_(other.bytes_) {}
    Place& operator=(Place&&) = delete;
    ~Place() { end(false); }
    void keep() noexcept { end(true); }

   private:
    friend class Quota;
    Place(Quota* quota, std::string account, std::uint64_t bytes) noexcept
        : quota_(quota), account_(std::move(account)), bytes_(bytes) {}
    void end(bool kept) noexcept {
      if (quota_) std::exchange(quota_, nullptr)->settle(account_, bytes_, kept);
    }
    Quota* quota_ = nullptr;
    std::string account_;
    std::uint64_t bytes_ = 0;
  };

  /// A place by what is known; nothing when the account was not counted yet or seems full: then
  /// count, and `take`. Nobody's uploads (an empty `account`: --open) always have one.
  [[nodiscard]] std::optional<Place> try_take(const std::string& account, std::uint64_t bytes);
  /// The same with what the catalogue holds now. 413, or 429 for too many unfinished ones.
  Decision<Place> take(const std::string& account, std::uint64_t bytes,
                       const store::Holdings& counted);

 private:
  struct Account {
    std::optional<store::Holdings> counted;
    store::Holdings pending;  ///< Places that are neither kept nor given back.
  };
  [[nodiscard]] Decision<> check(const Account& account, std::uint64_t bytes) const;
  Place pend(Account& account, const std::string& name, std::uint64_t bytes);
  void settle(const std::string& account, std::uint64_t bytes, bool kept) noexcept;

  const QuotaLimits limits_;
  std::mutex mutex_;
  std::unordered_map<std::string, Account> accounts_;  ///< Guarded by `mutex_`.
};

}  // namespace sf::tus

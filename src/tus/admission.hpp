#pragma once

/// What one account may do at once and in a minute, so that nobody's script takes the server from
/// the others. Counted in memory: a restart forgets. Any thread; a lock is held for a look-up.

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "protocol.hpp"

namespace sf::tus {

/// 0 is "no limit".
struct AdmissionLimits {
  unsigned bodies_max = 0;                ///< Requests that send bytes, at once.
  unsigned creations_per_minute_max = 0;  ///< New uploads.
};

class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits) noexcept : limits_(limits) {}
  Admission(const Admission&) = delete;

  /// The right to send one body; move-only, given back when destroyed.
  class Pass {
   public:
    Pass(Pass&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          account_(std::move(other.account_)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (admission_) admission_->leave(account_);
    }

   private:
    friend class Admission;
    Pass(Admission* admission, std::string account) noexcept
        : admission_(admission), account_(std::move(account)) {}
    Admission* admission_;
    std::string account_;
  };

  /// For a PATCH, or a POST that `creates`. 429, with when to come back. Nobody's requests (an
  /// empty `account`: --open) are not counted.
  Decision<Pass> enter(const std::string& account, bool creates, std::int64_t now_ms);

 private:
  struct Account {
    unsigned bodies = 0;
    unsigned creations = 0;  ///< Since `minute_began_ms`.
    std::int64_t minute_began_ms = 0;
  };
  void leave(const std::string& account) noexcept;
  void forget_idle(std::int64_t now_ms);

  const AdmissionLimits limits_;
  std::mutex mutex_;
  std::unordered_map<std::string, Account> accounts_;  ///< Guarded by `mutex_`.
};

}  // namespace sf::tus

#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sf::store {

/// Counts failed logins per name and per address. An attempt is charged before the password is
/// tried, so that many at once do not slip through, and given back when it was right. Any thread.
class LoginLimiter {
 public:
  /// Milliseconds until another try is allowed, 0 when now. Takes the time so that tests can turn
  /// it.
  [[nodiscard]] std::uint32_t wait_ms(std::string_view name, std::string_view host,
                                      std::uint64_t now_ms) const;
  /// False, and nothing charged, when one of the two has used up its tries.
  [[nodiscard]] bool charge(std::string_view name, std::string_view host, std::uint64_t now_ms);
  /// The try was no failure after all.
  void refund(std::string_view name, std::string_view host);
  /// The password was right: earlier failures of the name were typing errors.
  void forget(std::string_view name);

 private:
  struct Failures {
    unsigned count = 0;
    std::uint64_t window_ends_ms = 0;
  };
  [[nodiscard]] std::uint32_t wait_of(const std::string& subject, std::uint64_t now_ms) const;
  void add(const std::string& subject, std::uint64_t now_ms);
  void subtract(const std::string& subject);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_map<std::string, Failures> failures_;
};

}  // namespace sf::store

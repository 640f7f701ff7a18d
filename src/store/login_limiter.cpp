#include "login_limiter.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

namespace sf::store {
namespace {

std::string name_subject(std::string_view name) { return concat("n:", to_lower(name)); }
std::string host_subject(std::string_view host) { return concat("h:", host); }

}  // namespace

std::uint32_t LoginLimiter::wait_of(const std::string& subject, std::uint64_t now_ms) const {
  const auto found = failures_.find(subject);
  if (found == failures_.end() || found->second.count < limits::kLoginFailuresMax) return 0;
  const auto ends_ms = found->second.window_ends_ms;
  return ends_ms > now_ms ? static_cast<std::uint32_t>(ends_ms - now_ms) : 0;
}

std::uint32_t LoginLimiter::wait_ms(std::string_view name, std::string_view host,
                                    std::uint64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  return std::max(wait_of(name_subject(name), now_ms), wait_of(host_subject(host), now_ms));
}

void LoginLimiter::add(const std::string& subject, std::uint64_t now_ms) {
  auto& entry = failures_[subject];
  if (entry.window_ends_ms <= now_ms) entry = {0, now_ms + limits::kLoginWindowMs};
  ++entry.count;
}

bool LoginLimiter::charge(std::string_view name, std::string_view host, std::uint64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const std::string by_name = name_subject(name);
  const std::string by_host = host_subject(host);
  if (wait_of(by_name, now_ms) != 0 || wait_of(by_host, now_ms) != 0) return false;
  if (failures_.size() + 2 > limits::kLoginSubjectsMax) {
    std::erase_if(failures_, [now_ms](const auto& e) { return e.second.window_ends_ms <= now_ms; });
    // Still full: a flood of made-up names. Addresses go on being counted, names start again.
    if (failures_.size() + 2 > limits::kLoginSubjectsMax) {
      std::erase_if(failures_, [](const auto& e) { return e.first.starts_with("n:"); });
    }
    if (failures_.size() + 2 > limits::kLoginSubjectsMax) return false;
  }
  add(by_name, now_ms);
  add(by_host, now_ms);
  return true;
}

void LoginLimiter::subtract(const std::string& subject) {
  const auto found = failures_.find(subject);
  if (found != failures_.end() && --found->second.count == 0) failures_.erase(found);
}

void LoginLimiter::refund(std::string_view name, std::string_view host) {
  const std::lock_guard lock(mutex_);
  subtract(name_subject(name));
  subtract(host_subject(host));
}

void LoginLimiter::forget(std::string_view name) {
  const std::lock_guard lock(mutex_);
  failures_.erase(name_subject(name));
}

}  // namespace sf::store

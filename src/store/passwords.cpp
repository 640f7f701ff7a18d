#include "passwords.hpp"

#include <sodium.h>
#include <streamforge/base/limits.hpp>

#include <utility>

namespace sf::store {

Result<> start_sodium() {
  if (::sodium_init() >= 0) return {};
  return fail(ErrorCode::kInternal, "libsodium does not start");
}

SecretHash hash_secret(std::string_view secret) noexcept {
  static_assert(crypto_hash_sha256_BYTES == std::tuple_size_v<SecretHash>);
  SecretHash hash;
  ::crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                       reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  return hash;
}

bool equal(const SecretHash& a, const SecretHash& b) noexcept {
  return ::sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<std::string> hash_password(std::string_view password) {
  char hash[crypto_pwhash_STRBYTES];
  if (::crypto_pwhash_str(hash, password.data(), password.size(),
                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
    return fail(ErrorCode::kUnavailable, "no memory to hash the password");
  }
  return std::string(hash);
}

bool is_password(const std::string& hash, std::string_view password) {
  return ::crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

const std::string& dummy_password_hash() {
  static const std::string hash =
      "$argon2id$v=19$m=65536,t=2,p=1$QSGZPBz+6HFhz4NHft776w$xBZon8cZSXzgHvavdUzv+dDSU9UbFipuuWluW+"
      "C9umY";
  return hash;
}

struct PasswordLane::Awaiter {
  PasswordLane& lane;
  std::function<void()> work;
  bool accepted = true;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    io::Reactor& home = io::Reactor::current();
    // Not touched after a submit that was accepted: the coroutine may go on at once.
    const bool submitted = lane.submit([this, &home, waiter] {
      work();
      home.post([waiter] { waiter.resume(); });
    });
    if (!submitted) accepted = false;
    return submitted;
  }
  bool await_resume() const noexcept { return accepted; }
};

io::Task<Result<>> PasswordLane::run(std::function<void()> work) {
  Awaiter awaiter{*this, std::move(work)};
  if (co_await awaiter) co_return Result<>();
  co_return fail(ErrorCode::kUnavailable, "too many logins at once, try again in a moment");
}

PasswordLane::~PasswordLane() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !draining_; });
}

bool PasswordLane::submit(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == limits::kPasswordQueueMax) return false;
    waiting_.push_back(std::move(work));
    if (std::exchange(draining_, true)) return true;
  }
  pool_.submit([this] { drain(); });
  return true;
}

void PasswordLane::drain() {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    work = std::move(waiting_.front());
    waiting_.pop_front();
  }
  work();
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      draining_ = false;
      idle_.notify_all();
      return;
    }
  }
  // To the end of the pool's line: reads and file work go between.
  pool_.submit([this] { drain(); });
}

}  // namespace sf::store

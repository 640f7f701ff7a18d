#pragma once

#include <streamforge/base/error.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/task.hpp>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace sf::store {

/// Starts libsodium; once, before anything below. Any thread.
Result<> start_sodium();

/// SHA-256, binary: what a secret is looked up by. Needs no allocation.
using SecretHash = std::array<std::byte, 32>;
[[nodiscard]] SecretHash hash_secret(std::string_view secret) noexcept;
[[nodiscard]] bool equal(const SecretHash& a, const SecretHash& b) noexcept;

/// argon2id with libsodium's interactive limits: 64 MiB and a tenth of a second of one core. Block.
[[nodiscard]] Result<std::string> hash_password(std::string_view password);
[[nodiscard]] bool is_password(const std::string& hash, std::string_view password);
/// The hash of a password nobody knows: unknown names are tried against it, in the same time.
[[nodiscard]] const std::string& dummy_password_hash();

/// Runs work on the pool, one piece at a time and with a bounded line: hashes must neither take all
/// pool threads from the catalogue nor 64 MiB each at once.
class PasswordLane {
 public:
  explicit PasswordLane(io::OffloadPool& pool) : pool_(pool) {}
  PasswordLane(const PasswordLane&) = delete;
  ~PasswordLane();  ///< Waits for what was accepted.

  /// kUnavailable when the line is full. `work` may hold references to the awaiting coroutine's
  /// locals.
  io::Task<Result<>> run(std::function<void()> work);

 private:
  struct Awaiter;
  bool submit(std::function<void()> work);
  void drain();

  io::OffloadPool& pool_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<std::function<void()>> waiting_;
  bool draining_ = false;
  std::condition_variable idle_;
};

}  // namespace sf::store

#pragma once

/// The other side: uploads a file to any tus 1.0.0 server from a terminal. Blocking; a large file
/// leaves over several connections, a thread each. docs/protocols/tus.md says what it does when.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sf::tus {

/// Connections at once. On a line that loses packets each is slowed by its own losses only;
/// docs/protocols/tus.md has the numbers.
inline constexpr unsigned kUploadParallelDefault = 8;
inline constexpr unsigned kUploadParallelMax = 32;

struct UploadOrder {
  std::string file;
  std::string base_url;    ///< "http://HOST:PORT" or "https://HOST/PATH"
  bool insecure = false;   ///< Takes any certificate.
  std::string token;       ///< Bearer; empty under --open.
  std::string title;       ///< Empty: from the file's name.
  std::string visibility;  ///< Empty: the server's default.
  /// The folder where unfinished uploads are remembered between runs; empty: nowhere.
  std::string state_dir;
  unsigned parallel = kUploadParallelDefault;  ///< 1: begun as one plain upload.
};

struct UploadProgress {
  std::uint64_t sent_bytes = 0;  ///< The server has them, or its kernel.
  std::uint64_t total_bytes = 0;
  std::uint64_t moved_bytes = 0;  ///< What this run sent, what it sent again included.
  bool sent_is_known = false;     ///< Not while the server is asked where an earlier run stopped.
  std::string_view trouble;       ///< Why nothing moves at all; empty when something does.
  std::uint64_t retry_in_ms = 0;  ///< With `trouble`.
};

/// Both are called from the uploader's threads, never two at once, and may be empty.
struct UploadObserver {
  /// Several times a second. Returning false stops within a moment with kCancelled.
  std::function<bool(const UploadProgress&)> on_progress;
  /// What a person should know and needs no answer: one sentence.
  std::function<void(std::string_view)> on_notice;
};

struct UploadOutcome {
  std::string id;
  std::string watch_url;
  std::uint64_t bytes = 0;
};

/// Continues where an earlier run of the same file (path, size, time) to the same server stopped,
/// and tries again, without end, what may pass: a server that is away, 408, 409, 423, 429, 460 and
/// 5xx. Fails with what will not pass: kUnavailable when nothing at all answers at a URL where
/// nothing is under way, kNoSpace for 507, kConflict when the file changes meanwhile, kNotFound
/// when the server lost the upload meanwhile; the code of a refusal and its words else. But for the
/// last two, the next run continues.
[[nodiscard]] Result<UploadOutcome> upload(const UploadOrder& order,
                                           const UploadObserver& observer);

}  // namespace sf::tus

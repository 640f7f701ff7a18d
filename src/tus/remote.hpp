#pragma once

/// A tus 1.0.0 server as the uploader sees it: a verb a call, over one connection of its own.
/// Blocking; one thread.

#include <streamforge/http/client.hpp>
#include <streamforge/tus/uploader.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "metadata.hpp"

namespace sf::tus {

/// Errors: kUnavailable for answers that may be others later (`may_pass`), kNotFound when the
/// upload is gone, kUnsupported where no tus server is, kConflict and kCorrupt when the file ended
/// early or cannot be read; all with the server's words and, where we know, what to do.
class Remote {
 public:
  /// `watch`: as http::Client's. `order` outlives this.
  Remote(const UploadOrder& order, std::function<bool(std::uint64_t body_bytes)> watch);

  /// Whether it makes one upload of several (the extension `concatenation`).
  [[nodiscard]] Result<bool> joins_parts();
  /// A new upload's Location; of a part when a place is given.
  [[nodiscard]] Result<std::string> create(std::uint64_t bytes,
                                           const std::optional<Placement>& place);
  /// How many bytes of an upload of `bytes` it has. kNotFound also when that is another upload.
  [[nodiscard]] Result<std::uint64_t> offset(std::string_view location, std::uint64_t bytes);
  /// Sends `bytes` of `file` from `file_offset`, which are the upload's from `offset` on; gives the
  /// new offset.
  [[nodiscard]] Result<std::uint64_t> append(std::string_view location, std::uint64_t offset,
                                             int file, std::uint64_t file_offset,
                                             std::uint64_t bytes);
  /// The whole's Location; `parts` in the order of their bytes.
  [[nodiscard]] Result<std::string> join(const std::vector<std::string>& parts);

  /// Whether anything has answered yet, and when the last answer wanted to be asked again (0: it
  /// did not say).
  [[nodiscard]] bool has_answered() const noexcept { return has_answered_; }
  [[nodiscard]] std::uint64_t retry_after_ms() const noexcept { return retry_after_ms_; }

 private:
  Result<http::ClientResponse> heard(Result<http::ClientResponse> answer);

  const UploadOrder& order_;
  const std::string collection_;  ///< "/files", below the path of the server's URL if it has one.
  http::Client client_;
  bool has_answered_ = false;
  std::uint64_t retry_after_ms_ = 0;
};

[[nodiscard]] bool may_pass(const Error& error) noexcept;
/// What a Retry-After field (RFC 9110, 10.2.3) asks for, at most a day; 0 when it says nothing.
[[nodiscard]] std::uint64_t retry_after_ms_of(std::string_view field, std::int64_t wall_now_ms);
/// The upload's name: the last segment of its Location.
[[nodiscard]] std::string id_of(std::string_view location);

}  // namespace sf::tus

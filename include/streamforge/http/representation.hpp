#pragma once

/// What a GET may select parts and versions of. `respond` applies, in the order of RFC 9110 section
/// 13.2.2, If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since, then If-Range and
/// Range, and gives 200, 206, 304, 412 or 416 with the right fields. Pure: no I/O.

#include <streamforge/http/message.hpp>

#include <atomic>
#include <limits>
#include <variant>

namespace sf::http {

struct Representation {
  std::string content_type;
  std::string etag;                   ///< Strong, with its quotes; changes iff the bytes change.
  std::int64_t last_modified_ms = 0;  ///< 0: none.
  std::string cache_control;
  std::string content_encoding;                ///< "gzip", or empty.
  bool varies_by_encoding = false;             ///< Adds `Vary: Accept-Encoding`.
  std::variant<SharedBytes, FileSlice> bytes;  ///< All of it.
};

/// How long an answer may be given again without asking the handler that made it: see
/// Response::reuse. For what depends on the target and Accept-Encoding alone, whoever asks.
struct Reuse {
  Representation representation;
  /// Another value than `seen` ends it; null never does. Lives as long as the server. The handler
  /// reads it before anything that the answer is made of.
  const std::atomic<std::uint64_t>* version = nullptr;
  std::uint64_t seen = 0;
  std::int64_t until_wall_ms = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] bool valid(std::int64_t now_wall_ms) const noexcept {
    return (!version || version->load(std::memory_order_acquire) == seen) &&
           now_wall_ms < until_wall_ms;
  }
};

[[nodiscard]] Response respond(const Request& request, Representation representation);

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< Inclusive.
};
enum class RangeVerdict : std::uint8_t { kWhole, kRanges, kUnsatisfiable };
struct RangeDecision {
  RangeVerdict verdict = RangeVerdict::kWhole;
  std::vector<ByteRange> ranges;
};
/// RFC 9110 section 14.2 for a representation of `bytes`: malformed or unknown units are kWhole,
/// over limits::kRangesMax is kWhole; overlapping ranges are coalesced.
[[nodiscard]] RangeDecision decide_ranges(std::string_view field, std::uint64_t bytes);

/// The quality-weighted choice of Accept-Encoding between identity and `offered` ("gzip").
[[nodiscard]] bool accepts_encoding(std::string_view accept_encoding, std::string_view offered);

/// `text` compressed, the same bytes each time (RFC 1952, no time, no name).
[[nodiscard]] std::string gzip(std::string_view text);

/// "text/html; charset=utf-8" for a file name's ending; application/octet-stream when unknown.
[[nodiscard]] std::string_view content_type_of(std::string_view file_name) noexcept;

}  // namespace sf::http

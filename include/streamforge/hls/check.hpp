#pragma once

/// The rows of docs/protocols/hls.md, looked at from outside: anybody's stream, however it is
/// reached. No I/O of its own: whoever checks brings a `Fetch`. One thread; nothing here fails:
/// what cannot be had or read is a verdict too.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::hls {

/// An answer as a player gets it. Without HTTP (a folder) `headers` is false and only `body` holds.
struct Fetched {
  bool headers = false;
  int status = 200;
  std::string content_type;
  std::string content_encoding;
  std::string vary;
  std::string etag;
  std::string cache_control;
  std::string allow_origin;
  std::string body;
};
/// Asks as a browser on another site would; `compressed`: accepts gzip (the body is not looked at).
using Fetch = std::function<Result<Fetched>(const std::string& uri, bool compressed)>;

enum class RowVerdict : std::uint8_t {
  kHolds,
  kBroken,       ///< A must: not good.
  kNotFollowed,  ///< A should.
  kNotSeen,      ///< Does not apply, or cannot be told from here: `detail` says which.
};
struct CheckedRow {
  unsigned number = 0;  ///< 33 for P33.
  std::string_view title;
  RowVerdict verdict = RowVerdict::kNotSeen;
  std::string detail;
};
/// All rows in order. `uri` is a multivariant playlist or a media playlist alone.
[[nodiscard]] std::vector<CheckedRow> check_stream(const std::string& uri, const Fetch& fetch);

}  // namespace sf::hls

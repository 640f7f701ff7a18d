#pragma once

/// Links to a private video that work until a moment: "EXPIRES-MAC" in the query, checked with the
/// server's key alone. Pure but for the time it is given; any thread.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace sf::serve {

class PlaybackTokens {
 public:
  explicit PlaybackTokens(std::string key) : key_(std::move(key)) {}

  /// `expires_s`: seconds since 1970.
  [[nodiscard]] std::string sign(std::string_view video, std::int64_t expires_s) const;
  /// When the token ends to be good for this video, in wall milliseconds; kPermissionDenied when it
  /// is none of ours or its time is over.
  [[nodiscard]] Result<std::int64_t> check(std::string_view video, std::string_view token,
                                           std::int64_t now_wall_ms) const;

 private:
  [[nodiscard]] std::string mac_of(std::string_view video, std::string_view expires) const;
  const std::string key_;
};

}  // namespace sf::serve

#include "playback_token.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/digest.hpp>

namespace sf::serve {

namespace {
/// 128 bits of the code are enough against guessing, and keep links short.
constexpr std::size_t kMacDigits = 32;
constexpr std::uint64_t kExpiresMax = std::uint64_t{1} << 40;
}  // namespace

std::string PlaybackTokens::mac_of(std::string_view video, std::string_view expires) const {
  return hmac_sha256_hex(key_, concat("playback\n", video, '\n', expires)).substr(0, kMacDigits);
}

std::string PlaybackTokens::sign(std::string_view video, std::int64_t expires_s) const {
  const std::string expires = concat(expires_s);
  return concat(expires, '-', mac_of(video, expires));
}

Result<std::int64_t> PlaybackTokens::check(std::string_view video, std::string_view token,
                                           std::int64_t now_wall_ms) const {
  const auto dash = token.find('-');
  const std::string_view expires = token.substr(0, dash);
  const auto expires_s = parse_decimal(expires, kExpiresMax);
  const bool ours = dash != std::string_view::npos && expires_s &&
                    equals_in_constant_time(token.substr(dash + 1), mac_of(video, expires));
  if (!ours) return fail(ErrorCode::kPermissionDenied, "This link was not made for this video.");
  const auto until_ms = static_cast<std::int64_t>(*expires_s) * 1000;
  if (now_wall_ms >= until_ms) {
    return fail(ErrorCode::kPermissionDenied, "This link has expired. Ask for a new one.");
  }
  return until_ms;
}

}  // namespace sf::serve

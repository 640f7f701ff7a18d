#include "adts.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::size_t kHeadBytes = 7;
constexpr std::size_t kCrcBytes = 2;

}  // namespace

std::optional<AdtsHead> parse_adts(std::span<const std::uint8_t> parsed) noexcept {
  if (parsed.size() < kHeadBytes || parsed[0] != 0xff || (parsed[1] & 0xf6) != 0xf0) {
    return std::nullopt;
  }
  AdtsHead head;
  head.profile = parsed[2] >> 6;
  head.rate = parsed[2] >> 2 & 0x0f;
  head.channels = static_cast<std::uint8_t>((parsed[2] & 1) << 2 | parsed[3] >> 6);
  head.more_blocks = parsed[6] & 3;
  head.head_bytes = kHeadBytes + ((parsed[1] & 1) != 0 ? 0 : kCrcBytes);
  head.bytes = std::size_t{parsed[3] & 3U} << 11 | std::size_t{parsed[4]} << 3 | parsed[5] >> 5;
  if (head.bytes <= head.head_bytes) return std::nullopt;
  return head;
}

std::array<std::uint8_t, 7> adts_head(std::size_t payload_bytes, std::uint32_t sample_rate,
                                      std::uint32_t channels) noexcept {
  const auto rate =
      static_cast<std::uint32_t>(std::ranges::find(kAacRates, sample_rate) - kAacRates.begin());
  const auto length = static_cast<std::uint32_t>(payload_bytes + kHeadBytes);
  return {0xff,
          0xf1,
          static_cast<std::uint8_t>(1U << 6 | rate << 2 | channels >> 2),
          static_cast<std::uint8_t>((channels & 3U) << 6 | length >> 11),
          static_cast<std::uint8_t>(length >> 3),
          static_cast<std::uint8_t>((length & 7U) << 5 | 0x1f),
          0xfc};
}

}  // namespace sf::transcode

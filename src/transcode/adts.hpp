#pragma once

/// ADTS: how AAC is framed in transport streams (ISO/IEC 13818-7 section 6.2). Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sf::transcode {

/// Sample rates by their index (ISO/IEC 14496-3 section 1.6.3.4).
inline constexpr std::array<std::uint32_t, 13> kAacRates{96'000, 88'200, 64'000, 48'000, 44'100,
                                                         32'000, 24'000, 22'050, 16'000, 12'000,
                                                         11'025, 8'000,  7'350};

struct AdtsHead {
  std::uint8_t profile = 0;      ///< 1: AAC-LC.
  std::uint8_t rate = 0;         ///< In `kAacRates`; may lie behind its end.
  std::uint8_t channels = 0;     ///< 0: the frame itself says it.
  std::uint8_t more_blocks = 0;  ///< Of 1,024 samples, after the first.
  std::size_t head_bytes = 0;
  std::size_t bytes = 0;  ///< Of the frame, its head included; `parsed` may be shorter.
};

/// The head that `parsed` begins with; nullopt when it begins with none, or with one of no frame.
[[nodiscard]] std::optional<AdtsHead> parse_adts(std::span<const std::uint8_t> parsed) noexcept;

/// The head of a frame of AAC-LC of one block, without a CRC. `sample_rate` is one of `kAacRates`.
[[nodiscard]] std::array<std::uint8_t, 7> adts_head(std::size_t payload_bytes,
                                                    std::uint32_t sample_rate,
                                                    std::uint32_t channels) noexcept;

}  // namespace sf::transcode

#pragma once

/// What can be told of an MPEG-TS segment without decoding it (ISO/IEC 13818-1; H.264 start codes).
/// Pure; reads bytes of strangers.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sf::hls {

struct TsTrack {
  std::uint16_t pid = 0;
  std::uint8_t type = 0;           ///< stream_type: 0x1b H.264, 0x24 H.265, 0x0f AAC.
  std::vector<std::int64_t> pts;   ///< Of each PES packet, in order of arrival; 33 bits.
  std::vector<std::int64_t> idrs;  ///< H.264: PTS of those with an IDR picture.
  bool begins_with_idr = false;    ///< H.264: the first picture is one, SPS and PPS before it.
  std::optional<std::uint32_t> profile;  ///< H.264: profile, constraints, level of the first SPS.
};

struct TsScan {
  std::vector<std::string> faults;  ///< Against P24, inside this segment.
  std::vector<TsTrack> tracks;
  /// By PID with payload: continuity counter of the first and of the last packet.
  std::map<std::uint16_t, std::pair<unsigned, unsigned>> counters;

  [[nodiscard]] const TsTrack* video() const noexcept;
  [[nodiscard]] const TsTrack* audio() const noexcept;
};

[[nodiscard]] TsScan scan_ts(std::span<const std::uint8_t> bytes);

}  // namespace sf::hls

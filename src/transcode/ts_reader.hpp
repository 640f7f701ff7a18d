#pragma once

/// A segment of ours taken apart again: what TsWriter puts together. Not for transport streams of
/// others: one program, one stream, a whole access unit (or whole ADTS frames) in each PES packet.
/// Pure; whatever the bytes are, nothing outside them is read.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sf::transcode {

struct TsUnit {
  std::vector<std::uint8_t> bytes;
  std::int64_t pts_ticks = 0;  ///< On the timeline.
  std::int64_t dts_ticks = 0;
  bool random_access = false;
};
/// The units of a segment in the order written. Stamps have 33 bits, 26 hours: they are taken as
/// the nearest to `near_ticks`, where the segment begins or the one before it did. kCorrupt when it
/// is no segment of ours.
[[nodiscard]] Result<std::vector<TsUnit>> read_segment(std::span<const std::uint8_t> bytes,
                                                       std::int64_t near_ticks);

}  // namespace sf::transcode

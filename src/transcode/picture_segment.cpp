#include "picture_segment.hpp"

namespace sf::transcode {

void PictureSegment::add(std::span<const std::uint8_t> unit, std::int64_t pts_ticks,
                         std::int64_t dts_ticks, bool key) {
  const std::uint64_t offset = writer_.next_offset();
  end_i_frame(offset);
  writer_.add(
      {.bytes = unit, .pts_ticks = pts_ticks, .dts_ticks = dts_ticks, .random_access = key});
  if (key) {
    i_frames_.push_back({.pts_ticks = pts_ticks, .offset = offset, .bytes = 0});
  }
}

std::span<const std::uint8_t> PictureSegment::finish() {
  const std::span<const std::uint8_t> bytes = writer_.finish();
  end_i_frame(bytes.size());
  return bytes;
}

void PictureSegment::end_i_frame(std::uint64_t offset) noexcept {
  if (!i_frames_.empty() && i_frames_.back().bytes == 0) {
    i_frames_.back().bytes = offset - i_frames_.back().offset;
  }
}

}  // namespace sf::transcode

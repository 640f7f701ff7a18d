#pragma once

/// A segment of the picture while it is written: MPEG-TS, and where its keyframes are in it. Pure.

#include "engine.hpp"
#include "ts_writer.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace sf::transcode {

class PictureSegment {
 public:
  explicit PictureSegment(std::uint32_t segment) : writer_(TsStream::kH264, segment) {}

  /// An access unit in annex B form; units come in decode order.
  void add(std::span<const std::uint8_t> unit, std::int64_t pts_ticks, std::int64_t dts_ticks,
           bool key);
  /// The whole file; its bytes stay with the segment.
  [[nodiscard]] std::span<const std::uint8_t> finish();
  [[nodiscard]] const std::vector<IFrame>& i_frames() const noexcept { return i_frames_; }

 private:
  void end_i_frame(std::uint64_t offset) noexcept;

  TsWriter writer_;
  std::vector<IFrame> i_frames_;
};

}  // namespace sf::transcode

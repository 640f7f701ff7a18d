#pragma once

/// One rung of one segment: pictures in, MPEG-TS out. A new encoder every time, so that a segment
/// is the same bytes whatever was encoded before it. One thread.

#include "engine.hpp"
#include "engine_libav.hpp"
#include "ladder.hpp"
#include "picture_segment.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

/// An encoder to be set up and opened: one thread, three B-pictures in a row at most, and pictures
/// given as AV_PICTURE_TYPE_I become IDR pictures.
[[nodiscard]] Result<CodecPtr> new_x264(Size size);

class RungEncoder {
 public:
  /// `decode_times`: of the segment's first pictures, one more than the rung's delay; those that
  /// follow are decoded when the second, the third … is shown. So they rise across segments,
  /// however their frames are spaced.
  static Result<RungEncoder> open(const Plan& plan, const RungPlan& rung, std::uint32_t segment,
                                  std::vector<std::int64_t> decode_times);

  /// Encodes `picture` (the rung's size, 8-bit 4:2:0) as shown at `pts_ticks`. AV_PICTURE_TYPE_I
  /// makes it an IDR picture; _NONE leaves it to the encoder whether it becomes P or B.
  Result<> encode(AVFrame& picture, std::int64_t pts_ticks, AVPictureType type);
  /// Ends the segment: its bytes, which stay with the encoder.
  Result<std::span<const std::uint8_t>> finish();

  /// "avc1.64001f", from the SPS; empty before the first frame is out.
  [[nodiscard]] const std::string& codecs() const noexcept { return codecs_; }
  [[nodiscard]] const std::vector<IFrame>& i_frames() const noexcept { return segment_.i_frames(); }

 private:
  explicit RungEncoder(std::uint32_t segment) : segment_(segment) {}
  Result<> give(const AVFrame* picture, std::string_view what);
  void write(AVPacket& packet);
  void correct_parameter_sets(std::span<std::uint8_t> unit);

  CodecPtr encoder_;
  PacketPtr packet_ = new_packet();
  PictureSegment segment_;
  std::vector<std::int64_t> decode_times_;  // In decode order.
  std::size_t shown_ = 0;
  std::size_t written_ = 0;
  std::string codecs_;
};

/// When a segment has keyframes: at its begin and every 2 s from there, but none within a second of
/// its end. Given a segment's frames in order, says of each whether it is one.
class KeyframeClock {
 public:
  KeyframeClock(std::int64_t begin_ticks, std::int64_t end_ticks) noexcept
      : begin_(begin_ticks), end_(end_ticks) {}
  bool is_key(std::int64_t pts_ticks) noexcept;

 private:
  std::int64_t begin_;
  std::int64_t end_;
  std::int64_t next_ = 0;  // After begin_.
};

/// An access unit without the SEI in which x264 writes its settings: 600 bytes a segment and rung.
[[nodiscard]] std::span<const std::uint8_t> without_settings(std::span<const std::uint8_t> unit,
                                                             std::vector<std::uint8_t>& scratch);

}  // namespace sf::transcode

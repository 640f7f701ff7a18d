#pragma once

/// The timeline of a video: where its segments begin and end, known from the index alone, before one
/// segment is made. Pure: no I/O, no clock.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sf::hls {

/// All media times here: 90 kHz ticks from the timeline's zero (the first displayed frame).
inline constexpr std::int64_t kTicksPerSecond = 90'000;
/// EXT-X-TARGETDURATION of every list (spec/hls "Decided", P19).
inline constexpr unsigned kTargetDurationSeconds = 6;

/// One frame in display order, as the index knows it.
struct FrameTime {
  std::int64_t pts_ticks = 0;
  bool keyframe = false;  ///< An IDR at which decoding may start.
};

/// [begin, end). `begin` is the time of the first frame (or audio sample) inside.
struct SegmentSpan {
  std::int64_t begin_ticks = 0;
  std::int64_t end_ticks = 0;
  [[nodiscard]] std::int64_t duration_ticks() const noexcept { return end_ticks - begin_ticks; }
};

enum class GridKind : std::uint8_t {
  kFixed,            ///< A grid of `segment_seconds`; each segment starts at the first frame on it.
  kSourceKeyframes,  ///< Segments start at source keyframes: the source itself can be a rung.
};

struct Timeline {
  GridKind grid = GridKind::kFixed;
  std::vector<SegmentSpan> video;  ///< Contiguous; empty for audio-only.
  std::vector<SegmentSpan> audio;  ///< Same begins as `video` to within one AAC frame, longer or
                                   ///< shorter at the end; empty without audio.
  [[nodiscard]] std::int64_t duration_ticks() const noexcept;
};

struct TimelineOptions {
  unsigned segment_seconds = 4;
  bool prefer_source_keyframes = false;  ///< Use kSourceKeyframes when gaps allow 2–6 s.
};

/// `frames` in display order, the first at 0 (or, for a source whose audio begins earlier, later);
/// `video_end_ticks` the end of the last frame; `audio_end_ticks` 0 without audio. `sample_rate` of
/// the audio renditions puts audio boundaries on its 1024-sample grid. A tail shorter than half a
/// second joins the segment before it when that stays within the target.
[[nodiscard]] Timeline make_timeline(std::span<const FrameTime> frames,
                                     std::int64_t video_end_ticks, std::int64_t audio_end_ticks,
                                     std::uint32_t sample_rate, const TimelineOptions& options);

/// Peak and average rates as spec/hls P4 defines them: the peak is the most over contiguous runs of
/// segments that last 0.5 to 1.5 target durations; a clip shorter than that: bytes over duration.
struct Rates {
  std::uint64_t peak_bps = 0;
  std::uint64_t average_bps = 0;
};
struct SizedSegment {
  std::uint64_t bytes = 0;
  std::uint64_t duration_ticks = 0;
};
[[nodiscard]] Rates measure_rates(std::span<const SizedSegment> segments,
                                  unsigned target_duration_seconds = kTargetDurationSeconds);

}  // namespace sf::hls

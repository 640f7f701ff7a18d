#pragma once

/// The timeline of a video: where its segments begin and end, known from the index alone, before
/// one segment is made. Pure: no I/O, no clock. Any thread; nothing here fails.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sf::hls {

/// All media times here: 90 kHz ticks from the timeline's zero (the first displayed frame).
inline constexpr std::int64_t kTicksPerSecond = 90'000;
/// The timeline's zero as a PTS: in transport streams, and what subtitles refer to.
inline constexpr std::int64_t kZeroPts = 10 * kTicksPerSecond;
/// EXT-X-TARGETDURATION of every list (spec/hls "Decided", P19).
inline constexpr unsigned kTargetDurationSeconds = 6;
/// So many segments are listed at once when a list that grows appears (more than three: P37). They
/// are short: a viewer waits for the first, and while a source arrives for all of them.
inline constexpr std::size_t kFirstSegments = 4;
inline constexpr std::int64_t kFirstSegmentTicks = 2 * kTicksPerSecond;

/// One frame in display order, as the index knows it.
struct FrameTime {
  std::int64_t pts_ticks = 0;
  bool keyframe = false;  ///< An IDR at which decoding may start.
};

/// [begin, end). A frame or audio sample is always shown at `begin`: the source's own, or, where
/// the source shows one picture for longer than a segment may last, that picture held.
struct SegmentSpan {
  std::int64_t begin_ticks = 0;
  std::int64_t end_ticks = 0;
  [[nodiscard]] std::int64_t duration_ticks() const noexcept { return end_ticks - begin_ticks; }
};

enum class GridKind : std::uint8_t {
  kFixed,            ///< A grid, after the first segments of `segment_seconds`; each segment starts
                     ///< at the first frame on it.
  kSourceKeyframes,  ///< Segments start at source keyframes: the source itself can be a rung.
};

struct Timeline {
  GridKind grid = GridKind::kFixed;
  std::vector<SegmentSpan> video;  ///< Contiguous; empty for audio-only.
  std::vector<SegmentSpan> audio;  ///< Same begins as `video` to within half an AAC frame; never
                                   ///< ends before it (P10), may end later; empty without audio.
  /// Of each rung; of each audio track where there is no picture.
  [[nodiscard]] std::size_t segment_count() const noexcept {
    return video.empty() ? audio.size() : video.size();
  }
  /// Of the video; of the audio where there is none.
  [[nodiscard]] std::int64_t duration_ticks() const noexcept;
};

struct TimelineOptions {
  unsigned segment_seconds = 4;          ///< 1 to 6; taken as the nearest of these. The first
                                         ///< kFirstSegments are shorter where they can be.
  bool prefer_source_keyframes = false;  ///< Use kSourceKeyframes when gaps allow 2–6 s.
  /// Spans of the picture that were promised on source keyframes: they stay, and what follows
  /// begins on keyframes as far as they allow 2–6 s; where they stay away, as on the fixed grid.
  std::span<const SegmentSpan> promised = {};
};

/// `frames` in display order, the first at 0 (or, for a source whose audio begins earlier, later);
/// `video_end_ticks` the end of the last frame; `audio_end_ticks` 0 without audio. `sample_rate` of
/// the audio renditions puts audio boundaries on its 1024-sample grid. A tail shorter than half a
/// second joins the segment before it when that stays within the target. No segment is longer than
/// the target (by rounding, P19) but for a last one joined so.
[[nodiscard]] Timeline make_timeline(std::span<const FrameTime> frames,
                                     std::int64_t video_end_ticks, std::int64_t audio_end_ticks,
                                     std::uint32_t sample_rate, const TimelineOptions& options);

/// Samples of one AAC-LC frame (ISO/IEC 14496-3).
inline constexpr std::int64_t kAacFrameSamples = 1024;
/// Where AAC frame `frame` of a rendition begins, and the frame that begins nearest to a time:
/// exact inverses of one another for every frame.
[[nodiscard]] std::int64_t aac_frame_ticks(std::int64_t frame, std::uint32_t sample_rate) noexcept;
[[nodiscard]] std::int64_t aac_frame_at(std::int64_t ticks, std::uint32_t sample_rate) noexcept;

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

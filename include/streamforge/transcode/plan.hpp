#pragma once

/// What a source is and what will be made of it. The index pass gives SourceIndex; `make_plan`
/// (pure) turns it into a Plan: timeline, rungs, audio. The plan is stored as the blob
/// processed/{id}/plan and handed to workers as a descriptor: it is all that a segment task needs
/// beside the source itself. Plain values; any thread.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

struct Rational {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
};

/// One video packet of the source, in order of arrival (decode order).
struct PacketEntry {
  std::int64_t pts_ticks = 0;  ///< 90 kHz on the timeline; before zero: decoded but not shown.
  std::int64_t dts_ticks = 0;
  std::int64_t position = -1;  ///< Byte offset in the file; -1 when the demuxer does not say.
  std::uint32_t bytes = 0;
  bool keyframe = false;
};

struct VideoInfo {
  int stream = -1;
  std::string codec;  ///< libav's name: "h264", "vp9".
  std::uint32_t coded_width = 0;
  std::uint32_t coded_height = 0;
  std::uint32_t display_width = 0;  ///< Square pixels, rotation applied.
  std::uint32_t display_height = 0;
  int rotation = 0;  ///< Clockwise degrees to apply: 0, 90, 180, 270.
  Rational sample_aspect{1, 1};
  Rational frame_rate{0, 1};  ///< What the container says; `Plan::frame_rate` is measured.
  Rational time_base{1, 90'000};
  std::string pixel_format;
  int bit_depth = 8;
  std::string profile;
  int level = 0;
  bool interlaced = false;
  std::string transfer;  ///< "bt709", "smpte2084" (PQ), "arib-std-b67" (HLG).
  std::uint64_t average_bps = 0;
  bool closed_gop = true;
  /// The container leaves presentation times out (AVI, MPEG streams): `pts_ticks` were told from
  /// the pictures' headers, and packets are to be stamped with them.
  bool times_by_order = false;
  bool field_packets = false;  ///< Every picture is two packets, one a field.
  std::string codecs;          ///< "avc1.64001f", of H.264: from its parameter set.
  std::string copy_obstacle;   ///< H.264 that cannot be passed on as it is: why.
};

/// A stretch of audio packets without a hole, each of the same length, in samples of the source's
/// rate from the timeline's zero. Containers round packet times to a millisecond or so; these do
/// not, so that segments decoded apart join without a click.
struct AudioRun {
  std::int64_t begin_sample = 0;  ///< Before zero: priming, not heard.
  std::uint32_t packets = 0;
  std::uint32_t samples = 0;  ///< Of each packet.
};

struct AudioInfo {
  int stream = -1;
  std::string codec;
  std::string profile;
  std::uint32_t channels = 0;
  std::uint32_t sample_rate = 0;
  std::string language;  ///< BCP 47; "und".
  std::string title;
  std::int64_t begin_ticks = 0;
  std::int64_t end_ticks = 0;
  std::vector<AudioRun> runs;
  std::uint64_t average_bps = 0;
  std::uint64_t peak_bps = 0;  ///< Over some seconds.
  std::string copy_obstacle;   ///< AAC that cannot be passed on as it is: why.
};

/// A subtitle track of the source: text, or left out.
struct SubtitleInfo {
  int stream = -1;
  std::string codec;  ///< libav's name: "subrip", "hdmv_pgs_subtitle".
  std::string language;
  std::string title;
  bool is_default = false;
  bool forced = false;
  bool hearing_impaired = false;
  std::string left_out;  ///< Why it cannot be shown, for a person; empty: it is text.
};

/// Where the source's clock leaps (recordings joined in MPEG-TS): packets from this byte on, up to
/// the next leap, get `shift_ticks` added, so that the timeline goes on.
struct ClockLeap {
  std::int64_t position = 0;
  std::int64_t shift_ticks = 0;
};

/// All that is decoded or heard before `ticks` lies before byte `bytes` of the source.
struct ByteNeed {
  std::int64_t ticks = 0;
  std::uint64_t bytes = 0;
};

struct SourceIndex {
  std::string container;  ///< "mp4", "matroska", …
  std::optional<VideoInfo> video;
  std::vector<AudioInfo> audio;
  std::vector<SubtitleInfo> subtitles;
  std::vector<PacketEntry> packets;  ///< Of the video stream.
  /// Timeline's zero in 90 kHz ticks of the source's own clock: what to subtract from its stamps.
  std::int64_t zero_ticks = 0;
  std::vector<ClockLeap> leaps;  ///< By position.
  std::int64_t video_end_ticks = 0;
  std::int64_t audio_end_ticks = 0;
  std::int64_t promised_ticks = 0;    ///< How long it is as its header says; 0: it does not.
  std::vector<std::string> warnings;  ///< For a person: "the file ends early: …".
  /// Of a table of contents that was read before what it tells of was there, some a second, both
  /// rising; else empty.
  std::vector<ByteNeed> needs;
};

/// Segments of a copied track that are encoded all the same: [begin, end).
struct EncodedStretch {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// One rung to make: a box of the ladder, the picture scaled to fit inside, never up.
struct RungPlan {
  std::string name;         ///< "1080p".
  std::uint32_t width = 0;  ///< Even.
  std::uint32_t height = 0;
  std::string mode = "encode";
  std::string why;  ///< Why it is copied, or why it is not: words for a person.
  std::string preset = "veryfast";
  double crf = 23;
  std::uint32_t max_kbps = 0;
  std::uint32_t buffer_kbits = 0;
  int level = 0;  ///< H.264 level times 10, from size and rate.
  /// By how many pictures decode times run ahead of those shown.
  std::uint32_t delay = kEncoderDelay;
  std::vector<EncodedStretch> encoded;  ///< Of a copied one, by number.

  static constexpr std::uint32_t kEncoderDelay = 2;
  static constexpr std::uint32_t kDelayMax = 16;  ///< H.264 section A.3.1: a decoder's frames.

  /// The source's own packets, not decoded: they define the grid of all rungs.
  [[nodiscard]] bool copied() const noexcept { return mode == "copy"; }
  [[nodiscard]] bool copies(std::uint32_t segment) const noexcept;
};

struct AudioPlan {
  int source = 0;    ///< Index into SourceIndex::audio.
  std::string name;  ///< "0".
  std::string language;
  std::string label;
  std::string mode = "encode";
  std::string why;  ///< As a rung's.
  std::uint32_t sample_rate = 48'000;
  std::uint32_t channels = 2;
  std::uint32_t kbps = 128;
  std::vector<EncodedStretch> encoded;  ///< Of a copied one, by number.

  [[nodiscard]] bool copied() const noexcept { return mode == "copy"; }
  [[nodiscard]] bool copies(std::uint32_t segment) const noexcept;
};

struct Plan {
  SourceIndex index;
  hls::Timeline timeline;
  /// Frames per second of every rung: exact when they come at a constant rate, else the average. At
  /// most 60; a faster source is thinned.
  Rational frame_rate{0, 1};
  bool constant_frame_rate = false;
  std::vector<RungPlan> rungs;  ///< Largest first: the cascade's order.
  std::vector<AudioPlan> audio;
  unsigned segment_seconds = 4;
  bool growing = false;  ///< More segments will follow the last one.
};

struct LadderRung {
  std::string name;
  std::uint32_t width = 0;  ///< Landscape box; turned for portrait.
  std::uint32_t height = 0;
  std::uint32_t max_kbps = 0;
  std::string preset;
  double crf = 23;
  bool operator==(const LadderRung&) const = default;
};
struct LadderOptions {
  std::vector<LadderRung> rungs;  ///< Largest first; `default_ladder()`.
  unsigned segment_seconds = 4;
  bool copy = true;  ///< What can be passed on as it is, is.
};
/// 1080p 1920×1080 5000, 720p 1280×720 2800, 480p 854×480 1400, 360p 640×360 800 kbit/s; veryfast,
/// CRF 23.
[[nodiscard]] LadderOptions default_ladder();
/// "1080:6000:fast:21,720" → those boxes of the default ladder, HEIGHT[:KBPS[:PRESET[:CRF]]] each;
/// what is left out is the default's. KBPS: 100 to 100,000, the most that a second may have, as two
/// seconds' buffer allows; PRESET: x264's, "ultrafast" to "veryslow"; CRF: 1 to 51.
/// kInvalidArgument says what is wrong.
[[nodiscard]] Result<LadderOptions> parse_ladder(std::string_view text);
/// "1080p", or with what it has of its own: "1080p:6000:fast:21".
[[nodiscard]] std::string to_string(const LadderRung& rung);

/// The boxes smaller than the picture and the smallest that holds it. kUnsupported with words for a
/// person when there is neither picture nor sound, or it is over limits::kSourcePixelsMax.
[[nodiscard]] Result<Plan> make_plan(SourceIndex index, const LadderOptions& ladder);

/// A plan for a source that still arrives (or did when its first plan was made), from what is known
/// of it so far. It lists only the segments that nothing which comes later can change; all of them
/// once it is `whole`. `before`: the plan made of less of it, whose `outline` is enough; rungs,
/// tracks, rates and every segment listed there stay. What the first plan copies is copied on, but
/// for segments that no keyframe begins or that take more than was promised, and to its end once
/// something speaks against it: those are encoded. kUnavailable: there is nothing (more) to list
/// yet. kConflict: what is there now contradicts what was listed.
[[nodiscard]] Result<Plan> plan_arriving(SourceIndex index, const LadderOptions& ladder,
                                         const Plan* before, bool whole);
/// How many of its segments can be made of the first `bytes` of the source, by a plan whose index
/// has `needs`.
[[nodiscard]] std::size_t segments_within(const Plan& plan, std::uint64_t bytes);
/// A plan without the lists of packets that make it large.
[[nodiscard]] Plan outline(const Plan& plan);

/// The times at which pictures are shown, in order, one each: what every rung of the plan has, but
/// for source frames that cannot be decoded. Those of a source over 60 a second are thinned; where
/// the source shows one picture across a segment's begin, that begin is among them.
[[nodiscard]] std::vector<std::int64_t> shown_frames(const Plan& plan);

/// Compact, versioned, checked on reading (kCorrupt): a few MB for hours of video.
[[nodiscard]] std::string serialize(const SourceIndex& index);
[[nodiscard]] Result<SourceIndex> parse_index(std::string_view bytes);
[[nodiscard]] std::string serialize(const Plan& plan);
[[nodiscard]] Result<Plan> parse_plan(std::string_view bytes);
inline constexpr std::size_t kPlanHeadBytes = 5;
/// Whether a stored plan whose first kPlanHeadBytes are `head` is of the version that is read.
[[nodiscard]] bool is_current_plan(std::string_view head) noexcept;

}  // namespace sf::transcode

#pragma once

/// All subtitles of a video in one file: for each track the WebVTT of each segment of the timeline.
/// A film has a thousand segments a track, most of them without a cue: as files of their own they
/// would cost more than all its pictures do. Who wants a segment reads the file's head, the
/// segment's entry, and its text. Pure; any thread. Numbers are little-endian:
///
///   head     "SFVTT", version, 2 zeros; u32 tracks, u32 segments
///   track    u32 cues, u32 TrackFault                                 one a track
///   entry    u32 offset in the file, u32 bytes               one a segment, of the first track
///   first texts

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/hls/playlist.hpp>
#include <streamforge/hls/webvtt.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sf::hls {

/// Name of the blob that holds it: processed/{id}/subtitles.pack.
inline constexpr std::string_view kSubtitlePackBlob = "subtitles.pack";

/// Why a track has no cues.
enum class TrackFault : std::uint32_t { kNone, kUnreadable, kTooLarge };
struct PackedTrack {
  std::uint32_t cues = 0;
  TrackFault fault = TrackFault::kNone;
};

class SubtitlePack {
 public:
  explicit SubtitlePack(std::vector<SegmentSpan> spans) : spans_(std::move(spans)) {}

  /// The next track: a cue is in every segment that it touches, in order of time; what lies beyond
  /// the timeline is left out. One that weighs more than it may is kept without a cue, as
  /// kTooLarge.
  void add(std::vector<Cue> cues);
  /// The next track has none, for this reason.
  void add(TrackFault fault);
  [[nodiscard]] std::string take() &&;

 private:
  [[nodiscard]] bool cut(const std::vector<Cue>& cues,
                         std::vector<std::pair<std::size_t, std::size_t>>& places,
                         std::string& texts) const;

  std::vector<SegmentSpan> spans_;
  std::vector<PackedTrack> tracks_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // In texts_: begin and length.
  std::string texts_ = webvtt_file({});                      // Of all that have no cue.
};

struct PackHead {
  std::uint32_t tracks = 0;
  std::uint32_t segments = 0;
};
inline constexpr std::size_t kPackHeadBytes = 16;
inline constexpr std::size_t kPackTrackBytes = 8;
inline constexpr std::size_t kPackEntryBytes = 8;

/// kCorrupt for what is no head of this version, or tells of more than there may be.
[[nodiscard]] Result<PackHead> read_pack_head(ByteSpan bytes);
/// Of each track, from the bytes behind the head.
[[nodiscard]] Result<std::vector<PackedTrack>> read_pack_tracks(const PackHead& head,
                                                                ByteSpan bytes);
/// Where the entry of a segment is in the file.
[[nodiscard]] std::uint64_t pack_entry_at(const PackHead& head, std::uint32_t track,
                                          std::uint32_t segment) noexcept;
/// Where the text is that an entry tells of; kCorrupt when it is longer than one may be.
[[nodiscard]] Result<ByteRange> read_pack_entry(ByteSpan bytes);

/// The text of a segment of a whole pack in memory; kNotFound when there is no such one.
[[nodiscard]] Result<std::string_view> packed_segment(std::string_view pack, std::uint32_t track,
                                                      std::uint32_t segment);

}  // namespace sf::hls

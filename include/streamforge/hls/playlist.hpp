#pragma once

/// Playlists as text (RFC 8216; the rows P1–P45 of docs/protocols/hls.md). Pure: values in, one
/// string out; any thread; nothing here fails. Text that comes from a media file (names, languages)
/// cannot break a line: quotes and control characters are left out.

#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::hls {

/// Part of a file: EXT-X-BYTERANGE.
struct ByteRange {
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
};

struct MediaSegment {
  std::string uri;
  std::int64_t duration_ticks = 0;
  bool discontinuity = false;  ///< EXT-X-DISCONTINUITY before it.
  std::optional<ByteRange> range;
};

/// EXT-X-MAP: the bytes a player needs before any segment; for I-frames in MPEG-TS, PAT and PMT.
struct InitSection {
  std::string uri;
  std::optional<ByteRange> range;
};

enum class PlaylistKind : std::uint8_t {
  kVod,    ///< Complete: PLAYLIST-TYPE:VOD and ENDLIST.
  kEvent,  ///< Grows: PLAYLIST-TYPE:EVENT with EXT-X-START:TIME-OFFSET=0, ENDLIST when `ended`.
};

struct MediaPlaylist {
  PlaylistKind kind = PlaylistKind::kVod;
  bool ended = true;
  bool i_frames_only = false;
  unsigned target_duration_seconds = kTargetDurationSeconds;
  std::optional<InitSection> init;
  std::vector<MediaSegment> segments;
};
/// EXT-X-VERSION as low as the tags allow (P17). EXTINF has 6 decimals, rounded so that the sum
/// over any first n segments is off by at most half a microsecond (P20).
[[nodiscard]] std::string write_media_playlist(const MediaPlaylist& playlist);

struct Variant {
  std::string uri;
  std::uint64_t bandwidth = 0;  ///< Peak, audio included (P5).
  std::uint64_t average_bandwidth = 0;
  std::string codecs;       ///< Video's, audio's added by the writer's caller.
  std::uint32_t width = 0;  ///< 0: audio-only variant, no RESOLUTION or FRAME-RATE.
  std::uint32_t height = 0;
  double frame_rate = 0;
  std::string audio_group;     ///< Empty: none.
  std::string subtitle_group;  ///< Empty: none.
};
struct Media {
  std::string type = "AUDIO";  ///< AUDIO or SUBTITLES.
  std::string group;
  std::string name;      ///< Unique in its group.
  std::string language;  ///< BCP 47.
  std::string uri;
  bool is_default = false;
  bool autoselect = true;
  bool forced = false;          ///< Of SUBTITLES: FORCED.
  std::string characteristics;  ///< Empty: not written.
  std::uint32_t channels = 0;   ///< 0: not written.
};
struct IFrameVariant {
  std::string uri;
  std::uint64_t bandwidth = 0;
  std::string codecs;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};
struct MasterPlaylist {
  std::vector<Media> media;
  std::vector<Variant> variants;  ///< In this order; the first is where players start.
  std::vector<IFrameVariant> i_frames;
};
/// EXT-X-INDEPENDENT-SEGMENTS, CLOSED-CAPTIONS=NONE on all variants (P12).
[[nodiscard]] std::string write_master_playlist(const MasterPlaylist& playlist);

/// "avc1.PPCCLL" from an SPS NAL unit's first bytes (after the header byte): profile, constraints,
/// level. RFC 6381 section 3.3.
[[nodiscard]] std::string avc1_codec(std::uint8_t profile, std::uint8_t constraints,
                                     std::uint8_t level);

/// Names of the tree, the same in URLs and on disk: "1080p/0.ts", "1080p/index.m3u8",
/// "audio/0/index.m3u8", "audio/0/12.ts".
[[nodiscard]] std::string segment_name(std::uint32_t number);
/// The number of "12.ts"; nullopt for anything else, leading zeros included.
[[nodiscard]] std::optional<std::uint32_t> segment_number(std::string_view file_name);

}  // namespace sf::hls

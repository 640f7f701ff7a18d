#pragma once

/// A whole video as a player sees it: its rungs, its audio, its timeline. Whoever plans a video
/// writes this once beside its segments (blob `timeline`); whoever answers players reads it, adds
/// what has been measured since and writes every playlist from it. Pure: no I/O, no clock.
///
///   auto shown = parse_presentation(blob);
///   for (const auto& r : video.renditions) shown->measure(r.name, r.codecs, r.peak_bps, …);
///   auto text = master_playlist(*shown);               // /v/{id}/master.m3u8
///   auto list = media_playlist(*shown, "720p");        // /v/{id}/720p/index.m3u8
///   auto sound = media_playlist(*shown, "audio/0");    // /v/{id}/audio/0/index.m3u8

#include <streamforge/base/error.hpp>
#include <streamforge/hls/playlist.hpp>
#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sf::hls {

/// The rates of one track, bits per second of its segment files. Before a track is complete players
/// are told what the cap allows (spec/hls P6); afterwards what was measured (P3, P4).
struct TrackRates {
  std::uint64_t max_bps = 0;      ///< The codec's cap, container not counted.
  std::uint64_t peak_bps = 0;     ///< Measured; 0 until the track is complete.
  std::uint64_t average_bps = 0;  ///< Measured; 0 until the track is complete.

  [[nodiscard]] bool measured() const noexcept { return peak_bps != 0; }
  /// What to declare: measured, or the cap with the container's share on top.
  [[nodiscard]] std::uint64_t declared_peak_bps() const noexcept;
  [[nodiscard]] std::uint64_t declared_average_bps() const noexcept;
};

/// One rung of the ladder. `name` is its folder: "1080p".
struct VideoTrack {
  std::string name;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::string codecs;  ///< "avc1.640028": what the encoder was asked for, then what it wrote.
  TrackRates rates;
  bool copied = false;  ///< The source's own packets: any segment costs next to nothing.
  /// Peak of the I-frame list, measured; 0 until it exists.
  std::uint64_t i_frame_bps = 0;
};

/// One rendition of the audio group. Its folder is "audio/{name}".
struct AudioTrack {
  std::string name;
  std::string language = "und";  ///< BCP 47.
  std::string label;             ///< For a menu; made unique and never empty by the writer.
  std::string codecs;            ///< "mp4a.40.2".
  std::uint32_t channels = 2;
  TrackRates rates;
};

/// One rendition of the subtitle group: WebVTT segments on the timeline of the picture, or of the
/// sound where there is none. Its folder is "subtitles/{name}".
struct SubtitleTrack {
  std::string name;
  std::string language = "und";  ///< BCP 47.
  std::string label;             ///< As an audio track's.
  bool is_default = false;       ///< Of several the first counts.
  bool forced = false;           ///< Only what is needed by who understands the sound.
  bool hearing_impaired = false;
};

/// A keyframe and where it is in its segment's file.
struct KeyPicture {
  std::int64_t pts_ticks = 0;
  ByteRange range;
};

struct Presentation {
  Timeline timeline;
  double frame_rate = 0;          ///< Average frames per second; 0 without picture.
  std::vector<VideoTrack> video;  ///< Largest first.
  std::vector<AudioTrack> audio;  ///< The first is the default.
  /// Those that exist: told by the video's record, not by the stored form.
  std::vector<SubtitleTrack> subtitles;
  /// The source still arrives: segments are added at the end, none ever changes. Players get
  /// `live.m3u8`, and `index.m3u8` once all is known.
  bool growing = false;
  /// For who shares out the work: by segment of the picture, how much of the source before it must
  /// be decoded by who has not just made the segment before it. Empty: nothing is known of it.
  std::vector<std::uint32_t> run_up_ms;

  /// Sets what is known of a track by now; empty codecs and zero rates leave what there is. False
  /// when there is no such track ("720p", "audio/0").
  bool measure(std::string_view track, std::string_view codecs, std::uint64_t peak_bps,
               std::uint64_t average_bps);
  /// Says that a rung's I-frame list exists; false when there is no such rung.
  bool offer_i_frames(std::string_view rung, std::uint64_t peak_bps);
  /// Number of segments of a track; nullopt when there is no such track.
  [[nodiscard]] std::optional<std::uint32_t> segment_count(std::string_view track) const noexcept;
  /// Where the segments of a track begin and end.
  [[nodiscard]] const std::vector<SegmentSpan>& spans_of(std::string_view track) const noexcept;
};

/// The rung that players begin with, in `presentation.video`: once all is measured the one nearest
/// 2 Mbit/s (P15), before that the one cheapest to make on demand: the copied one if it asks for at
/// most 5 Mbit/s, which is as much as players believe a line that they have not measured, else the
/// smallest. nullopt without picture.
[[nodiscard]] std::optional<std::size_t> first_rung(const Presentation& presentation);

/// The multivariant playlist, its URIs relative to its own. Each variant names the audio group and
/// adds the worst of its rates to its own (P5). Listed first is `first_rung`. Without picture the
/// audio tracks themselves are the variants.
/// Subtitles are named once nothing grows any more. `uri_suffix` goes behind every URI: "?token=…"
/// of a private video.
[[nodiscard]] std::string master_playlist(const Presentation& presentation,
                                          std::string_view uri_suffix = {});

/// The complete VOD playlist of "720p", "audio/0" or "subtitles/0"; nullopt when there is no such
/// track. The same text before, while and after segments are made.
[[nodiscard]] std::optional<std::string> media_playlist(const Presentation& presentation,
                                                        std::string_view track,
                                                        std::string_view uri_suffix = {});

/// The list of "720p" or "audio/0" for players that began while the source arrived: EVENT, longer
/// each time, ENDLIST once `growing` is over (P33, P37, P39). At most `segments_max` are listed.
/// Subtitles have none.
[[nodiscard]] std::optional<std::string> live_playlist(const Presentation& presentation,
                                                       std::string_view track,
                                                       std::uint32_t segments_max = UINT32_MAX,
                                                       std::string_view uri_suffix = {});

/// A rung's I-frame list: byte ranges of its segments, all of which must exist. `pictures` holds
/// each segment's keyframes, by number. Its URIs are relative to the rung's folder.
struct IFrameList {
  std::string text;
  std::uint64_t peak_bps = 0;
};
[[nodiscard]] IFrameList i_frame_list(const Presentation& presentation,
                                      std::span<const std::vector<KeyPicture>> pictures);
/// Its name in the rung's folder.
inline constexpr std::string_view kIFrameListName = "iframes.m3u8";

/// The stored form: JSON with a schema number; spans as begin and durations, 7 to 13 bytes a
/// segment. Reading refuses what cannot be (kCorrupt) and newer schemas (kUnsupported).
[[nodiscard]] std::string serialize(const Presentation& presentation);
[[nodiscard]] Result<Presentation> parse_presentation(std::string_view text);

/// The folder of the subtitle tracks: "subtitles/0".
inline constexpr std::string_view kSubtitleFolder = "subtitles/";

/// Name of the blob that holds it, processed/{id}/timeline, and the most it may weigh: 24 hours
/// of 1-second segments fit.
inline constexpr std::string_view kPresentationBlob = "timeline";
inline constexpr std::size_t kPresentationBytesMax = std::size_t{4} << 20;

}  // namespace sf::hls

#pragma once

/// What a plan means for those who carry it out: its tracks as rows of the queue, as a player's
/// view, as counts that grow. Pure; shared by the scheduler and the command line.

#include "engine.hpp"
#include "failure.hpp"
#include "task_queue.hpp"

#include <streamforge/hls/presentation.hpp>
#include <streamforge/hls/subtitle_pack.hpp>
#include <streamforge/transcode/plan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

/// The player's view of a plan before anything is measured. Codecs are what the encoder is asked
/// for.
[[nodiscard]] hls::Presentation present(const Plan& plan);

/// Rows for the queue, in the order of the presentation: rungs, then audio.
[[nodiscard]] std::vector<TrackShape> shapes_of(const hls::Presentation& shown);

/// "720p/12.ts": below the video's folder.
[[nodiscard]] std::string segment_path(std::string_view track, std::uint32_t segment);

/// What the worker is told to make.
[[nodiscard]] Command command_of(const QueueTask& task, const std::vector<TrackShape>& shapes,
                                 const SourceFile& extent);

/// Whether its quality is measured with it: of some segments, where nobody waits.
[[nodiscard]] bool measures(const QueueTask& task, const std::vector<TrackShape>& shapes,
                            bool wanted) noexcept;

/// What exists of one track.
struct Tally {
  std::vector<hls::SizedSegment> segments;  ///< By number; 0 bytes: does not exist.
  std::uint32_t done = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged_frames = 0;  ///< As `SegmentOutput` has it.
  std::string codecs;
  std::vector<std::vector<hls::KeyPicture>> key_pictures;  ///< By segment; empty for audio.

  /// Room for all segments of `shape`, of which there may be more than before.
  void grow(const TrackShape& shape);
  /// False when it was counted before.
  bool add(std::uint32_t segment, std::uint64_t segment_bytes, std::uint64_t duration_ticks,
           std::uint32_t damaged, std::vector<hls::KeyPicture> pictures = {});
  [[nodiscard]] bool complete() const noexcept { return done == segments.size(); }
  /// All zero until complete.
  [[nodiscard]] hls::Rates rates() const;
  /// Tells `shown` what is measured, once all is there.
  void tell(std::string_view track, hls::Presentation& shown) const;
};
[[nodiscard]] std::vector<Tally> tallies_of(const std::vector<TrackShape>& shapes);

/// What of the source could not be decoded, as far as segments of it exist.
[[nodiscard]] Losses losses_of(const std::vector<TrackShape>& shapes,
                               const std::vector<Tally>& tallies);

/// One playlist of the tree, complete and measured.
struct PlaylistFile {
  std::string path;  ///< "master.m3u8", "720p/index.m3u8".
  std::string text;
};
/// All playlists, so that the folder is a plain HLS tree; of tracks that are complete.
[[nodiscard]] std::vector<PlaylistFile> playlists_of(const hls::Presentation& shown,
                                                     const std::vector<TrackShape>& shapes,
                                                     const std::vector<Tally>& tallies);
/// A rung's I-frame list; nullopt for audio, for a rung that is not complete, or one whose segments
/// were made before keyframes were noted.
[[nodiscard]] std::optional<hls::IFrameList> i_frame_list_of(const hls::Presentation& shown,
                                                             const Tally& tally);

/// Why a track of subtitles is not offered, for a person; empty when it is.
[[nodiscard]] std::string_view why_left_out(const hls::PackedTrack& track) noexcept;

/// What the worker says of keyframes, in the words of the others.
[[nodiscard]] std::vector<hls::KeyPicture> key_pictures(const std::vector<IFrame>& i_frames);

}  // namespace sf::transcode

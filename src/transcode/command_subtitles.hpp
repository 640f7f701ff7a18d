#pragma once

/// Subtitles of a run of the command line: the worker's file as files that a player reads. Blocks.

#include "command_files.hpp"

#include <streamforge/hls/presentation.hpp>
#include <streamforge/transcode/plan.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

struct UnpackedSubtitles {
  std::vector<hls::SubtitleTrack> tracks;  ///< That have cues.
  std::vector<std::string> warnings;       ///< Why the others are left out.
};
/// Writes subtitles/{track}/{n}.vtt of `pack` (hls/subtitle_pack.hpp), made of `found`.
[[nodiscard]] Result<UnpackedSubtitles> unpack_subtitles(const OutputDir& out,
                                                         std::string_view pack,
                                                         const std::vector<SubtitleInfo>& found);

}  // namespace sf::transcode

#pragma once

/// What the subtitle tracks of a source say, cut into segments of its timeline. Their packets lie
/// all over the file, so the whole of it is read once, for all tracks; nothing but them is decoded.
/// One thread, blocking.

#include "engine.hpp"

#include <string>

namespace sf::transcode {

/// The file that hls/subtitle_pack.hpp describes, with a track for each of `plan.index.subtitles`,
/// empty where that is left out. Cues that cannot be decoded, or are longer than one may be, are
/// left out.
[[nodiscard]] Result<std::string> extract_subtitles(const SourceFile& file, const Plan& plan,
                                                    const Progress& progress);

}  // namespace sf::transcode

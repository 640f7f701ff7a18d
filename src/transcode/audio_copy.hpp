#pragma once

/// Sound of one segment passed on as it is: AAC-LC packet by packet. One thread.

#include "audio.hpp"

#include <utility>
#include <vector>

namespace sf::transcode {

/// A whole segment of rendition `track`, as MPEG-TS. It begins with the frame that sounds at the
/// segment's begin, so that segments join without a hole or a frame twice; where the source has no
/// sound, frames of silence.
Result<std::pair<SegmentOutput, std::vector<std::uint8_t>>> copy_audio_segment(
    AudioReader& reader, const Plan& plan, std::uint32_t track, std::uint32_t segment,
    const Progress& progress);

/// A raw frame of AAC-LC without sound, of one or two channels.
[[nodiscard]] std::vector<std::uint8_t> silent_aac_frame(std::uint32_t channels);

}  // namespace sf::transcode

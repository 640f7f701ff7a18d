#pragma once

/// The poster and the sheets of a storyboard, drawn from what a pipeline decodes. One thread.

#include "engine_video.hpp"

#include <cstdint>

namespace sf::transcode {

/// A picture that is worth looking at, upright, at most 1280 wide, as JPEG; from keyframes here and
/// there. kCorrupt when none can be decoded.
Result<SegmentOutput> draw_poster(VideoPipeline& pipeline, const Plan& plan, int output,
                                  const Progress& progress);
/// Sheet `sheet` of the storyboard, as JPEG: what is kept in `cells`, and for what is not there the
/// keyframe at or before each segment's begin.
Result<SegmentOutput> draw_sheet(VideoPipeline& pipeline, const Plan& plan, std::uint32_t sheet,
                                 int cells, int output, const Progress& progress);

}  // namespace sf::transcode

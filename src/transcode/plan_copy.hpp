#pragma once

/// What of a source is passed on as it is, and why the rest is not. Pure.

#include <streamforge/transcode/plan.hpp>

#include <span>
#include <string>

namespace sf::transcode {

/// Why the picture cannot be the rung `largest`, in words that follow "not copied: "; empty when it
/// can, as far as is known before the timeline. `shown`: the pictures of the rungs, in order.
[[nodiscard]] std::string video_obstacle(const SourceIndex& index, const RungPlan& largest,
                                         std::span<const hls::FrameTime> shown);

/// The rates of the source's own packets, cut by `timeline`, which starts segments at keyframes.
[[nodiscard]] hls::Rates copied_rates(const SourceIndex& index, const hls::Timeline& timeline);
/// Why a source of these rates cannot be a rung whose cap is `max_kbps`; empty when it can.
[[nodiscard]] std::string rate_obstacle(const hls::Rates& rates, std::uint32_t max_kbps);

/// Why a track's packets cannot be passed on; empty when they can.
[[nodiscard]] std::string audio_obstacle(const AudioInfo& track);

}  // namespace sf::transcode

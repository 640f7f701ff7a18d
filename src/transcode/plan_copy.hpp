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

/// The source's own packets, cut by `timeline`, which starts segments at keyframes; their rates.
[[nodiscard]] std::vector<hls::SizedSegment> copied_sizes(const SourceIndex& index,
                                                          const hls::Timeline& timeline);
[[nodiscard]] hls::Rates copied_rates(const SourceIndex& index, const hls::Timeline& timeline);
/// Why a source of these rates cannot be a rung whose cap is `max_kbps`; empty when it can.
[[nodiscard]] std::string rate_obstacle(const hls::Rates& rates, std::uint32_t max_kbps);
/// Whether a segment takes no more than `max_kbps`.
[[nodiscard]] bool bits_fit(const hls::SizedSegment& segment, std::uint32_t max_kbps) noexcept;

/// What players are told that a copied track takes at most: what was measured; of a part the cap,
/// or a quarter more than was measured, since what comes may take more.
[[nodiscard]] std::uint32_t announced_kbps(const hls::Rates& rates, std::uint32_t cap_kbps,
                                           bool growing) noexcept;
[[nodiscard]] std::uint32_t announced_kbps(const AudioInfo& track, bool growing) noexcept;

/// The least delay, in pictures, with which none is decoded after it is shown when the n-th packet
/// is decoded at the time shown `delay` pictures before the n-th.
[[nodiscard]] std::uint32_t least_delay(const std::vector<PacketEntry>& packets);

/// Why a track's packets cannot be passed on; empty when they can.
[[nodiscard]] std::string audio_obstacle(const AudioInfo& track);

}  // namespace sf::transcode

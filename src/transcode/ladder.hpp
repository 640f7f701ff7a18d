#pragma once

/// The arithmetic of rungs: which boxes a picture gets, its size in each, the level it needs. Pure.

#include <streamforge/transcode/plan.hpp>

#include <span>
#include <vector>

namespace sf::transcode {

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const Size&) const = default;
};

/// `picture` (square pixels, upright) scaled to fit `box` (turned for a portrait), never up; even,
/// at least 2 × 2.
[[nodiscard]] Size fit(Size picture, Size box) noexcept;

/// The rungs of `ladder` (largest first) that `picture` gets: the boxes smaller than it and the
/// smallest one that holds it.
[[nodiscard]] std::vector<RungPlan> choose_rungs(Size picture, std::span<const LadderRung> ladder);

/// Pictures that a decoder keeps, at most; levels are chosen for as many.
inline constexpr int kReferencesMax = 4;

/// The lowest H.264 level, times ten, that size, rate and bit rate allow (ITU-T H.264 table A-1,
/// High profile): 40 is level 4.
[[nodiscard]] int h264_level(Size size, double frames_per_second, std::uint32_t kbps) noexcept;

}  // namespace sf::transcode

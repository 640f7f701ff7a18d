#pragma once

/// Single pictures of a source, as JPEG: the poster, and tiles on sheets. Tiles are kept raw, one a
/// segment, in a file of cells that the tasks which decode a segment anyway write into; where a
/// cell is missing or damaged, its picture is decoded. One thread; for worker processes.

#include "engine_libav.hpp"
#include "ladder.hpp"

#include <streamforge/hls/storyboard.hpp>
#include <streamforge/transcode/plan.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sf::transcode {

/// Of what the rungs are (8-bit 4:2:0, BT.709, limited range), turned into JPEG's own colours.
[[nodiscard]] Result<std::vector<std::uint8_t>> encode_jpeg(const AVFrame& picture, int quantizer);

[[nodiscard]] Size tile_of(const Plan& plan) noexcept;
/// The largest rung's shape, at most 1280 wide.
[[nodiscard]] Size poster_of(const Plan& plan) noexcept;

/// Cell `segment` of a file that several workers write into; best effort: what fails is missing.
void keep_tile(int cells, std::uint32_t segment, const AVFrame& tile) noexcept;
/// Null when it is not there, or not whole.
[[nodiscard]] FramePtr kept_tile(int cells, std::uint32_t segment, Size size);

/// Puts `tile` at its place among others; both are of the kind that rungs are.
void place_tile(const AVFrame& tile, std::uint32_t place, AVFrame& sheet) noexcept;

/// How much there is to see: spread of the luminance, less for what is nearly black or white.
[[nodiscard]] double interest(const AVFrame& picture) noexcept;

}  // namespace sf::transcode

#pragma once

/// When the pictures of a rung are decoded: told from when they are shown, so that a segment needs
/// to know nothing of how the one before it was made. Pure.

#include <cstdint>
#include <span>

namespace sf::transcode {

/// When the picture at `place` in decode order is decoded: when the one `delay` places before it in
/// `shown` (the times of all pictures, in order, at least one) is shown. The first ones have none
/// before them: evenly from the first picture on, all before the second. Nothing is decoded before
/// zero, since players take the first decode stamp for the begin of all tracks: the picture, shown
/// later than that, would begin with a hole. `place` is less than `shown.size() + delay`.
[[nodiscard]] std::int64_t decode_time(std::span<const std::int64_t> shown, std::size_t place,
                                       std::uint32_t delay) noexcept;

}  // namespace sf::transcode

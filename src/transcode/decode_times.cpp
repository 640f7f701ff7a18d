#include "decode_times.hpp"

#include <streamforge/hls/timeline.hpp>

namespace sf::transcode {

std::int64_t decode_time(std::span<const std::int64_t> shown, std::size_t place,
                         std::uint32_t delay) noexcept {
  if (place > delay) {
    return shown[place - delay];
  }
  const std::int64_t gap = shown.size() > 1 ? shown[1] - shown[0] : hls::kTicksPerSecond / 25;
  return shown[0] + gap * static_cast<std::int64_t>(place) / (std::int64_t{delay} + 1);
}

}  // namespace sf::transcode

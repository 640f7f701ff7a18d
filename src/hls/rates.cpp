#include <streamforge/hls/timeline.hpp>

#include <algorithm>

namespace sf::hls {
namespace {

std::uint64_t bits_per_second(std::uint64_t bytes, std::uint64_t ticks) {
  if (ticks == 0) {
    return 0;
  }
  // 64 bits hold this for 25 TB.
  return (bytes * 8 * kTicksPerSecond + ticks - 1) / ticks;
}

}  // namespace

Rates measure_rates(std::span<const SizedSegment> segments, unsigned target_duration_seconds) {
  const auto target = std::uint64_t{target_duration_seconds} * kTicksPerSecond;
  const std::uint64_t shortest = target / 2;
  const std::uint64_t longest = target + target / 2;
  std::uint64_t bytes = 0;
  std::uint64_t ticks = 0;
  Rates rates;
  for (std::size_t first = 0; first < segments.size(); ++first) {
    bytes += segments[first].bytes;
    ticks += segments[first].duration_ticks;
    std::uint64_t run_bytes = 0;
    std::uint64_t run_ticks = 0;
    for (std::size_t last = first; last < segments.size(); ++last) {
      run_bytes += segments[last].bytes;
      run_ticks += segments[last].duration_ticks;
      if (run_ticks > longest) {
        break;
      }
      if (run_ticks >= shortest) {
        rates.peak_bps = std::max(rates.peak_bps, bits_per_second(run_bytes, run_ticks));
      }
    }
  }
  rates.average_bps = bits_per_second(bytes, ticks);
  // A clip too short for any run is its own run; and an average over all never tops the peak (P5).
  rates.peak_bps = std::max(rates.peak_bps, rates.average_bps);
  return rates;
}

}  // namespace sf::hls

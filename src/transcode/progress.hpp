#pragma once

/// How fast work is being done, and so when it will be done. Pure: time is told.

#include <cstdint>
#include <deque>

namespace sf::transcode {

/// The pace over the last minute or so. Work is in any unit.
class Pace {
 public:
  /// Work is going on from `now_ms` (again).
  void begin(std::uint64_t now_ms);
  void add(double work, std::uint64_t now_ms);
  /// Milliseconds for `left` at this pace; 0 while nothing is known, never 0 otherwise.
  [[nodiscard]] std::uint64_t eta_ms(double left, std::uint64_t now_ms) const;
  /// Units a second; 0 while nothing is known.
  [[nodiscard]] double per_second(std::uint64_t now_ms) const;

 private:
  static constexpr std::uint64_t kWindowMs = 60'000;
  static constexpr std::uint64_t kSettleMs = 2'000;  // Before it, a guess would only jump.
  static constexpr std::size_t kSamplesMax = 256;
  struct Sample {
    std::uint64_t at_ms = 0;
    double work = 0;
  };
  std::deque<Sample> samples_;  // The first marks the begin of the window; its work is before it.
};

}  // namespace sf::transcode

#include "progress.hpp"

#include <algorithm>

namespace sf::transcode {

void Pace::begin(std::uint64_t now_ms) {
  if (samples_.empty()) samples_.push_back({now_ms, 0});
}

void Pace::add(double work, std::uint64_t now_ms) {
  begin(now_ms);
  samples_.push_back({now_ms, work});
  while (samples_.size() > 2 &&
         (samples_.size() > kSamplesMax || now_ms - samples_[1].at_ms > kWindowMs)) {
    samples_.pop_front();
  }
}

double Pace::per_second(std::uint64_t now_ms) const {
  if (samples_.size() < 2) return 0;
  double work = 0;
  for (std::size_t i = 1; i < samples_.size(); ++i) work += samples_[i].work;
  const std::uint64_t span_ms = std::max<std::uint64_t>(now_ms - samples_.front().at_ms, 1);
  return work * 1'000 / static_cast<double>(span_ms);
}

std::uint64_t Pace::eta_ms(double left, std::uint64_t now_ms) const {
  const double pace = per_second(now_ms);
  if (pace <= 0 || now_ms - samples_.front().at_ms < kSettleMs) return 0;
  constexpr double kLongest = 365.0 * 86'400'000;
  const double ms = std::min(left * 1'000 / pace, kLongest);
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(ms));
}

}  // namespace sf::transcode

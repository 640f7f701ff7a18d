#include "index_audio.hpp"

#include <algorithm>
#include <cstdlib>

namespace sf::transcode {

void AudioRuns::add(std::int64_t stamp_samples, std::uint32_t samples) {
  samples = std::max(samples, 1U);  // Of unknown length: its place still counts.
  // Rounding to a millisecond, and 20 ms of what writers get wrong; more is a hole or a jump.
  const std::int64_t tolerance = rate_ / 48;
  if (runs_.empty() || std::abs(stamp_samples - next_) > tolerance) {
    runs_.push_back({stamp_samples, 0, samples});
    next_ = stamp_samples;
  } else if (runs_.back().samples != samples) {
    runs_.push_back({next_, 0, samples});
  }
  ++runs_.back().packets;
  next_ += samples;
}

std::vector<AudioRun> AudioRuns::take(std::int64_t zero) && {
  for (AudioRun& run : runs_) {
    run.begin_sample -= zero;
  }
  // Stamps may jump back; looking up wants order.
  std::ranges::stable_sort(runs_, {}, &AudioRun::begin_sample);
  return std::move(runs_);
}

namespace {
constexpr std::int64_t kRateWindowSeconds = 3;  // P4: half a target duration.
}  // namespace

void AudioRates::add(std::int64_t stamp_samples, std::uint32_t samples,
                     std::uint64_t bytes) noexcept {
  const std::int64_t window = stamp_samples / (kRateWindowSeconds * rate_);
  if (window != window_) {
    window_ = window;
    window_bytes_ = 0;
  }
  window_bytes_ += bytes;
  fullest_bytes_ = std::max(fullest_bytes_, window_bytes_);
  bytes_ += bytes;
  samples_ += samples;
}

std::uint64_t AudioRates::average_bps() const noexcept {
  return samples_ == 0 ? 0 : bytes_ * 8 * rate_ / samples_;
}

std::uint64_t AudioRates::peak_bps() const noexcept {
  return std::max(average_bps(), fullest_bytes_ * 8 / kRateWindowSeconds);
}

std::optional<std::int64_t> exact_sample(const std::vector<AudioRun>& runs,
                                         std::int64_t stamp_samples) noexcept {
  auto after = std::ranges::upper_bound(runs, stamp_samples, {}, &AudioRun::begin_sample);
  std::optional<std::int64_t> best;
  const auto consider = [&](const AudioRun& run) {
    const std::int64_t length = run.samples;
    const std::int64_t at = std::clamp<std::int64_t>(
        (stamp_samples - run.begin_sample + length / 2) / length, 0, run.packets - 1);
    const std::int64_t place = run.begin_sample + at * length;
    if (!best || std::abs(place - stamp_samples) < std::abs(*best - stamp_samples)) {
      best = place;
    }
  };
  if (after != runs.end()) {
    consider(*after);
  }
  for (int back = 0; back < 3 && after != runs.begin(); ++back) {
    consider(*--after);
  }
  return best;
}

}  // namespace sf::transcode

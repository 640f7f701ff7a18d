#pragma once

/// Exact places of audio packets from rounded stamps. Pure.

#include <streamforge/transcode/plan.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace sf::transcode {

/// Collects packets into runs: stamps say where a run begins, counted samples where each packet in
/// it does. A stamp further off than rounding explains begins a new run.
class AudioRuns {
 public:
  explicit AudioRuns(std::uint32_t sample_rate) : rate_(sample_rate) {}

  void add(std::int64_t stamp_samples, std::uint32_t samples);
  [[nodiscard]] bool empty() const noexcept { return runs_.empty(); }
  [[nodiscard]] std::int64_t end_sample() const noexcept { return next_; }
  /// The runs, moved so that `zero` is at sample 0.
  [[nodiscard]] std::vector<AudioRun> take(std::int64_t zero) &&;

 private:
  std::uint32_t rate_;
  std::int64_t next_ = 0;
  std::vector<AudioRun> runs_;
};

/// How many bits a second a track takes: on average, and in the fullest few seconds.
class AudioRates {
 public:
  explicit AudioRates(std::uint32_t sample_rate) : rate_(sample_rate) {}

  void add(std::int64_t stamp_samples, std::uint32_t samples, std::uint64_t bytes) noexcept;
  [[nodiscard]] std::uint64_t average_bps() const noexcept;
  [[nodiscard]] std::uint64_t peak_bps() const noexcept;

 private:
  std::uint32_t rate_;
  std::int64_t window_ = INT64_MIN;
  std::uint64_t window_bytes_ = 0;
  std::uint64_t fullest_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t samples_ = 0;
};

/// A packet's exact place, from its rounded stamp; nullopt where the runs know of none near.
[[nodiscard]] std::optional<std::int64_t> exact_sample(const std::vector<AudioRun>& runs,
                                                       std::int64_t stamp_samples) noexcept;

}  // namespace sf::transcode

#pragma once

/// How near a segment of ours comes to its source: SSIM and PSNR, by libavfilter's own filters, of
/// its decoded pictures against the source's scaled to its size. One thread.

#include "engine.hpp"
#include "engine_libav.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace sf::transcode {

class QualityMeter {
 public:
  /// `segment`: MPEG-TS as TsWriter writes it, copied; begins at `begin_ticks`.
  static Result<QualityMeter> open(std::span<const std::uint8_t> segment, std::int64_t begin_ticks);
  ~QualityMeter();
  QualityMeter(QualityMeter&&) noexcept;

  /// The source's next picture in the order shown, of the segment's size, against the segment's.
  Result<> compare(const AVFrame& source);
  /// The mean over all pictures; kCorrupt when the segment has more of them, or none.
  Result<Quality> finish();

 private:
  struct Impl;
  explicit QualityMeter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Of at least one segment.
[[nodiscard]] Quality mean_of(std::span<const Quality> segments) noexcept;

/// Of every rung some segments are measured, spread over the whole: about eight.
[[nodiscard]] bool is_sample(std::uint32_t segment, std::uint32_t segments) noexcept;

}  // namespace sf::transcode

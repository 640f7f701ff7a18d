#pragma once

/// Segments of the rung that is the source itself: its packets from one keyframe to another, in
/// annex B form, parameter sets before every IDR, in MPEG-TS. Nothing is decoded. One thread; kept
/// by the engine between tasks on the same source.

#include "h264.hpp"
#include "packets.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace sf::transcode {

class VideoCopier {
 public:
  /// `plan` must outlive it.
  static Result<std::unique_ptr<VideoCopier>> open(const SourceFile& file, const Plan& plan);

  /// A whole segment, into a descriptor somebody else owns. kCorrupt: what is read is not what was
  /// indexed, or cannot be passed on (a keyframe that is no IDR, other parameter sets).
  Result<SegmentOutput> copy(std::uint32_t segment, int output, const Progress& progress);
  void rebind(const SourceFile& file) noexcept { packets_->rebind(file); }

 private:
  explicit VideoCopier(const Plan& plan);
  [[nodiscard]] std::int64_t decoded_at(std::size_t entry) const noexcept;
  [[nodiscard]] std::optional<std::span<const std::uint8_t>> annex_b(
      std::span<const std::uint8_t> unit, bool key);

  const Plan& plan_;
  std::unique_ptr<PacketReader> packets_;
  ParameterSets sets_;
  std::vector<std::int64_t> times_;    // Of all pictures, in the order shown.
  std::vector<std::int64_t> shown_;    // The same, and those of what is encoded.
  std::uint32_t delay_ = 0;            // Pictures: how far decoding must run ahead.
  std::size_t next_entry_ = SIZE_MAX;  // That `packets_` stands before.
  std::vector<std::uint8_t> unit_;
};

}  // namespace sf::transcode

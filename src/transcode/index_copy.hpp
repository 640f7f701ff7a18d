#pragma once

/// Whether the picture of a source could be passed on as it is: what must be seen in its packets
/// while they are listed. H.264 only; what the tables say is judged when the video is planned
/// (plan_copy.hpp). One thread.

#include "engine_libav.hpp"
#include "h264.hpp"

#include <streamforge/transcode/plan.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sf::transcode {

class ByteReader;

class CopyCheck {
 public:
  /// `skimmed`: packets hold zeros once their reader skims; some keyframes are read all the same,
  /// but none that may not be there yet (those are looked at when they are copied).
  CopyCheck(const AVCodecParameters& codec, bool skimmed);

  /// Every packet of the picture, in order.
  void add(const AVPacket& packet, ByteReader& reader);
  /// What was found: `codecs` and `copy_obstacle`.
  void tell(VideoInfo& video) const;

 private:
  [[nodiscard]] bool is_sample() const noexcept;
  void look(std::span<const std::uint8_t> unit);
  void compare(std::vector<std::vector<std::uint8_t>>& known, std::span<const std::uint8_t> nal);
  void refuse(std::string_view why);

  ParameterSets sets_;
  bool skimmed_;
  bool sets_known_;  // Before the first packet.
  std::uint64_t keys_ = 0;
  std::string obstacle_;
};

/// Whether an AAC packet can be passed on: empty, or why not. `extradata` as libav has it.
[[nodiscard]] std::string aac_obstacle(std::span<const std::uint8_t> extradata,
                                       std::span<const std::uint8_t> packet);

}  // namespace sf::transcode

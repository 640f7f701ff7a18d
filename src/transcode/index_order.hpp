#pragma once

/// When pictures are shown, for containers that do not say it of all (AVI of none; MPEG streams of
/// those that share a packet): told from the pictures' own headers. One thread.

#include "engine_libav.hpp"

#include <streamforge/transcode/plan.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace sf::transcode {

class DisplayOrder {
 public:
  explicit DisplayOrder(const AVCodecParameters& codec);
  ~DisplayOrder();
  DisplayOrder(const DisplayOrder&) = delete;

  /// Packets in decode order, every one of the stream.
  void add(const AVPacket& packet);
  /// True once a packet came without a presentation time.
  [[nodiscard]] bool needed() const noexcept { return needed_; }
  /// Gives those of `packets` (all that were added, in order) that came without one a presentation
  /// time: decode times as a set, handed out in the order shown, in step with the times known.
  void assign(std::span<PacketEntry> packets) const;

 private:
  // H.264 counts pictures (POC) from every IDR on; in the others a B-picture is shown at once and
  // the rest when the next of the rest comes.
  struct Place {
    std::int64_t sequence = 0;
    std::int64_t order = 0;
    bool known = false;  // The container says when it is shown.
  };
  AVCodecParserContext* parser_ = nullptr;
  CodecPtr codec_;
  bool by_count_ = false;
  std::size_t length_bytes_ = 0;  // Before each NAL unit; 0: start codes.
  std::int64_t sequence_ = 0;
  bool needed_ = false;
  std::vector<Place> places_;
};

}  // namespace sf::transcode

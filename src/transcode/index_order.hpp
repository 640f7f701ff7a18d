#pragma once

/// When pictures are shown, for containers that only say when they are decoded (AVI): told from the
/// pictures' own headers. One thread.

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
  /// Gives `packets` (those that were added) presentation times: their decode times as a set,
  /// handed out in the order shown.
  void assign(std::span<PacketEntry> packets) const;

 private:
  // H.264 counts pictures (POC) from every IDR on; in the others a B-picture is shown at once and
  // the rest when the next of the rest comes.
  struct Place {
    std::int64_t sequence = 0;
    std::int64_t order = 0;
  };
  AVCodecParserContext* parser_ = nullptr;
  CodecPtr codec_;
  bool by_count_ = false;
  std::size_t length_bytes_ = 0;  // Before each NAL unit; 0: start codes.
  std::int64_t sequence_ = 0;
  std::vector<Place> places_;
};

}  // namespace sf::transcode

#pragma once

/// The pictures of a source in the order shown, from any place on. One thread; owned by the engine,
/// kept between tasks on the same source, so that going on decodes nothing twice.

#include "packets.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace sf::transcode {

/// A decoded picture and when it is shown.
struct Picture {
  FramePtr frame;
  std::int64_t pts_ticks = 0;
};

class VideoReader {
 public:
  /// Keeps a reference to `plan`, which must outlive the reader.
  static Result<std::unique_ptr<VideoReader>> open(const SourceFile& file, const Plan& plan);

  /// Goes to where decoding must begin so that `next` gives every picture from `at` on, and at
  /// least `before` of those shown before it, where the source has that many. Pictures earlier than
  /// that may come too, not all of them.
  Result<> seek(std::int64_t at_ticks, unsigned before);

  /// The same without going back, where no keyframe lies between: pictures from where it stands
  /// come first. False, and nothing is done, where `seek` is shorter.
  [[nodiscard]] bool go_on_to(std::int64_t at_ticks, unsigned before);

  /// The next picture in the order shown; an empty frame at the end of the source. What cannot be
  /// decoded is left out.
  Result<Picture> next();

  void rebind(const SourceFile& file) noexcept { packets_->rebind(file); }

 private:
  VideoReader() = default;
  [[nodiscard]] std::size_t entry_for(std::int64_t at_ticks, unsigned before) const;
  void tell_encoder();
  Result<> start_at(std::size_t entry);
  [[nodiscard]] std::int64_t whole_from(std::size_t entry, std::int64_t at_ticks,
                                        unsigned before) const;
  void feed();
  void stamp();
  [[nodiscard]] std::int64_t time_of(const AVFrame& frame) const noexcept;
  [[nodiscard]] std::int64_t ticks_of(std::int64_t stamp) const noexcept;

  const Plan* plan_ = nullptr;
  std::unique_ptr<PacketReader> packets_;
  CodecPtr decoder_;
  PacketPtr packet_ = new_packet();
  std::vector<std::size_t> keys_;  // Of plan_->index.packets.
  std::size_t next_entry_ = 0;     // Of the same, where packets get their times from there.
  std::int64_t last_pts_ = INT64_MIN;
  std::int64_t whole_from_ticks_ = INT64_MIN;  // Shown before: only what others refer to.
  bool draining_ = false;
};

}  // namespace sf::transcode

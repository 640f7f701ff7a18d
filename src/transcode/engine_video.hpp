#pragma once

/// Segments of the picture, one after the other or any one alone: decode once, filter, scale in
/// cascade, encode every rung. Owned by the engine for as long as tasks are about one source.

#include "decode.hpp"
#include "decode_filter.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sf::transcode {

class VideoPipeline {
 public:
  /// `plan` must outlive it.
  static Result<std::unique_ptr<VideoPipeline>> open(const SourceFile& file, const Plan& plan);

  /// As Engine::encode_video.
  Result<std::vector<SegmentOutput>> encode(std::uint32_t segment,
                                            std::span<const std::string> rungs,
                                            std::span<const int> outputs, const Progress& progress,
                                            EncodeManner manner);
  /// The first picture that can be decoded at or before the begin of a segment, upright, as rungs
  /// are; null when there is none.
  Result<FramePtr> still(std::uint32_t segment, Size size);
  void rebind(const SourceFile& file) noexcept { reader_->rebind(file); }

 private:
  explicit VideoPipeline(const Plan& plan);
  [[nodiscard]] bool is_held(std::int64_t at_ticks) const noexcept;
  Result<> go_to(std::uint32_t segment, Size top);
  Result<std::optional<Picture>> next();
  class Maker;
  using NextPicture = std::function<Result<std::optional<Picture>>()>;
  using Show = std::function<Result<>(const AVFrame&, std::int64_t pts_ticks)>;
  /// Every picture of a segment to `show`, in order.
  Result<> play(hls::SegmentSpan span, const NextPicture& next, const Show& show,
                const Progress& progress);
  Result<> measure(Maker& maker, std::uint32_t segment,
                   std::span<const std::span<const std::uint8_t>> made, std::vector<Quality>& found,
                   const Progress& progress);

  const Plan& plan_;
  std::vector<std::int64_t> shown_;  // What every rung shows, in order.
  bool thinned_ = false;             // The source has more.
  std::unique_ptr<VideoReader> reader_;
  std::unique_ptr<PictureFilter> filter_;
  Size filter_size_;
  std::optional<std::uint32_t> next_segment_;  // The one that `reader_` stands before.
  std::optional<Picture> pending_;             // Read already, but shown in that one.
  FramePtr last_;                              // Shown last before it.
  bool ended_ = false;
  std::uint32_t whole_ = 0;  // Pictures of what was played last, decoded without a fault.
};

}  // namespace sf::transcode

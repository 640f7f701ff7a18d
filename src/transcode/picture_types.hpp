#pragma once

/// Which pictures of a segment become P and which B (H.264 section 7.4.3), decided once for all of
/// its rungs: by x264's own comparison, which is half of what it does at `veryfast`, on a small
/// copy of each picture (docs/decisions/0041). A new one every segment, so that they are the same
/// whatever was encoded before it, and whichever rungs are. One thread.

#include "engine_libav.hpp"
#include "scale.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sf::transcode {

class PictureTypes {
 public:
  /// Whether encoders of this preset do better with them: the two slowest compare more ways.
  [[nodiscard]] static bool suit(std::string_view preset) noexcept;
  /// For pictures of `size`, as they come from the decoder. None for small ones, of which a copy
  /// would not be much smaller: their encoders decide by themselves.
  static Result<std::optional<PictureTypes>> open(Size size);

  /// The next picture in the order shown; an IDR picture when `key`. Decided are then all up to
  /// some four before it.
  Result<> put(const AVFrame& picture, bool key);
  /// No more come: all are decided.
  Result<> end();

  /// Of how many the type is known.
  [[nodiscard]] std::size_t decided() const noexcept { return types_.size(); }
  /// AV_PICTURE_TYPE_I for an IDR picture, _P or _B of the others; `place` is less than `decided`.
  [[nodiscard]] AVPictureType of(std::size_t place) const noexcept { return types_[place]; }

 private:
  PictureTypes(Size small, CodecPtr encoder)
      : scaler_(Scaler::of_luma(small)), encoder_(std::move(encoder)) {}
  Result<> give(const AVFrame* picture);

  Scaler scaler_;
  CodecPtr encoder_;
  PacketPtr packet_ = new_packet();
  std::vector<AVPictureType> types_;
  std::int64_t shown_ = 0;
};

}  // namespace sf::transcode

#pragma once

/// Pictures to the size and kind that rungs have: 8-bit 4:2:0, BT.709, limited range, upright; by
/// zimg with a bicubic kernel. One thread.

#include "engine_libav.hpp"
#include "ladder.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace sf::transcode {

/// Makes pictures of one size from whatever comes. Keeps its zimg graph while the input stays
/// alike.
class Scaler {
 public:
  /// `rotation`: clockwise degrees, a multiple of 90, applied after scaling; `size` is upright.
  Scaler(Size size, int rotation);
  /// Brightness alone (8-bit grey), by the cheaper bilinear kernel: to be compared, not seen.
  static Scaler of_luma(Size size);
  ~Scaler();
  Scaler(Scaler&&) noexcept;

  /// The picture scaled; `in` itself when nothing has to change. Planar formats only.
  Result<FramePtr> scale(const AVFrame& in);

 private:
  struct Graph;
  Result<> rebuild(const AVFrame& in);
  FramePtr buffer(std::vector<FramePtr>& pool, Size size);

  Size size_;
  int rotation_;
  AVPixelFormat format_ = AV_PIX_FMT_YUV420P;
  std::unique_ptr<Graph> graph_;
  std::vector<FramePtr> pool_;
  std::vector<FramePtr> turned_pool_;
};

/// Room for a picture.
[[nodiscard]] FramePtr new_picture(Size size, AVPixelFormat format = AV_PIX_FMT_YUV420P);
/// A black picture.
[[nodiscard]] FramePtr black_picture(Size size);

/// 8-bit 4:2:0 turned clockwise by 90, 180 or 270 degrees; `out` has the turned size.
void rotate(const AVFrame& in, int rotation, AVFrame& out) noexcept;

}  // namespace sf::transcode

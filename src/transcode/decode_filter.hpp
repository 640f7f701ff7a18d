#pragma once

/// What must happen to a decoded picture before it can be scaled: deinterlacing, tone mapping of
/// HDR, and turning packed pixels into planes; by libavfilter, only where it is needed. One thread.

#include "decode.hpp"
#include "ladder.hpp"

#include <deque>
#include <memory>
#include <string>

namespace sf::transcode {

class PictureFilter {
 public:
  /// `size`: what a tone-mapped picture is scaled to on the way; `deinterlace` as the plan says.
  PictureFilter(bool deinterlace, Size size);
  ~PictureFilter();

  /// Puts a picture in, or an empty frame at the end; filtered ones come out, in order.
  /// Deinterlacing holds one back.
  Result<> put(Picture picture);
  [[nodiscard]] bool empty() const noexcept { return ready_.empty(); }
  [[nodiscard]] Picture take();
  /// Forgets what it holds: decoding goes on elsewhere.
  void reset() noexcept;

 private:
  struct Graph;
  [[nodiscard]] std::string chain_for(const AVFrame& frame) const;
  Result<> rebuild(const AVFrame& frame, const std::string& chain);
  Result<> collect();

  bool deinterlace_;
  Size size_;
  std::unique_ptr<Graph> graph_;
  std::deque<Picture> ready_;
};

/// True for PQ and HLG, which look washed out unless mapped.
[[nodiscard]] bool is_hdr(const AVFrame& frame) noexcept;

}  // namespace sf::transcode

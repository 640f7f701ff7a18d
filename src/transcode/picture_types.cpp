#include "picture_types.hpp"

#include "encode.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::uint32_t kSmaller = 4;        // By side.
constexpr std::uint32_t kLongSideMin = 320;  // Of the copy: fewer blocks say too little.

// What is compared is what `veryfast` compares (subme 2, hex, weightp 1); what comes after it is as
// cheap as can be, for only its types are read. Small copies have lost their grain, which speaks
// for B: the bias gives it back (between 15 and 30, which were best for the bytes of four clips).
constexpr const char* kX264Options =
    "b-adapt=1:b-pyramid=none:b-bias=20:subme=2:me=hex:weightp=1:rc-lookahead=0:mbtree=0:"
    "aq-mode=0:qp=45:partitions=none:keyint=infinite:min-keyint=1:scenecut=0:open-gop=0:"
    "force-cfr=1";

}  // namespace

bool PictureTypes::suit(std::string_view preset) noexcept {
  return preset != "slower" && preset != "veryslow";
}

Result<std::optional<PictureTypes>> PictureTypes::open(Size size) {
  const std::uint32_t long_side = std::max(size.width, size.height);
  if (long_side < 2 * kLongSideMin) {
    return std::nullopt;
  }
  const std::uint32_t small_side = std::max(long_side / kSmaller, kLongSideMin);
  const auto smaller = [&](std::uint32_t side) {
    return std::max(std::uint32_t{16}, side * small_side / long_side / 2 * 2);
  };
  const Size small{smaller(size.width), smaller(size.height)};
  auto opened = new_x264(small);
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  AVCodecContext* encoder = opened->get();
  encoder->pix_fmt = AV_PIX_FMT_GRAY8;
  encoder->time_base = {1, 30};  // By number.
  av_opt_set(encoder->priv_data, "preset", "ultrafast", 0);
  av_opt_set(encoder->priv_data, "x264-params", kX264Options, 0);
  if (const int code = avcodec_open2(encoder, nullptr, nullptr); code < 0) {
    return fail(libav_error(code, "the encoder for types of pictures did not start"));
  }
  return PictureTypes(small, std::move(*opened));
}

Result<> PictureTypes::put(const AVFrame& picture, bool key) {
  auto small = scaler_.scale(picture);
  if (!small) {
    return fail(std::move(small.error()));
  }
  (*small)->pts = shown_++;
  (*small)->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
  return give(small->get());
}

Result<> PictureTypes::end() { return give(nullptr); }

// In decode order a picture that is shown later than all before it is I or P; those that are shown
// between it and the last one of that kind are the B-pictures, which follow it.
Result<> PictureTypes::give(const AVFrame* picture) {
  return encode_picture(*encoder_, picture, *packet_, "decide the types of pictures",
                        [this](const AVPacket& packet) {
                          const auto place = static_cast<std::size_t>(packet.pts);
                          if (place < types_.size()) return;
                          const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
                          types_.resize(place, AV_PICTURE_TYPE_B);
                          types_.push_back(key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_P);
                        });
}

}  // namespace sf::transcode

#include "stills.hpp"

#include "scale.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

namespace sf::transcode {
namespace {

constexpr std::uint32_t kPosterWidthMax = 1280;

// Before each cell's planes.
struct CellHead {
  std::array<char, 4> magic{'S', 'F', 'T', '1'};
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t sum = 0;  // FNV-1a of what follows: files that were not synced may have holes.
};

std::size_t plane_bytes(Size size) { return std::size_t{size.width} * size.height * 3 / 2; }

std::size_t cell_bytes(Size size) { return sizeof(CellHead) + plane_bytes(size); }

std::uint32_t sum_of(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 2'166'136'261;
  for (const std::uint8_t byte : bytes) sum = (sum ^ byte) * 16'777'619;
  return sum;
}

// Visits the three planes of both in step, line by line.
template <class Visit>
void each_line(const AVFrame& in, Visit visit) {
  for (int plane = 0; plane < 3; ++plane) {
    const int shift = plane == 0 ? 0 : 1;
    for (int y = 0; y < in.height >> shift; ++y) visit(plane, y, in.width >> shift);
  }
}

// BT.709 to BT.601 (JFIF), both of luminance and two differences: what luminance gets of the
// differences, and they of each other.
struct Colours {
  double luma_cb;
  double luma_cr;
  double cb_cb;
  double cb_cr;
  double cr_cb;
  double cr_cr;
};
constexpr Colours to_jfif() {
  constexpr double kRed = 0.2126;
  constexpr double kBlue = 0.0722;
  constexpr double kGreen = 1 - kRed - kBlue;
  constexpr double kJfifRed = 0.299;
  constexpr double kJfifBlue = 0.114;
  constexpr double kJfifGreen = 1 - kJfifRed - kJfifBlue;
  // Of grey plus (cb, cr): red, green and blue less the luminance.
  const double red_cr = 2 * (1 - kRed);
  const double blue_cb = 2 * (1 - kBlue);
  const double green_cr = -kRed * red_cr / kGreen;
  const double green_cb = -kBlue * blue_cb / kGreen;
  const double luma_cb = kJfifGreen * green_cb + kJfifBlue * blue_cb;
  const double luma_cr = kJfifRed * red_cr + kJfifGreen * green_cr;
  const double per_cb = 2 * (1 - kJfifBlue);
  const double per_cr = 2 * (1 - kJfifRed);
  return {luma_cb,           luma_cr,           (blue_cb - luma_cb) / per_cb,
          -luma_cr / per_cb, -luma_cb / per_cr, (red_cr - luma_cr) / per_cr};
}

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
}

FramePtr in_jfif_colours(const AVFrame& in) {
  constexpr Colours kMatrix = to_jfif();
  constexpr double kLuma = 255.0 / 219;
  constexpr double kChroma = 255.0 / 224;
  FramePtr out =
      new_picture({static_cast<std::uint32_t>(in.width), static_cast<std::uint32_t>(in.height)},
                  AV_PIX_FMT_YUVJ420P);
  out->color_range = AVCOL_RANGE_JPEG;
  const auto at = [](const AVFrame& frame, int plane, int x, int y) -> std::uint8_t& {
    return frame.data[plane][y * frame.linesize[plane] + x];
  };
  each_line(in, [&](int plane, int y, int width) {
    for (int x = 0; x < width; ++x) {
      const int half_x = plane == 0 ? std::min(x / 2, in.width / 2 - 1) : x;
      const int half_y = plane == 0 ? std::min(y / 2, in.height / 2 - 1) : y;
      const double cb = (at(in, 1, half_x, half_y) - 128) * kChroma;
      const double cr = (at(in, 2, half_x, half_y) - 128) * kChroma;
      double value = 0;
      if (plane == 0) {
        value = (at(in, 0, x, y) - 16) * kLuma + kMatrix.luma_cb * cb + kMatrix.luma_cr * cr;
      } else if (plane == 1) {
        value = 128 + kMatrix.cb_cb * cb + kMatrix.cb_cr * cr;
      } else {
        value = 128 + kMatrix.cr_cb * cb + kMatrix.cr_cr * cr;
      }
      at(*out, plane, x, y) = to_byte(value);
    }
  });
  return out;
}

}  // namespace

Size tile_of(const Plan& plan) noexcept {
  const hls::TileSize size = hls::tile_size(plan.rungs.back().width, plan.rungs.back().height);
  return {size.width, size.height};
}

Size poster_of(const Plan& plan) noexcept {
  const RungPlan& rung = plan.rungs.front();
  if (rung.width <= kPosterWidthMax) return {rung.width, rung.height};
  const std::uint64_t height = std::uint64_t{rung.height} * kPosterWidthMax / rung.width;
  return {kPosterWidthMax, std::max<std::uint32_t>(2, static_cast<std::uint32_t>(height / 2 * 2))};
}

Result<std::vector<std::uint8_t>> encode_jpeg(const AVFrame& picture, int quantizer) {
  const AVCodec* codec = avcodec_find_encoder_by_name("mjpeg");
  if (codec == nullptr) return fail(ErrorCode::kUnsupported, "libav has no mjpeg encoder");
  const CodecPtr encoder(avcodec_alloc_context3(codec));
  if (encoder == nullptr) return fail(libav_error(AVERROR(ENOMEM), "mjpeg"));
  encoder->width = picture.width;
  encoder->height = picture.height;
  encoder->pix_fmt = AV_PIX_FMT_YUVJ420P;
  encoder->color_range = AVCOL_RANGE_JPEG;
  encoder->time_base = {1, 25};
  encoder->thread_count = 1;
  encoder->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
  encoder->global_quality = FF_QP2LAMBDA * quantizer;
  int code = avcodec_open2(encoder.get(), codec, nullptr);
  if (code < 0) return fail(libav_error(code, "the mjpeg encoder did not start"));
  const FramePtr frame = in_jfif_colours(picture);
  frame->quality = encoder->global_quality;
  frame->pts = 0;
  const PacketPtr packet = new_packet();
  code = avcodec_send_frame(encoder.get(), frame.get());
  if (code >= 0) code = avcodec_receive_packet(encoder.get(), packet.get());
  if (code < 0) return fail(libav_error(code, "JPEG"));
  return std::vector<std::uint8_t>(packet->data, packet->data + packet->size);
}

void keep_tile(int cells, std::uint32_t segment, const AVFrame& tile) noexcept {
  const Size size{static_cast<std::uint32_t>(tile.width), static_cast<std::uint32_t>(tile.height)};
  std::vector<std::uint8_t> cell(cell_bytes(size));
  std::uint8_t* to = cell.data() + sizeof(CellHead);
  each_line(tile, [&](int plane, int y, int width) {
    to = std::copy_n(tile.data[plane] + y * tile.linesize[plane], width, to);
  });
  CellHead head;
  head.width = size.width;
  head.height = size.height;
  head.sum = sum_of(std::span(cell).subspan(sizeof head));
  std::memcpy(cell.data(), &head, sizeof head);
  const auto at = static_cast<off_t>(std::uint64_t{segment} * cell.size());
  (void)!::pwrite(cells, cell.data(), cell.size(), at);
}

FramePtr kept_tile(int cells, std::uint32_t segment, Size size) {
  std::vector<std::uint8_t> cell(cell_bytes(size));
  const auto at = static_cast<off_t>(std::uint64_t{segment} * cell.size());
  if (::pread(cells, cell.data(), cell.size(), at) != static_cast<ssize_t>(cell.size())) {
    return nullptr;
  }
  CellHead head;
  std::memcpy(&head, cell.data(), sizeof head);
  const std::span planes = std::span(cell).subspan(sizeof head);
  if (head.magic != CellHead{}.magic || head.width != size.width || head.height != size.height ||
      head.sum != sum_of(planes)) {
    return nullptr;
  }
  FramePtr tile = new_picture(size, AV_PIX_FMT_YUV420P);
  const std::uint8_t* from = planes.data();
  each_line(*tile, [&](int plane, int y, int width) {
    std::copy_n(from, width, tile->data[plane] + y * tile->linesize[plane]);
    from += width;
  });
  return tile;
}

void place_tile(const AVFrame& tile, std::uint32_t place, AVFrame& sheet) noexcept {
  const int left = static_cast<int>(place % hls::kTilesAcross) * tile.width;
  const int top = static_cast<int>(place / hls::kTilesAcross) * tile.height;
  each_line(tile, [&](int plane, int y, int width) {
    const int shift = plane == 0 ? 0 : 1;
    std::copy_n(tile.data[plane] + y * tile.linesize[plane], width,
                sheet.data[plane] + ((top >> shift) + y) * sheet.linesize[plane] + (left >> shift));
  });
}

double interest(const AVFrame& picture) noexcept {
  double sum = 0;
  double squares = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const double luma = picture.data[0][y * picture.linesize[0] + x];
      sum += luma;
      squares += luma * luma;
    }
  }
  const double count = static_cast<double>(picture.width) * picture.height;
  const double mean = sum / count;
  const double spread = std::sqrt(std::max(0.0, squares / count - mean * mean));
  constexpr double kDark = 40;
  constexpr double kBright = 215;
  const double light = mean < kDark ? mean / kDark : mean > kBright ? (255 - mean) / kDark : 1;
  return spread * light;
}

}  // namespace sf::transcode

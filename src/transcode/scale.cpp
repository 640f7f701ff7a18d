#include "scale.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <cstring>

#include <zimg.h>

namespace sf::transcode {
namespace {

constexpr std::size_t kAlignment = 64;  // Of zimg's widest vectors.
constexpr int kHdHeightMin = 577;       // Untagged pictures above it are BT.709, as players assume.

struct FreeZimgGraph {
  void operator()(zimg_filter_graph* graph) const noexcept { zimg_filter_graph_free(graph); }
};
struct FreeBytes {
  void operator()(void* bytes) const noexcept { std::free(bytes); }
};

void tag(AVFrame& frame) {
  frame.color_range = AVCOL_RANGE_MPEG;
  frame.colorspace = AVCOL_SPC_BT709;
  frame.color_primaries = AVCOL_PRI_BT709;
  frame.color_trc = AVCOL_TRC_BT709;
  frame.sample_aspect_ratio = {1, 1};
}

bool is_full_range(const AVFrame& frame) {
  switch (frame.format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
      return true;
    default:
      return frame.color_range == AVCOL_RANGE_JPEG;
  }
}

zimg_matrix_coefficients_e matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return ZIMG_MATRIX_BT709;
    case AVCOL_SPC_FCC:
      return ZIMG_MATRIX_FCC;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return ZIMG_MATRIX_BT470_BG;
    case AVCOL_SPC_SMPTE240M:
      return ZIMG_MATRIX_ST240_M;
    case AVCOL_SPC_YCGCO:
      return ZIMG_MATRIX_YCGCO;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return ZIMG_MATRIX_BT2020_NCL;
    default:
      return frame.height >= kHdHeightMin ? ZIMG_MATRIX_BT709 : ZIMG_MATRIX_BT470_BG;
  }
}

bool is_rgb(const AVPixFmtDescriptor& format) { return (format.flags & AV_PIX_FMT_FLAG_RGB) != 0; }

// Whole chroma samples: an odd last line or column is left out.
Size whole_size(const AVFrame& frame, const AVPixFmtDescriptor& format) {
  const auto whole = [](int length, int shift) {
    return static_cast<std::uint32_t>(length >> shift << shift);
  };
  return {whole(frame.width, format.log2_chroma_w), whole(frame.height, format.log2_chroma_h)};
}

bool is_aligned(const AVFrame& frame) {
  for (int plane = 0; plane < 3; ++plane) {
    if (reinterpret_cast<std::uintptr_t>(frame.data[plane]) % kAlignment != 0 ||
        frame.linesize[plane] < 0 ||
        static_cast<unsigned>(frame.linesize[plane]) % kAlignment != 0) {
      return false;
    }
  }
  return true;
}

zimg_image_format input_format(const AVFrame& in, const AVPixFmtDescriptor& format, Size size) {
  zimg_image_format out;
  zimg_image_format_default(&out, ZIMG_API_VERSION);
  const int depth = format.comp[0].depth;
  out.width = size.width;
  out.height = size.height;
  out.pixel_type = depth > 8 ? ZIMG_PIXEL_WORD : ZIMG_PIXEL_BYTE;
  out.depth = static_cast<unsigned>(depth);
  out.subsample_w = format.log2_chroma_w;
  out.subsample_h = format.log2_chroma_h;
  if (is_rgb(format)) {
    out.color_family = ZIMG_COLOR_RGB;
    out.matrix_coefficients = ZIMG_MATRIX_RGB;
    out.pixel_range = ZIMG_RANGE_FULL;
  } else {
    out.color_family = ZIMG_COLOR_YUV;
    out.matrix_coefficients = matrix_of(in);
    out.pixel_range = is_full_range(in) ? ZIMG_RANGE_FULL : ZIMG_RANGE_LIMITED;
  }
  return out;
}

zimg_image_format output_format(Size size, AVPixelFormat format) {
  zimg_image_format out;
  zimg_image_format_default(&out, ZIMG_API_VERSION);
  out.width = size.width;
  out.height = size.height;
  out.pixel_type = ZIMG_PIXEL_BYTE;
  out.depth = 8;
  if (format == AV_PIX_FMT_GRAY8) {
    out.color_family = ZIMG_COLOR_GREY;
  } else {
    out.subsample_w = 1;
    out.subsample_h = 1;
    out.color_family = ZIMG_COLOR_YUV;
  }
  out.matrix_coefficients = ZIMG_MATRIX_BT709;
  out.pixel_range = ZIMG_RANGE_LIMITED;
  return out;
}

zimg_graph_builder_params kernel_for(AVPixelFormat format) {
  zimg_graph_builder_params params;
  zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
  params.resample_filter = format == AV_PIX_FMT_GRAY8 ? ZIMG_RESIZE_BILINEAR : ZIMG_RESIZE_BICUBIC;
  params.filter_param_a = 0.0;
  params.filter_param_b = 0.6;
  params.resample_filter_uv = params.resample_filter;
  params.filter_param_a_uv = params.filter_param_a;
  params.filter_param_b_uv = params.filter_param_b;
  params.cpu_type = ZIMG_CPU_AUTO_64B;
  return params;
}

void rotate_plane(const std::uint8_t* in, std::ptrdiff_t in_stride, int width, int height,
                  int rotation, std::uint8_t* out, std::ptrdiff_t out_stride) noexcept {
  if (rotation == 180) {
    for (int y = 0; y < height; ++y) {
      std::reverse_copy(in + y * in_stride, in + y * in_stride + width,
                        out + (height - 1 - y) * out_stride);
    }
    return;
  }
  // In tiles, so that both the lines read and the lines written stay in the cache.
  constexpr int kTile = 16;
  for (int tile_y = 0; tile_y < height; tile_y += kTile) {
    for (int tile_x = 0; tile_x < width; tile_x += kTile) {
      for (int x = tile_x; x < std::min(tile_x + kTile, width); ++x) {
        std::uint8_t* line = out + (rotation == 90 ? x : width - 1 - x) * out_stride;
        for (int y = tile_y; y < std::min(tile_y + kTile, height); ++y) {
          line[rotation == 90 ? height - 1 - y : y] = in[y * in_stride + x];
        }
      }
    }
  }
}

}  // namespace

struct Scaler::Graph {
  std::unique_ptr<zimg_filter_graph, FreeZimgGraph> graph;
  std::unique_ptr<void, FreeBytes> scratch;
  FramePtr aligned;
  Size in_size;
  bool same = false;  // Nothing to change.
  // What it was built for.
  int width = 0;
  int height = 0;
  int format = -1;
  int matrix = -1;
  bool full_range = false;
};

Scaler::Scaler(Size size, int rotation) : size_(size), rotation_(rotation) {}
Scaler Scaler::of_luma(Size size) {
  Scaler scaler(size, 0);
  scaler.format_ = AV_PIX_FMT_GRAY8;
  return scaler;
}
Scaler::~Scaler() = default;
Scaler::Scaler(Scaler&&) noexcept = default;

Result<> Scaler::rebuild(const AVFrame& in) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(in.format));
  if (format == nullptr || format->nb_components < 3) {
    return fail(ErrorCode::kUnsupported, "the pictures are in an unknown pixel format");
  }
  auto graph = std::make_unique<Graph>();
  graph->width = in.width;
  graph->height = in.height;
  graph->format = in.format;
  graph->matrix = matrix_of(in);
  graph->full_range = is_full_range(in);
  graph->in_size = whole_size(in, *format);
  if (graph->in_size.width == 0 || graph->in_size.height == 0) {
    return fail(ErrorCode::kUnsupported, "the pictures are too small");
  }
  const Size out_size = rotation_ % 180 == 0 ? size_ : Size{size_.height, size_.width};
  graph->same = in.format == format_ && graph->in_size == out_size &&
                graph->matrix == ZIMG_MATRIX_BT709 && !graph->full_range;
  if (!graph->same) {
    const zimg_graph_builder_params params = kernel_for(format_);
    const zimg_image_format source = input_format(in, *format, graph->in_size);
    const zimg_image_format target = output_format(out_size, format_);
    graph->graph.reset(zimg_filter_graph_build(&source, &target, &params));
    std::size_t scratch = 0;
    if (graph->graph == nullptr ||
        zimg_filter_graph_get_tmp_size(graph->graph.get(), &scratch) != ZIMG_ERROR_SUCCESS) {
      char words[256] = {};
      zimg_get_last_error(words, sizeof words);
      return fail(ErrorCode::kInternal, concat("scaler: ", static_cast<const char*>(words)));
    }
    scratch = (scratch + kAlignment - 1) / kAlignment * kAlignment;
    graph->scratch.reset(std::aligned_alloc(kAlignment, std::max(scratch, kAlignment)));
    SF_ASSERT(graph->scratch != nullptr);
  }
  graph_ = std::move(graph);
  return {};
}

// A picture nobody refers to any more, or a new one. Encoders copy what they are given, so that a
// few serve for ever.
FramePtr Scaler::buffer(std::vector<FramePtr>& pool, Size size) {
  for (FramePtr& frame : pool) {
    if (av_frame_is_writable(frame.get()) != 0) {
      FramePtr taken = new_frame();
      av_frame_ref(taken.get(), frame.get());
      return taken;
    }
  }
  pool.push_back(new_picture(size, format_));
  FramePtr taken = new_frame();
  av_frame_ref(taken.get(), pool.back().get());
  return taken;
}

Result<FramePtr> Scaler::scale(const AVFrame& in) {
  if (graph_ == nullptr || graph_->width != in.width || graph_->height != in.height ||
      graph_->format != in.format || graph_->matrix != matrix_of(in) ||
      graph_->full_range != is_full_range(in)) {
    if (auto built = rebuild(in); !built) {
      return fail(std::move(built.error()));
    }
  }
  FramePtr out;
  if (graph_->same) {
    out = new_frame();
    av_frame_ref(out.get(), &in);
    out->width = static_cast<int>(graph_->in_size.width);
    out->height = static_cast<int>(graph_->in_size.height);
  } else {
    const AVFrame* source = &in;
    if (!is_aligned(in)) {
      if (graph_->aligned == nullptr) {
        graph_->aligned = new_frame();
        graph_->aligned->format = in.format;
        graph_->aligned->width = in.width;
        graph_->aligned->height = in.height;
        if (av_frame_get_buffer(graph_->aligned.get(), kAlignment) < 0) {
          return fail(libav_error(AVERROR(ENOMEM), "scaler"));
        }
      }
      av_frame_copy(graph_->aligned.get(), &in);
      source = graph_->aligned.get();
    }
    out = buffer(pool_, rotation_ % 180 == 0 ? size_ : Size{size_.height, size_.width});
    const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(in.format));
    zimg_image_buffer_const from = {ZIMG_API_VERSION, {}};
    zimg_image_buffer to = {ZIMG_API_VERSION, {}};
    for (int plane = 0; plane < 3; ++plane) {
      // libav keeps RGB planes as G, B, R.
      const int stored = is_rgb(*format) ? (plane + 2) % 3 : plane;
      from.plane[plane] = {source->data[stored], source->linesize[stored], ZIMG_BUFFER_MAX};
      to.plane[plane] = {out->data[plane], out->linesize[plane], ZIMG_BUFFER_MAX};
    }
    if (zimg_filter_graph_process(graph_->graph.get(), &from, &to, graph_->scratch.get(), nullptr,
                                  nullptr, nullptr, nullptr) != ZIMG_ERROR_SUCCESS) {
      char words[256] = {};
      zimg_get_last_error(words, sizeof words);
      return fail(ErrorCode::kInternal, concat("scaler: ", static_cast<const char*>(words)));
    }
  }
  if (rotation_ != 0) {
    FramePtr turned = buffer(turned_pool_, size_);
    rotate(*out, rotation_, *turned);
    out = std::move(turned);
  }
  tag(*out);
  return out;
}

FramePtr new_picture(Size size, AVPixelFormat format) {
  FramePtr frame = new_frame();
  frame->format = format;
  frame->width = static_cast<int>(size.width);
  frame->height = static_cast<int>(size.height);
  const int code = av_frame_get_buffer(frame.get(), kAlignment);
  SF_ASSERT(code >= 0);  // Memory has run out; sizes are the plan's.
  return frame;
}

FramePtr black_picture(Size size) {
  FramePtr frame = new_picture(size);
  for (int plane = 0; plane < 3; ++plane) {
    const int lines = plane == 0 ? frame->height : (frame->height + 1) / 2;
    std::memset(frame->data[plane], plane == 0 ? 16 : 128,
                static_cast<std::size_t>(frame->linesize[plane]) * static_cast<std::size_t>(lines));
  }
  tag(*frame);
  return frame;
}

void rotate(const AVFrame& in, int rotation, AVFrame& out) noexcept {
  for (int plane = 0; plane < 3; ++plane) {
    const int shift = plane == 0 ? 0 : 1;
    rotate_plane(in.data[plane], in.linesize[plane], in.width >> shift, in.height >> shift,
                 rotation, out.data[plane], out.linesize[plane]);
  }
}

}  // namespace sf::transcode

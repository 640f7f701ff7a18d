#include "decode_filter.hpp"

#include <streamforge/base/bytes.hpp>

#include <utility>

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

namespace sf::transcode {
namespace {

// The planar formats the scaler takes as they are: YUV of 8 to 16 bits, RGB in planes.
bool is_planar(const AVPixFmtDescriptor& format) {
  constexpr std::uint64_t odd = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL |
                                AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
  if ((format.flags & odd) != 0 || (format.flags & AV_PIX_FMT_FLAG_PLANAR) == 0 ||
      format.nb_components < 3 || format.log2_chroma_w > 2 || format.log2_chroma_h > 2) {
    return false;
  }
  for (int i = 0; i < 3; ++i) {
    const int bytes = format.comp[i].depth > 8 ? 2 : 1;
    if (format.comp[i].step != bytes || format.comp[i].shift != 0) {
      return false;  // Two components share a plane (NV12, P010).
    }
  }
  return true;
}

// The nearest planar format of the same sampling.
const char* planar_for(const AVPixFmtDescriptor& format) {
  if ((format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0) {
    return format.comp[0].depth > 8 ? "gbrp12" : "gbrp";
  }
  const bool deep = format.comp[0].depth > 8;
  if (format.nb_components < 3 || (format.log2_chroma_w == 1 && format.log2_chroma_h == 1)) {
    return deep ? "yuv420p10" : "yuv420p";
  }
  if (format.log2_chroma_w == 1) {
    return deep ? "yuv422p10" : "yuv422p";
  }
  return deep ? "yuv444p10" : "yuv444p";
}

void append(std::string& chain, std::string_view filter) {
  chain += concat(chain.empty() ? "" : ",", filter);
}

}  // namespace

struct PictureFilter::Graph {
  ~Graph() { avfilter_graph_free(&graph); }

  AVFilterGraph* graph = nullptr;
  AVFilterContext* source = nullptr;
  AVFilterContext* sink = nullptr;
  // What it was built for.
  std::string chain;
  int width = 0;
  int height = 0;
  int format = -1;
};

bool is_hdr(const AVFrame& frame) noexcept {
  return frame.color_trc == AVCOL_TRC_SMPTE2084 || frame.color_trc == AVCOL_TRC_ARIB_STD_B67;
}

PictureFilter::PictureFilter(bool deinterlace, Size size)
    : deinterlace_(deinterlace), size_(size) {}
PictureFilter::~PictureFilter() = default;

void PictureFilter::reset() noexcept {
  graph_.reset();
  ready_.clear();
}

Picture PictureFilter::take() {
  Picture picture = std::move(ready_.front());
  ready_.pop_front();
  return picture;
}

std::string PictureFilter::chain_for(const AVFrame& frame) const {
  std::string chain;
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if (deinterlace_) {
    append(chain, "bwdif=mode=send_frame:parity=auto:deint=interlaced");
  }
  if (is_hdr(frame)) {
    // Media players' usual path: linear light, BT.709 primaries, Hable's curve, back to 8 bit.
    append(chain, concat("zscale=w=", size_.width, ":h=", size_.height,
                         ":filter=spline36:transfer=linear:npl=100",
                         frame.colorspace == AVCOL_SPC_UNSPECIFIED ? ":matrixin=2020_ncl" : "",
                         frame.color_primaries == AVCOL_PRI_UNSPECIFIED ? ":primariesin=2020" : "",
                         ",format=gbrpf32le,zscale=primaries=709,tonemap=hable:desat=0,"
                         "zscale=transfer=709:matrix=709:range=limited,format=yuv420p"));
  } else if (format != nullptr && !is_planar(*format)) {
    append(chain, concat("format=", planar_for(*format)));
  }
  return chain;
}

Result<> PictureFilter::rebuild(const AVFrame& frame, const std::string& chain) {
  auto graph = std::make_unique<Graph>();
  graph->graph = avfilter_graph_alloc();
  if (graph->graph == nullptr) {
    return fail(libav_error(AVERROR(ENOMEM), "filter"));
  }
  graph->graph->nb_threads = 1;
  graph->chain = chain;
  graph->width = frame.width;
  graph->height = frame.height;
  graph->format = frame.format;
  std::string arguments = concat("video_size=", frame.width, 'x', frame.height,
                                 ":pix_fmt=", frame.format, ":time_base=1/90000:pixel_aspect=1/1");
#if LIBAVFILTER_VERSION_INT >= AV_VERSION_INT(10, 0, 100)
  arguments += concat(":colorspace=", static_cast<int>(frame.colorspace),
                      ":range=", static_cast<int>(frame.color_range));
#endif
  int code = avfilter_graph_create_filter(&graph->source, avfilter_get_by_name("buffer"), "in",
                                          arguments.c_str(), nullptr, graph->graph);
  if (code >= 0) {
    code = avfilter_graph_create_filter(&graph->sink, avfilter_get_by_name("buffersink"), "out",
                                        nullptr, nullptr, graph->graph);
  }
  AVFilterInOut* inputs = avfilter_inout_alloc();
  AVFilterInOut* outputs = avfilter_inout_alloc();
  if (code >= 0 && inputs != nullptr && outputs != nullptr) {
    *outputs = {av_strdup("in"), graph->source, 0, nullptr};
    *inputs = {av_strdup("out"), graph->sink, 0, nullptr};
    code = avfilter_graph_parse_ptr(graph->graph, chain.c_str(), &inputs, &outputs, nullptr);
  }
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  if (code >= 0) {
    code = avfilter_graph_config(graph->graph, nullptr);
  }
  if (code < 0) {
    return fail(libav_error(code, concat("filter \"", chain, '"')));
  }
  graph_ = std::move(graph);
  return {};
}

Result<> PictureFilter::put(Picture picture) {
  if (picture.frame == nullptr) {
    if (graph_ != nullptr) {
      if (av_buffersrc_add_frame(graph_->source, nullptr) >= 0) {
        auto collected = collect();
        graph_.reset();
        return collected;
      }
    }
    return {};
  }
  const std::string chain = chain_for(*picture.frame);
  const AVFrame& frame = *picture.frame;
  if (graph_ != nullptr && (graph_->chain != chain || graph_->width != frame.width ||
                            graph_->height != frame.height || graph_->format != frame.format)) {
    // The source changes: what the old graph holds back comes first.
    if (auto flushed = put(Picture{}); !flushed) {
      return flushed;
    }
  }
  if (chain.empty()) {
    ready_.push_back(std::move(picture));
    return {};
  }
  if (graph_ == nullptr) {
    if (auto built = rebuild(frame, chain); !built) {
      return built;
    }
  }
  picture.frame->pts = picture.pts_ticks;
  picture.frame->sample_aspect_ratio = {1, 1};
  const int code = av_buffersrc_add_frame(graph_->source, picture.frame.get());
  if (code < 0) {
    return fail(libav_error(code, "filter a picture"));
  }
  return collect();
}

Result<> PictureFilter::collect() {
  for (;;) {
    FramePtr frame = new_frame();
    const int code = av_buffersink_get_frame(graph_->sink, frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
      return {};
    }
    if (code < 0) {
      return fail(libav_error(code, "filter a picture"));
    }
    const std::int64_t pts =
        av_rescale_q(frame->pts, av_buffersink_get_time_base(graph_->sink), kTickBase);
    ready_.push_back({std::move(frame), pts});
  }
}

}  // namespace sf::transcode

#include "quality.hpp"

#include "ts_reader.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

namespace sf::transcode {
namespace {

constexpr std::uint32_t kSamples = 8;
constexpr double kPeak = 255;

Error filter_error(int code) { return libav_error(code, "measure a picture"); }

double number(const AVFrame& frame, const char* key) {
  const AVDictionaryEntry* entry = av_dict_get(frame.metadata, key, nullptr, 0);
  return entry == nullptr ? 0 : std::strtod(entry->value, nullptr);
}

}  // namespace

struct QualityMeter::Impl {
  ~Impl() { avfilter_graph_free(&graph); }

  Result<> build(const AVFrame& like);
  Result<FramePtr> next_picture();
  Result<> put(AVFilterContext* into, const AVFrame& picture);
  Result<> collect();

  std::vector<TsUnit> units;
  std::size_t next_unit = 0;
  CodecPtr decoder;
  AVFilterGraph* graph = nullptr;
  AVFilterContext* source = nullptr;
  AVFilterContext* made = nullptr;
  AVFilterContext* sink = nullptr;
  std::int64_t put_count = 0;
  std::uint32_t measured = 0;
  double ssim_sum = 0;
  double error_sum = 0;  // Mean squared, of each picture.
};

QualityMeter::QualityMeter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QualityMeter::~QualityMeter() = default;
QualityMeter::QualityMeter(QualityMeter&&) noexcept = default;

Result<QualityMeter> QualityMeter::open(std::span<const std::uint8_t> segment,
                                        std::int64_t begin_ticks) {
  auto units = read_segment(segment, begin_ticks);
  if (!units) {
    return fail(std::move(units.error()));
  }
  const std::unique_ptr<AVCodecParameters, void (*)(AVCodecParameters*)> parameters(
      avcodec_parameters_alloc(),
      [](AVCodecParameters* owned) { avcodec_parameters_free(&owned); });
  if (parameters == nullptr) {
    return fail(libav_error(AVERROR(ENOMEM), "measure a segment"));
  }
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = AV_CODEC_ID_H264;
  auto decoder = open_decoder(*parameters, kTickBase);
  if (!decoder) {
    return fail(std::move(decoder.error()));
  }
  auto impl = std::make_unique<Impl>();
  impl->units = std::move(*units);
  impl->decoder = std::move(*decoder);
  return QualityMeter(std::move(impl));
}

Result<> QualityMeter::Impl::build(const AVFrame& like) {
  graph = avfilter_graph_alloc();
  if (graph == nullptr) {
    return fail(filter_error(AVERROR(ENOMEM)));
  }
  graph->nb_threads = 1;
  const std::string arguments =
      concat("video_size=", like.width, 'x', like.height, ":pix_fmt=", like.format,
             ":time_base=1/90000:pixel_aspect=1/1");
  AVFilterInOut* inputs = nullptr;
  AVFilterInOut* outputs = nullptr;
  const std::string chain = concat("buffer=", arguments, "[a];buffer=", arguments,
                                   "[b];[b]split[b1][b2];[a][b1]ssim[c];[c][b2]psnr,buffersink");
  int code = avfilter_graph_parse2(graph, chain.c_str(), &inputs, &outputs);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  if (code >= 0) {
    code = avfilter_graph_config(graph, nullptr);
  }
  if (code < 0) {
    return fail(filter_error(code));
  }
  for (unsigned i = 0; i < graph->nb_filters; ++i) {
    AVFilterContext* filter = graph->filters[i];
    if (std::strcmp(filter->filter->name, "buffersink") == 0) {
      sink = filter;
    } else if (std::strcmp(filter->filter->name, "buffer") == 0) {
      (source == nullptr ? source : made) = filter;
    }
  }
  return {};
}

// The segment's; empty at its end.
Result<FramePtr> QualityMeter::Impl::next_picture() {
  FramePtr frame = new_frame();
  for (;;) {
    int code = avcodec_receive_frame(decoder.get(), frame.get());
    if (code >= 0) {
      return frame;
    }
    if (code == AVERROR_EOF) {
      return FramePtr{};
    }
    if (code != AVERROR(EAGAIN)) {
      return fail(libav_error(code, "decode what was made"));
    }
    if (next_unit == units.size()) {
      avcodec_send_packet(decoder.get(), nullptr);
      continue;
    }
    const TsUnit& unit = units[next_unit++];
    const PacketPtr packet = new_packet();
    code = av_new_packet(packet.get(), static_cast<int>(unit.bytes.size()));
    if (code >= 0) {
      std::ranges::copy(unit.bytes, packet->data);
      packet->pts = unit.pts_ticks;
      packet->dts = unit.dts_ticks;
      code = avcodec_send_packet(decoder.get(), packet.get());
    }
    if (code < 0) {
      return fail(libav_error(code, "decode what was made"));
    }
  }
}

Result<> QualityMeter::Impl::put(AVFilterContext* into, const AVFrame& picture) {
  FramePtr frame = new_frame();
  int code = av_frame_ref(frame.get(), &picture);
  if (code >= 0) {
    frame->pts = put_count;  // Pairs are told by it.
    frame->sample_aspect_ratio = {1, 1};
    code = av_buffersrc_add_frame(into, frame.get());
  }
  return code < 0 ? Result<>(fail(filter_error(code))) : Result<>();
}

Result<> QualityMeter::Impl::collect() {
  for (;;) {
    const FramePtr frame = new_frame();
    const int code = av_buffersink_get_frame(sink, frame.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
      return {};
    }
    if (code < 0) {
      return fail(filter_error(code));
    }
    ++measured;
    ssim_sum += number(*frame, "lavfi.ssim.All");
    error_sum += number(*frame, "lavfi.psnr.mse_avg");
  }
}

Result<> QualityMeter::compare(const AVFrame& source) {
  auto made = impl_->next_picture();
  if (!made) {
    return fail(std::move(made.error()));
  }
  if (*made == nullptr) {
    return fail(ErrorCode::kCorrupt, "what was made has too few pictures");
  }
  if (impl_->graph == nullptr) {
    if (auto built = impl_->build(source); !built) {
      return built;
    }
  }
  if (auto put = impl_->put(impl_->source, source); !put) {
    return put;
  }
  if (auto put = impl_->put(impl_->made, **made); !put) {
    return put;
  }
  ++impl_->put_count;
  return impl_->collect();
}

Result<Quality> QualityMeter::finish() {
  auto more = impl_->next_picture();
  if (!more) {
    return fail(std::move(more.error()));
  }
  if (*more != nullptr || impl_->graph == nullptr) {
    return fail(ErrorCode::kCorrupt, "what was made has other pictures than its source");
  }
  for (AVFilterContext* input : {impl_->source, impl_->made}) {
    if (const int code = av_buffersrc_add_frame(input, nullptr); code < 0) {
      return fail(filter_error(code));
    }
  }
  if (auto rest = impl_->collect(); !rest) {
    return fail(std::move(rest.error()));
  }
  if (impl_->measured != impl_->put_count) {
    return fail(ErrorCode::kInternal, "not every picture was measured");
  }
  const double count = impl_->measured;
  const double error = impl_->error_sum / count;
  const double psnr = error > 0 ? 10 * std::log10(kPeak * kPeak / error) : kPsnrDbMax;
  return Quality{std::max(0.0, impl_->ssim_sum / count), std::min(psnr, kPsnrDbMax)};
}

Quality mean_of(std::span<const Quality> segments) noexcept {
  Quality mean;
  for (const Quality& one : segments) {
    mean.ssim += one.ssim / static_cast<double>(segments.size());
    mean.psnr_db += one.psnr_db / static_cast<double>(segments.size());
  }
  return mean;
}

bool is_sample(std::uint32_t segment, std::uint32_t segments) noexcept {
  const std::uint32_t step = std::max(1u, segments / kSamples);
  return segment % step == step / 2;
}

}  // namespace sf::transcode

#include "audio.hpp"

#include <streamforge/base/bytes.hpp>

#include "adts.hpp"
#include "index_audio.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

extern "C" {
#include <libswresample/swresample.h>
}

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
// Decoders need something before what is wanted: bit reservoirs, overlaps, Opus's 80 ms.
constexpr std::int64_t kWarmUpTicks = kSecond / 2;
// Sound lies in a file up to this far from the picture shown with it.
constexpr std::int64_t kInterleaveTicks = 2 * kSecond;
constexpr unsigned kEntriesMax = 6;
constexpr unsigned kSkippedPacketsMax = 2'000'000;
// Samples on either side that the resampler's kernel sees.
constexpr std::int64_t kKernelSamples = 512;

struct FreeSwr {
  void operator()(SwrContext* context) const noexcept { swr_free(&context); }
};
using SwrPtr = std::unique_ptr<SwrContext, FreeSwr>;

Result<SwrPtr> make_swr(const AVChannelLayout& in_layout, AVSampleFormat in_format, int in_rate,
                        int out_rate) {
  AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
  SwrContext* raw = nullptr;
  // FFmpeg 5.1 forgot the const.
  int code =
      swr_alloc_set_opts2(&raw, &stereo, AV_SAMPLE_FMT_FLTP, out_rate,
                          const_cast<AVChannelLayout*>(&in_layout), in_format, in_rate, 0, nullptr);
  SwrPtr swr(raw);
  if (code >= 0) {
    // Louder channels mixed together must not clip.
    av_opt_set_double(swr.get(), "rematrix_maxval", 1.0, 0);
    code = swr_init(swr.get());
  }
  if (code < 0) {
    return fail(libav_error(code, "the sound cannot be mixed to stereo"));
  }
  return swr;
}

}  // namespace

// Turns decoded frames into stereo floats at the source's rate; rebuilt when they change.
struct AudioReader::Mixer {
  ~Mixer() { av_channel_layout_uninit(&layout); }

  SwrPtr swr;
  AVChannelLayout layout{};
  int format = -1;
  int rate = 0;
};

AudioReader::AudioReader() = default;
AudioReader::~AudioReader() = default;

Result<std::unique_ptr<AudioReader>> AudioReader::open(const SourceFile& file, const Plan& plan,
                                                       std::uint32_t track) {
  std::unique_ptr<AudioReader> reader(new AudioReader);
  auto source = Source::open(file);
  if (!source) {
    return fail(std::move(source.error()));
  }
  reader->plan_ = &plan;
  reader->info_ = &plan.index.audio[static_cast<std::size_t>(plan.audio[track].source)];
  reader->rate_ = plan.audio[track].sample_rate;
  reader->source_ = std::move(*source);
  reader->source_->follow_leaps(&plan.index.leaps);
  const int stream = reader->info_->stream;
  if (!reader->source_->has_stream(stream)) {
    return fail(ErrorCode::kCorrupt, "The source has not the sound that its index names");
  }
  reader->source_->keep_streams({stream});
  reader->mixer_ = std::make_unique<Mixer>();
  const auto& packets = plan.index.packets;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].keyframe) {
      reader->video_keys_.push_back(static_cast<std::int64_t>(i));
    }
  }
  return reader;
}

Result<std::vector<float>> AudioReader::read(std::int64_t begin, std::size_t count,
                                             const Progress& progress) {
  const auto in_rate = static_cast<std::int64_t>(info_->sample_rate);
  const auto out_rate = static_cast<std::int64_t>(rate_);
  if (in_rate == out_rate) {
    return decode(begin, count, progress);
  }
  // Start where a source sample and a rendition sample coincide: every segment resamples with the
  // same phase.
  const std::int64_t common = std::gcd(in_rate, out_rate);
  const std::int64_t in_unit = in_rate / common;
  const std::int64_t out_unit = out_rate / common;
  const std::int64_t margin = kKernelSamples * out_rate / in_rate + kKernelSamples;
  const auto floor_div = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const std::int64_t units = floor_div(begin - margin, out_unit);
  const std::int64_t out_begin = units * out_unit;
  const std::int64_t out_end = begin + static_cast<std::int64_t>(count) + margin;
  const auto in_count =
      static_cast<std::size_t>((out_end - out_begin) * in_rate / out_rate + in_unit);
  auto source = decode(units * in_unit, in_count, progress);
  if (!source) {
    return source;
  }
  const AVChannelLayout stereo = AV_CHANNEL_LAYOUT_STEREO;
  auto swr =
      make_swr(stereo, AV_SAMPLE_FMT_FLTP, static_cast<int>(in_rate), static_cast<int>(out_rate));
  if (!swr) {
    return fail(std::move(swr.error()));
  }
  const auto room = static_cast<std::size_t>(out_end - out_begin) + 4096;
  std::vector<float> resampled(room * 2);
  std::array<std::uint8_t*, 2> out{reinterpret_cast<std::uint8_t*>(resampled.data()),
                                   reinterpret_cast<std::uint8_t*>(resampled.data() + room)};
  std::array<const std::uint8_t*, 2> in{
      reinterpret_cast<const std::uint8_t*>(source->data()),
      reinterpret_cast<const std::uint8_t*>(source->data() + in_count)};
  const int made = swr_convert(swr->get(), out.data(), static_cast<int>(room), in.data(),
                               static_cast<int>(in_count));
  const auto skip = static_cast<std::size_t>(begin - out_begin);
  if (made < 0) {
    return fail(libav_error(made, "resample the sound"));
  }
  std::vector<float> wanted(count * 2, 0.0F);
  const auto usable = static_cast<std::size_t>(made) > skip
                          ? std::min(count, static_cast<std::size_t>(made) - skip)
                          : 0;
  std::copy_n(resampled.data() + skip, usable, wanted.data());
  std::copy_n(resampled.data() + room + skip, usable, wanted.data() + count);
  return wanted;
}

std::uint32_t AudioReader::damaged_in(hls::SegmentSpan span) const noexcept {
  return static_cast<std::uint32_t>(std::ranges::count_if(damaged_, [&](std::int64_t sample) {
    const std::int64_t ticks = av_rescale(sample, kSecond, info_->sample_rate);
    return ticks >= span.begin_ticks && ticks < span.end_ticks;
  }));
}

std::int64_t AudioReader::place_of(const AVPacket& packet) const noexcept {
  const std::int64_t stamp = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (stamp == AV_NOPTS_VALUE) {
    return next_sample_.value_or(0);
  }
  const AVRational base = source_->stream(info_->stream).time_base;
  const AVRational samples{1, static_cast<int>(info_->sample_rate)};
  const std::int64_t at = av_rescale_q(stamp, base, samples) -
                          av_rescale(plan_->index.zero_ticks, info_->sample_rate, kSecond);
  // Stamps that count samples are exact; and demuxers of PCM cut packets anew wherever they begin.
  const bool exact = base.num == 1 && base.den % samples.den == 0;
  return exact ? at : exact_sample(info_->runs, at).value_or(at);
}

bool AudioReader::next_packet() {
  if (!source_->read(*packet_)) {
    return false;
  }
  const std::int64_t at = place_of(*packet_);
  packet_->duration = av_rescale_q(packet_->duration, source_->stream(info_->stream).time_base,
                                   {1, static_cast<int>(info_->sample_rate)});
  packet_->pts = at;
  packet_->dts = at;
  return true;
}

// Leaves in `packet_` one that begins at or before `sample`; from an entry as near as there is.
bool AudioReader::position(std::int64_t sample) {
  const std::int64_t ticks = av_rescale(sample, kSecond, info_->sample_rate);
  const auto& packets = plan_->index.packets;
  const AVRational base = source_->stream(info_->stream).time_base;
  for (unsigned entry = 0; entry < kEntriesMax; ++entry) {
    const std::int64_t target = ticks - (kInterleaveTicks << (2 * entry)) + kInterleaveTicks;
    bool moved = false;
    const auto key = std::ranges::upper_bound(
        video_keys_, target - kInterleaveTicks, {},
        [&](std::int64_t at) { return packets[static_cast<std::size_t>(at)].pts_ticks; });
    if (source_->seeks_by_byte() && key != video_keys_.begin()) {
      const std::int64_t place = packets[static_cast<std::size_t>(*(key - 1))].position;
      moved = place >= 0 && source_->seek_byte(place);
    } else if (source_->kind().demuxer == "matroska" && key != video_keys_.begin()) {
      // Its index lists keyframes of the picture only.
      const int video = plan_->index.video->stream;
      moved = source_->seek_time(
          video, av_rescale_q(packets[static_cast<std::size_t>(*(key - 1))].pts_ticks +
                                  plan_->index.zero_ticks + 1,
                              kTickBase, source_->stream(video).time_base));
    } else {
      moved = source_->seek_time(
          info_->stream,
          av_rescale_q(std::max(target, info_->begin_ticks - kSecond) + plan_->index.zero_ticks,
                       kTickBase, base));
    }
    if (moved && next_packet() && packet_->pts <= sample) {
      return true;
    }
    if (target <= info_->begin_ticks) {
      break;
    }
  }
  if (auto reopened = source_->reopen(); !reopened) {
    return false;
  }
  source_->keep_streams({info_->stream});
  return next_packet();
}

Result<> AudioReader::place(const AVFrame& frame, std::int64_t begin, std::vector<float>& out) {
  Mixer& mixer = *mixer_;
  if (mixer.swr == nullptr || mixer.format != frame.format || mixer.rate != frame.sample_rate ||
      av_channel_layout_compare(&mixer.layout, &frame.ch_layout) != 0) {
    AVChannelLayout layout{};
    if (frame.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
      av_channel_layout_default(&layout, frame.ch_layout.nb_channels);
    } else {
      av_channel_layout_copy(&layout, &frame.ch_layout);
    }
    // Without a rate change, which is `read`'s part, unless the source changes its own.
    auto swr = make_swr(layout, static_cast<AVSampleFormat>(frame.format), frame.sample_rate,
                        static_cast<int>(info_->sample_rate));
    av_channel_layout_uninit(&layout);
    if (!swr) {
      return fail(std::move(swr.error()));
    }
    mixer.swr = std::move(*swr);
    av_channel_layout_copy(&mixer.layout, &frame.ch_layout);
    mixer.format = frame.format;
    mixer.rate = frame.sample_rate;
  }
  const auto room = static_cast<std::size_t>(
      av_rescale_rnd(frame.nb_samples, info_->sample_rate, frame.sample_rate, AV_ROUND_UP) + 256);
  std::vector<float> mixed(room * 2);
  std::array<std::uint8_t*, 2> planes{reinterpret_cast<std::uint8_t*>(mixed.data()),
                                      reinterpret_cast<std::uint8_t*>(mixed.data() + room)};
  const int made =
      swr_convert(mixer.swr.get(), planes.data(), static_cast<int>(room),
                  const_cast<const std::uint8_t**>(frame.extended_data), frame.nb_samples);
  if (made < 0) {
    return fail(libav_error(made, "mix the sound"));
  }
  // Frames follow one another but for real holes: stamps may be rounded to a millisecond.
  const std::int64_t rounding = info_->sample_rate / 48;
  const bool follows = next_sample_ && (frame.pts == AV_NOPTS_VALUE ||
                                        std::abs(frame.pts - *next_sample_) < rounding);
  const std::int64_t at = follows ? *next_sample_ : frame.pts;
  if (at == AV_NOPTS_VALUE) {
    return {};  // Sound without a place.
  }
  next_sample_ = at + made;
  const auto size = static_cast<std::int64_t>(out.size() / 2);
  const std::int64_t from = std::max<std::int64_t>(at, begin);
  const std::int64_t to = std::min(at + made, begin + size);
  for (std::size_t side = 0; side < 2 && from < to; ++side) {
    std::copy_n(mixed.data() + side * room + static_cast<std::size_t>(from - at),
                static_cast<std::size_t>(to - from),
                out.data() + side * static_cast<std::size_t>(size) +
                    static_cast<std::size_t>(from - begin));
  }
  return {};
}

Result<std::vector<float>> AudioReader::decode(std::int64_t begin, std::size_t count,
                                               const Progress& progress) {
  std::vector<float> out(count * 2, 0.0F);
  damaged_.clear();
  const std::int64_t end = begin + static_cast<std::int64_t>(count);
  const std::int64_t last = av_rescale(info_->end_ticks, info_->sample_rate, kSecond);
  const std::int64_t first = av_rescale(info_->begin_ticks, info_->sample_rate, kSecond);
  if (begin >= last || end <= first) {
    return out;
  }
  const std::int64_t warm = begin - av_rescale(kWarmUpTicks, info_->sample_rate, kSecond);
  if (!position(warm)) {
    return out;
  }
  // A new decoder every time: AAC's noise substitution would depend on all that was decoded before.
  auto decoder = open_decoder(*source_->stream(info_->stream).codecpar,
                              AVRational{1, static_cast<int>(info_->sample_rate)});
  if (!decoder) {
    return fail(std::move(decoder.error()));
  }
  decoder_ = std::move(*decoder);
  mixer_->swr.reset();
  bool more = true;
  // On to the first packet that reaches past `warm`: always the same one, wherever we landed.
  for (unsigned skipped = 0; more && packet_->pts + packet_->duration <= warm; ++skipped) {
    more = next_packet();
    if (skipped >= kSkippedPacketsMax || (progress && skipped % 1024 == 0 && !progress(0))) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
  }
  next_sample_.reset();
  while (true) {
    const bool past = !more || packet_->pts >= end;
    const int sent = avcodec_send_packet(decoder_.get(), past ? nullptr : packet_.get());
    if (sent < 0 && sent != AVERROR(EAGAIN) && sent != AVERROR_EOF) {
      damaged_.push_back(packet_->pts);
    }
    while (avcodec_receive_frame(decoder_.get(), frame_.get()) >= 0) {
      if (auto placed = place(*frame_, begin, out); !placed) {
        return fail(std::move(placed.error()));
      }
      av_frame_unref(frame_.get());
    }
    if (past) {
      return out;
    }
    more = next_packet();
    const auto share = [&] {
      return static_cast<double>(packet_->pts - begin) /
             static_cast<double>(std::max<std::int64_t>(1, end - begin));
    };
    // Behind the last packet there is no time.
    if (more && progress && !progress(share())) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
  }
}

std::vector<std::uint8_t> write_audio_segment(std::span<const std::vector<std::uint8_t>> frames,
                                              std::uint32_t segment, std::int64_t first_sample,
                                              std::uint32_t sample_rate) {
  // Of sound in one PES packet: enough to cost little, few enough to start quickly.
  constexpr std::size_t kFramesPerPes = 6;
  TsWriter writer(TsStream::kAac, segment);
  std::vector<std::uint8_t> unit;
  for (std::size_t i = 0; i < frames.size(); i += kFramesPerPes) {
    unit.clear();
    for (std::size_t j = i; j < std::min(i + kFramesPerPes, frames.size()); ++j) {
      unit.insert(unit.end(), frames[j].begin(), frames[j].end());
    }
    const std::int64_t sample = first_sample + static_cast<std::int64_t>(i) * hls::kAacFrameSamples;
    const std::int64_t pts = av_rescale(sample, kSecond, sample_rate);
    writer.add({.bytes = unit, .pts_ticks = pts, .dts_ticks = pts, .random_access = true});
  }
  const auto bytes = writer.finish();
  return {bytes.begin(), bytes.end()};
}

namespace {

// Damaged sound decodes to anything, and libav's AAC encoder never ends its search for a quantizer
// on samples far beyond full scale. What lies beyond it is not heard, and what is no number
// neither.
float audible(float sample) { return std::isnan(sample) ? 0.0F : std::clamp(sample, -1.0F, 1.0F); }

// One channel of two. A source of one was made two as loud together as it was alone.
float both(float left, float right) {
  return audible((left + right) * std::numbers::sqrt2_v<float> / 2);
}

}  // namespace

Result<std::vector<std::vector<std::uint8_t>>> encode_aac(const std::vector<float>& pcm,
                                                          std::size_t margin,
                                                          const AudioPlan& track) {
  constexpr auto kFrame = static_cast<std::size_t>(hls::kAacFrameSamples);
  const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_AAC);
  CodecPtr encoder(avcodec_alloc_context3(codec));
  if (codec == nullptr || encoder == nullptr) {
    return fail(ErrorCode::kUnsupported, "libav here has no AAC encoder");
  }
  // One channel only where the frames around are a copied source's.
  const bool mono = track.channels == 1;
  av_channel_layout_default(&encoder->ch_layout, mono ? 1 : 2);
  encoder->sample_fmt = AV_SAMPLE_FMT_FLTP;
  encoder->sample_rate = static_cast<int>(track.sample_rate);
  encoder->time_base = {1, encoder->sample_rate};
  encoder->bit_rate = std::int64_t{track.kbps} * 1000;
  encoder->thread_count = 1;
  int code = avcodec_open2(encoder.get(), codec, nullptr);
  if (code < 0) {
    return fail(libav_error(code, "the AAC encoder did not start"));
  }
  const std::size_t samples = pcm.size() / 2;
  const std::size_t frames = samples / kFrame;
  std::vector<std::vector<std::uint8_t>> out;
  const PacketPtr packet = new_packet();
  // The encoder's own delay is one frame: the first packet is of what was before.
  const auto collect = [&] {
    while (avcodec_receive_packet(encoder.get(), packet.get()) >= 0) {
      const std::int64_t at = packet->pts / hls::kAacFrameSamples;
      if (packet->pts >= 0 && at >= static_cast<std::int64_t>(margin) &&
          at < static_cast<std::int64_t>(frames - margin)) {
        const auto head =
            adts_head(static_cast<std::size_t>(packet->size), track.sample_rate, track.channels);
        std::vector<std::uint8_t>& frame = out.emplace_back(head.begin(), head.end());
        frame.insert(frame.end(), packet->data, packet->data + packet->size);
      }
      av_packet_unref(packet.get());
    }
  };
  for (std::size_t i = 0; i < frames; ++i) {
    const FramePtr frame = new_frame();
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->nb_samples = static_cast<int>(kFrame);
    frame->sample_rate = encoder->sample_rate;
    av_channel_layout_default(&frame->ch_layout, mono ? 1 : 2);
    code = av_frame_get_buffer(frame.get(), 0);
    if (code >= 0) {
      for (std::size_t side = 0; side < 2 && !mono; ++side) {
        std::transform(pcm.data() + side * samples + i * kFrame,
                       pcm.data() + side * samples + (i + 1) * kFrame,
                       reinterpret_cast<float*>(frame->data[side]), audible);
      }
      if (mono) {
        std::transform(pcm.data() + i * kFrame, pcm.data() + (i + 1) * kFrame,
                       pcm.data() + samples + i * kFrame, reinterpret_cast<float*>(frame->data[0]),
                       both);
      }
      frame->pts = static_cast<std::int64_t>(i * kFrame);
      code = avcodec_send_frame(encoder.get(), frame.get());
    }
    if (code < 0) {
      return fail(libav_error(code, "encode the sound"));
    }
    collect();
  }
  avcodec_send_frame(encoder.get(), nullptr);
  collect();
  return out;
}

namespace {
std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  return value - ((value % step) + step) % step;
}

}  // namespace

AacFrames frames_of_segment(const Plan& plan, std::uint32_t track, std::uint32_t segment) {
  const AudioPlan& rendition = plan.audio[track];
  const hls::SegmentSpan span = plan.timeline.audio[segment];
  if (!rendition.copied()) {
    const std::int64_t first = hls::aac_frame_at(span.begin_ticks, rendition.sample_rate);
    const std::int64_t last = hls::aac_frame_at(span.end_ticks, rendition.sample_rate);
    return {first * hls::kAacFrameSamples, static_cast<std::size_t>(last - first)};
  }
  const AudioInfo& source = plan.index.audio[static_cast<std::size_t>(rendition.source)];
  const std::int64_t rate = source.sample_rate;
  // Frames lie on the source's own grid, whose phase any packet tells.
  const std::int64_t phase =
      source.runs.empty() ? 0 : source.runs.front().begin_sample % hls::kAacFrameSamples;
  const auto sounding_at = [&](std::int64_t ticks) {
    return floor_to(av_rescale(ticks, rate, hls::kTicksPerSecond) - phase, hls::kAacFrameSamples) +
           phase;
  };
  const bool last = segment + 1 == plan.timeline.audio.size() && !plan.growing;
  const std::int64_t begin = sounding_at(span.begin_ticks);
  const std::int64_t end =
      last ? sounding_at(span.end_ticks - 1) + hls::kAacFrameSamples : sounding_at(span.end_ticks);
  return {begin, static_cast<std::size_t>(
                     std::max<std::int64_t>(1, (end - begin) / hls::kAacFrameSamples))};
}

Result<std::pair<SegmentOutput, std::vector<std::uint8_t>>> encode_audio_segment(
    AudioReader& reader, const Plan& plan, std::uint32_t track, std::uint32_t segment,
    const Progress& progress) {
  const AudioPlan& rendition = plan.audio[track];
  const hls::SegmentSpan span = plan.timeline.audio[segment];
  const AacFrames wanted = frames_of_segment(plan, track, segment);
  auto pcm = reader.read(
      wanted.begin_sample - static_cast<std::int64_t>(kAacMarginFrames) * hls::kAacFrameSamples,
      (wanted.count + 2 * kAacMarginFrames) * hls::kAacFrameSamples, progress);
  if (!pcm) {
    return fail(std::move(pcm.error()));
  }
  auto frames = encode_aac(*pcm, kAacMarginFrames, rendition);
  if (!frames) {
    return fail(std::move(frames.error()));
  }
  if (frames->size() != wanted.count) {
    return fail(ErrorCode::kInternal, "the AAC encoder made another number of frames");
  }
  std::vector<std::uint8_t> bytes =
      write_audio_segment(*frames, segment, wanted.begin_sample, rendition.sample_rate);
  SegmentOutput output{.bytes = bytes.size(),
                       .begin_ticks = span.begin_ticks,
                       .duration_ticks = span.duration_ticks(),
                       .frames = static_cast<std::uint32_t>(frames->size()),
                       .damaged_frames = reader.damaged_in(span),
                       .codecs = "mp4a.40.2",
                       .i_frames = {}};
  return std::pair(std::move(output), std::move(bytes));
}

}  // namespace sf::transcode

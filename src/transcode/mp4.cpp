#include "mp4.hpp"

#include "adts.hpp"
#include "audio.hpp"
#include "engine_libav.hpp"
#include "h264.hpp"
#include "languages.hpp"
#include "ts_reader.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/write_whole.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <optional>

namespace sf::transcode {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
constexpr std::int64_t kTurnTicks = kSecond / 2;  // Of picture, then of sound.
constexpr int kBufferBytes = 1 << 20;

struct FreeMuxer {
  void operator()(AVFormatContext* muxer) const noexcept { avformat_free_context(muxer); }
};

// The output as libav wants it; remembers why a write failed.
class FileSink {
 public:
  explicit FileSink(int file) : file_(file) {
    auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
    context_ = avio_alloc_context(buffer, kBufferBytes, 1, this, nullptr, write, seek);
  }
  ~FileSink() {
    if (context_ != nullptr) {
      av_freep(&context_->buffer);
      avio_context_free(&context_);
    }
  }
  FileSink(const FileSink&) = delete;

  [[nodiscard]] AVIOContext* context() const noexcept { return context_; }
  [[nodiscard]] const Result<>& state() const noexcept { return state_; }
  [[nodiscard]] std::uint64_t end() const noexcept { return static_cast<std::uint64_t>(end_); }

 private:
#if LIBAVFORMAT_VERSION_MAJOR >= 61
  using Written = const std::uint8_t;
#else
  using Written = std::uint8_t;
#endif
  static int write(void* self, Written* bytes, int count) {
    auto& sink = *static_cast<FileSink*>(self);
    auto written = write_whole_at(sink.file_, static_cast<std::uint64_t>(sink.at_),
                                  std::as_bytes(std::span(bytes, static_cast<std::size_t>(count))),
                                  "write an MP4 file");
    if (!written) {
      if (sink.state_) sink.state_ = std::move(written);
      return AVERROR(EIO);
    }
    sink.at_ += count;
    sink.end_ = std::max(sink.end_, sink.at_);
    return count;
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& sink = *static_cast<FileSink*>(self);
    if (whence == AVSEEK_SIZE) return sink.end_;
    if (whence != SEEK_SET) return AVERROR(EINVAL);
    sink.at_ = offset;
    return offset;
  }

  int file_;
  AVIOContext* context_ = nullptr;
  std::int64_t at_ = 0;
  std::int64_t end_ = 0;
  Result<> state_;
};

void append_length(std::vector<std::uint8_t>& out, std::size_t length, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(length >> shift));
  }
}

// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1) with one set of each.
std::optional<std::vector<std::uint8_t>> avc_record(const ParameterSets& sets) {
  if (sets.sps.empty() || sets.pps.empty()) return std::nullopt;
  const auto& sps = sets.sps.front();
  const auto& pps = sets.pps.front();
  const auto shape = parse_sps(sps);
  if (!shape) return std::nullopt;
  std::vector<std::uint8_t> out{1, shape->profile, shape->constraints, shape->level, 0xff, 0xe1};
  append_length(out, sps.size(), 2);
  out.insert(out.end(), sps.begin(), sps.end());
  out.push_back(1);
  append_length(out, pps.size(), 2);
  out.insert(out.end(), pps.begin(), pps.end());
  if (shape->profile == 100 || shape->profile == 110 || shape->profile == 122) {
    out.push_back(static_cast<std::uint8_t>(0xfc | shape->chroma_format));
    out.push_back(static_cast<std::uint8_t>(0xf8 | (shape->luma_depth - 8)));
    out.push_back(static_cast<std::uint8_t>(0xf8 | (shape->chroma_depth - 8)));
    out.push_back(0);
  }
  return out;
}

PacketPtr packet_of(Bytes bytes) {
  PacketPtr packet = new_packet();
  if (av_new_packet(packet.get(), static_cast<int>(bytes.size())) < 0) throw std::bad_alloc();
  std::ranges::copy(bytes, packet->data);
  return packet;
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::kCorrupt, concat("a segment does not read as it was written: ", what));
}

}  // namespace

std::uint64_t mp4_head_bytes(std::uint64_t frames, std::uint64_t sounds,
                             std::int64_t duration_ticks, std::uint64_t media_bytes) noexcept {
  // Of each picture size, offset, duration and, of few, a place among the keyframes; of sound a
  // size. Durations of sound alike are one entry. Chunks: two a turn, and one for every MiB.
  constexpr std::uint64_t kBoxes = 8'192;
  constexpr std::uint64_t kPictureBytes = 4 + 8 + 8 + 1;
  constexpr std::uint64_t kSoundBytes = 5;
  constexpr std::uint64_t kChunkBytes = 12 + 8;
  const auto turns = static_cast<std::uint64_t>(duration_ticks / kTurnTicks) + 4;
  const std::uint64_t chunks = 2 * turns + media_bytes / (1 << 19);
  return kBoxes + frames * kPictureBytes + sounds * kSoundBytes + chunks * kChunkBytes;
}

struct Mp4Writer::Impl {
  Impl(int output, Mp4Shape what) : shape(std::move(what)), sink(output) {}

  Result<> begin();
  /// What libav says, or rather why the file could not be written.
  Result<> outcome(int code, std::string_view what) const;
  Result<> write(AVPacket& packet);
  Result<> drain(bool all);
  PacketPtr picture(const TsUnit& unit);
  void release_pictures(std::int64_t end_ticks);

  Mp4Shape shape;
  FileSink sink;
  std::unique_ptr<AVFormatContext, FreeMuxer> muxer;
  // The first segment's, which the header says once; others, where a segment had to be encoded
  // beside copied ones, stay where they are, and all from there on.
  ParameterSets sets;
  bool sets_changed = false;
  std::optional<AdtsHead> sound_head;
  std::uint32_t sample_rate = 0;
  std::int64_t first_dts_ticks = 0;
  std::int64_t picture_ticks = 0;
  std::int64_t sound_ticks = 0;
  std::optional<std::int64_t> next_sample;
  std::vector<PacketPtr> last_pictures;  // Of one segment: the next one's begin ends its last.
  std::deque<PacketPtr> pictures;
  std::deque<PacketPtr> sounds;
  std::optional<std::int64_t> turn_ticks;
};

Mp4Writer::Mp4Writer(int output, Mp4Shape shape)
    : impl_(std::make_unique<Impl>(output, std::move(shape))) {}
Mp4Writer::~Mp4Writer() = default;

Result<> Mp4Writer::Impl::outcome(int code, std::string_view what) const {
  if (!sink.state()) return sink.state();
  if (code < 0) return fail(libav_error(code, what));
  return {};
}

// Once the first segments have told what the header must say.
Result<> Mp4Writer::Impl::begin() {
  AVFormatContext* made = nullptr;
  int code = avformat_alloc_output_context2(&made, nullptr, "mp4", nullptr);
  if (code < 0) return fail(libav_error(code, "MP4"));
  muxer.reset(made);
  muxer->pb = sink.context();
  muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
  const auto record = avc_record(sets);
  if (!record) return corrupt("no parameter sets");
  const auto add_stream = [this](AVMediaType type, AVCodecID codec, Bytes extra) {
    AVStream* stream = avformat_new_stream(muxer.get(), nullptr);
    if (stream == nullptr) throw std::bad_alloc();
    AVCodecParameters& parameters = *stream->codecpar;
    parameters.codec_type = type;
    parameters.codec_id = codec;
    parameters.extradata =
        static_cast<std::uint8_t*>(av_mallocz(extra.size() + AV_INPUT_BUFFER_PADDING_SIZE));
    if (parameters.extradata == nullptr) throw std::bad_alloc();
    std::ranges::copy(extra, parameters.extradata);
    parameters.extradata_size = static_cast<int>(extra.size());
    return stream;
  };
  AVStream* picture = add_stream(AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264, *record);
  picture->codecpar->width = static_cast<int>(shape.width);
  picture->codecpar->height = static_cast<int>(shape.height);
  picture->codecpar->format = AV_PIX_FMT_YUV420P;
  picture->time_base = kTickBase;
  if (sound_head) {
    // AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1) of AAC-LC.
    const std::array<std::uint8_t, 2> config{
        static_cast<std::uint8_t>(2 << 3 | sound_head->rate >> 1),
        static_cast<std::uint8_t>((sound_head->rate & 1) << 7 | sound_head->channels << 3)};
    AVStream* sound = add_stream(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, config);
    sound->codecpar->sample_rate = static_cast<int>(sample_rate);
    sound->codecpar->frame_size = static_cast<int>(hls::kAacFrameSamples);
    av_channel_layout_default(&sound->codecpar->ch_layout, sound_head->channels);
    sound->time_base = {1, static_cast<int>(sample_rate)};
    av_dict_set(&sound->metadata, "language", std::string(iso639_2(shape.language)).c_str(), 0);
  }
  AVDictionary* options = nullptr;
  av_dict_set_int(&options, "moov_size", static_cast<std::int64_t>(shape.head_bytes_max), 0);
  av_dict_set_int(&options, "movie_timescale", kSecond, 0);
  code = avformat_write_header(muxer.get(), &options);
  av_dict_free(&options);
  return outcome(code, "MP4 header");
}

Result<> Mp4Writer::Impl::write(AVPacket& packet) {
  const AVStream& stream = *muxer->streams[packet.stream_index];
  const AVRational own =
      packet.stream_index == 0 ? kTickBase : AVRational{1, static_cast<int>(sample_rate)};
  av_packet_rescale_ts(&packet, own, stream.time_base);
  return outcome(av_write_frame(muxer.get(), &packet), "MP4");
}

// Writes, in turns, what is complete: up to where both are known; all at the end.
Result<> Mp4Writer::Impl::drain(bool all) {
  if (!muxer) {
    if (shape.sound && !sound_head) return {};
    if (auto begun = begin(); !begun) return begun;
  }
  const auto sound_time = [this](const PacketPtr& packet) {
    return av_rescale(packet->dts, kSecond, sample_rate);
  };
  while (!pictures.empty() || !sounds.empty()) {
    const bool known = !pictures.empty() && (!shape.sound || !sounds.empty());
    if (!all && !known) break;
    if (!turn_ticks) turn_ticks = pictures.empty() ? 0 : pictures.front()->dts;
    const std::int64_t end = *turn_ticks + kTurnTicks;
    const bool whole =
        known && pictures.back()->dts >= end && (!shape.sound || sound_time(sounds.back()) >= end);
    if (!all && !whole) break;
    while (!pictures.empty() && pictures.front()->dts < end) {
      if (auto wrote = write(*pictures.front()); !wrote) return wrote;
      pictures.pop_front();
    }
    while (!sounds.empty() && sound_time(sounds.front()) < end) {
      if (auto wrote = write(*sounds.front()); !wrote) return wrote;
      sounds.pop_front();
    }
    turn_ticks = end;
  }
  return {};
}

// An access unit with lengths for start codes, without what the header says already.
PacketPtr Mp4Writer::Impl::picture(const TsUnit& unit) {
  std::vector<std::uint8_t> out;
  out.reserve(unit.bytes.size() + 16);
  const auto known = [](const auto& list, Bytes nal) {
    return !list.empty() && std::ranges::equal(list.front(), nal);
  };
  each_nal(unit.bytes, [&](std::size_t, Bytes nal) {
    while (!nal.empty() && nal.back() == 0) nal = nal.first(nal.size() - 1);  // Padding.
    switch (nal_type(nal)) {
      case kNalDelimiter:
        return true;
      case kNalSps:
      case kNalPps:
        sets_changed = sets_changed || !known(nal_type(nal) == kNalSps ? sets.sps : sets.pps, nal);
        if (!sets_changed) return true;
        break;
      default:
        break;
    }
    append_length(out, nal.size(), 4);
    out.insert(out.end(), nal.begin(), nal.end());
    return true;
  });
  PacketPtr packet = packet_of(out);
  packet->stream_index = 0;
  packet->pts = unit.pts_ticks;
  packet->dts = unit.dts_ticks;
  if (unit.random_access) packet->flags |= AV_PKT_FLAG_KEY;
  return packet;
}

// Each picture is shown until the next one is, the segment's last until `end_ticks`.
void Mp4Writer::Impl::release_pictures(std::int64_t end_ticks) {
  std::vector<std::int64_t> shown;
  for (const PacketPtr& packet : last_pictures) shown.push_back(packet->pts);
  std::ranges::sort(shown);
  for (PacketPtr& packet : last_pictures) {
    const auto next = std::ranges::upper_bound(shown, packet->pts);
    const std::int64_t until = next == shown.end() ? end_ticks : *next;
    packet->duration = std::max<std::int64_t>(1, until - packet->pts);
    pictures.push_back(std::move(packet));
  }
  last_pictures.clear();
}

Result<> Mp4Writer::add_picture(std::span<const std::uint8_t> segment) {
  Impl& impl = *impl_;
  auto units = read_segment(segment, impl.picture_ticks);
  if (!units) return fail(std::move(units.error()));
  if (units->empty()) return corrupt("no picture");
  if (impl.sets.sps.empty()) {
    impl.sets = parameter_sets(units->front().bytes);
    impl.first_dts_ticks = units->front().dts_ticks - units->front().pts_ticks;
  }
  impl.picture_ticks = units->front().pts_ticks;
  impl.release_pictures(impl.picture_ticks);
  for (const TsUnit& unit : *units) impl.last_pictures.push_back(impl.picture(unit));
  return impl.pictures.empty() ? Result<>() : impl.drain(false);
}

Result<> Mp4Writer::add_sound(std::span<const std::uint8_t> segment) {
  Impl& impl = *impl_;
  auto units = read_segment(segment, impl.sound_ticks);
  if (!units) return fail(std::move(units.error()));
  for (const TsUnit& unit : *units) {
    impl.sound_ticks = unit.pts_ticks;
    std::optional<std::int64_t> sample;
    for (Bytes rest(unit.bytes); !rest.empty();) {
      const auto head = parse_adts(rest);
      if (!head || head->bytes > rest.size()) {
        if (rest.front() != 0) return corrupt("no frame of sound");
        rest = rest.subspan(1);  // Padding, which writers of ours left there once.
        continue;
      }
      if (!impl.sound_head) {
        if (head->rate >= kAacRates.size()) return corrupt("no sample rate");
        impl.sound_head = head;
        impl.sample_rate = kAacRates[head->rate];
      }
      // Counted, not stamped: ticks are coarser than samples.
      if (!sample) {
        sample = av_rescale(unit.pts_ticks, impl.sample_rate, kSecond);
        const std::int64_t next = impl.next_sample.value_or(*sample);
        if (std::abs(*sample - next) < hls::kAacFrameSamples / 2) sample = next;
      }
      PacketPtr packet = packet_of(rest.subspan(head->head_bytes, head->bytes - head->head_bytes));
      packet->stream_index = 1;
      packet->pts = packet->dts = *sample;
      packet->duration = hls::kAacFrameSamples;
      packet->flags |= AV_PKT_FLAG_KEY;
      impl.sounds.push_back(std::move(packet));
      *sample += hls::kAacFrameSamples;
      rest = rest.subspan(head->bytes);
    }
    if (sample) impl.next_sample = sample;
  }
  return {};
}

Result<std::uint64_t> Mp4Writer::finish() {
  Impl& impl = *impl_;
  impl.release_pictures(impl.shape.end_ticks);
  // A track is as long as its decode times. Where pictures come unevenly they end elsewhere than
  // what is shown does: the last one makes up for it, and is still shown no longer than it should.
  if (!impl.pictures.empty()) {
    AVPacket& last = *impl.pictures.back();
    const std::int64_t end = impl.first_dts_ticks + impl.shape.end_ticks;
    last.dts = std::max(last.dts, std::min(last.pts, end - last.duration));
    last.duration = std::max<std::int64_t>(1, end - last.dts);
  }
  if (auto drained = impl.drain(true); !drained) return fail(std::move(drained.error()));
  if (!impl.muxer) return corrupt("no sound");
  const int code = av_write_trailer(impl.muxer.get());
  avio_flush(impl.sink.context());
  if (auto written = impl.outcome(code, "MP4 end"); !written) {
    return fail(std::move(written.error()));
  }
  return impl.sink.end();
}

}  // namespace sf::transcode

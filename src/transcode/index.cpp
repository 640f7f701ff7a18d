#include "index.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include "index_findings.hpp"
#include "index_order.hpp"
#include "languages.hpp"
#include "source.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <ranges>
#include <utility>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/intreadwrite.h>
}

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
constexpr std::size_t kPacketsMax = 20'000'000;  // 92 hours at 60 frames a second.
constexpr unsigned kLookFrames = 12;             // Decoded to see what the pictures are.
constexpr unsigned kLookPackets = 400;
constexpr int kProgressEvery = 256;
constexpr std::size_t kLeapsMax = 10'000;

bool is_picture(const AVStream& stream) {
  constexpr int still = AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS;
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && (stream.disposition & still) == 0;
}

std::string tag(const AVStream& stream, const char* name) {
  const AVDictionaryEntry* entry = av_dict_get(stream.metadata, name, nullptr, 0);
  return entry == nullptr || !is_utf8(entry->value) ? std::string() : std::string(entry->value);
}

// Clockwise quarter turns that set the picture upright.
int rotation_of(const AVStream& stream) {
  const auto matrix = stream_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX);
  if (matrix.size() < 9 * sizeof(std::int32_t)) {
    return 0;
  }
  const double turned =
      av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix.data()));
  if (std::isnan(turned)) {
    return 0;
  }
  const long quarters = std::lround(-turned / 90);
  return static_cast<int>(((quarters % 4) + 4) % 4) * 90;
}

struct Track {
  AVRational time_base{1, 1};
  AVCodecParserContext* parser = nullptr;  // Where only the payload tells how long a packet is.
  CodecPtr parser_codec;
};

class Indexer {
 public:
  Indexer(Source& source, const Progress& progress) : source_(source), progress_(progress) {}
  ~Indexer() {
    for (Track& track : tracks_) {
      av_parser_close(track.parser);
    }
  }
  Indexer(const Indexer&) = delete;

  Result<SourceIndex> run();
  /// What there would be if the file ended here; nullopt while that is not enough to go by.
  [[nodiscard]] std::optional<SourceIndex> so_far() const;

 private:
  Result<> choose_streams();
  int choose_video();
  void describe_video(const AVStream& stream);
  void add_track(int stream);
  void add_subtitles(const AVStream& stream);
  void bridge(AVPacket& packet);
  [[nodiscard]] std::int64_t shift_at(std::int64_t position) const;
  void look(const AVPacket& packet);
  void take_looked();
  void end_look();
  void add_video(const AVPacket& packet);
  void add_audio(std::size_t track, const AVPacket& packet);
  std::uint32_t samples_of(std::size_t track, const AVPacket& packet);
  bool tell(const AVPacket& packet, std::size_t count);
  [[nodiscard]] SourceIndex conclude(Findings found) const;
  void warn_of_what_is_missing(SourceIndex& index);

  Source& source_;
  const Progress& progress_;
  Findings found_;
  SourceIndex& index_ = found_.index;
  std::vector<Track> tracks_;            // Of the same order as `found_.sound`.
  std::unique_ptr<DisplayOrder> order_;  // Where containers leave presentation times out.
  std::map<int, std::int64_t> clock_;    // By stream: where its last packet ended.
  std::int64_t last_dts_ = AV_NOPTS_VALUE;
  std::int64_t last_duration_ = 0;
  // The look at the first pictures.
  CodecPtr looker_;
  FramePtr frame_ = new_frame();
  unsigned look_packets_ = 0;
  unsigned look_frames_ = 0;
  unsigned look_interlaced_ = 0;
};

Result<SourceIndex> Indexer::run() {
  index_.container = source_.kind().container;
  if (auto chosen = choose_streams(); !chosen) {
    return fail(std::move(chosen.error()));
  }
  source_.follow_leaps(&index_.leaps);
  const PacketPtr packet = new_packet();
  for (std::size_t count = 0; source_.read(*packet); ++count) {
    if (source_.seeks_by_byte()) {
      bridge(*packet);
    }
    if (index_.video && packet->stream_index == index_.video->stream) {
      look(*packet);
      add_video(*packet);
      if (index_.packets.size() > kPacketsMax) {
        return fail(ErrorCode::kTooLarge, "The video has too many frames");
      }
    } else {
      for (std::size_t track = 0; track < tracks_.size(); ++track) {
        if (found_.sound[track].info.stream == packet->stream_index) {
          add_audio(track, *packet);
        }
      }
    }
    if (!tell(*packet, count)) {
      return fail(ErrorCode::kCancelled, "indexing was cancelled");
    }
  }
  if (source_.reader().cut_off()) {
    return fail(ErrorCode::kCancelled, "indexing was cancelled");
  }
  end_look();
  if (index_.video && index_.packets.empty()) {
    index_.video.reset();
    index_.warnings.emplace_back("the file announces a picture but holds no frame of it");
  }
  if (index_.video && look_frames_ == 0) {
    if (tracks_.empty()) {
      return fail(ErrorCode::kCorrupt, "No picture of this video can be decoded: it is damaged");
    }
    index_.video.reset();
    index_.packets.clear();
    index_.warnings.emplace_back("no picture can be decoded; only the sound is kept");
  }
  source_.follow_leaps(nullptr);
  found_.damaged = source_.damaged_reads() > 0 || source_.missing_bytes() > 0;
  SourceIndex index = conclude(std::move(found_));
  if (!index.video && index.audio.empty()) {
    return fail(ErrorCode::kCorrupt,
                "The file holds neither a frame nor a sample that can be read");
  }
  warn_of_what_is_missing(index);
  return index;
}

SourceIndex Indexer::conclude(Findings found) const {
  found.place_unshown();
  if (found.index.video && order_ != nullptr && order_->needed()) {
    found.order_pictures(*order_);
  }
  found.leave_out_strays();
  found.fix_timeline();
  if (source_.by_table()) {
    found.index.needs = found.needs();
  }
  // Known before the end: other headers tell of the last fragment, or nothing.
  const AVFormatContext& format = source_.format();
  if (source_.kind().demuxer == "matroska" && format.duration > 0 &&
      format.duration_estimation_method == AVFMT_DURATION_FROM_STREAM) {
    found.index.promised_ticks = av_rescale(format.duration, kSecond, AV_TIME_BASE);
  }
  found.describe_frames();
  return std::move(found.index);
}

std::optional<SourceIndex> Indexer::so_far() const {
  const auto begun = [](const Heard& heard) { return !heard.runs.empty(); };
  if (looker_ != nullptr || (index_.video && (index_.packets.empty() || look_frames_ == 0)) ||
      !std::ranges::all_of(found_.sound, begun)) {
    return std::nullopt;
  }
  return conclude(found_);
}

int Indexer::choose_video() {
  int best = -1;
  std::int64_t best_score = -1;
  for (int i = 0; i < static_cast<int>(source_.format().nb_streams); ++i) {
    const AVStream& stream = source_.stream(i);
    if (!is_picture(stream)) {
      continue;
    }
    const AVCodecParameters& codec = *stream.codecpar;
    const bool usable = allowed_decoder(codec.codec_id) != nullptr && codec.width > 0;
    const std::int64_t score = (usable ? std::int64_t{1} << 40 : 0) +
                               ((stream.disposition & AV_DISPOSITION_DEFAULT) != 0 ? 1 << 30 : 0) +
                               std::int64_t{codec.width} * codec.height;
    if (score > best_score) {
      best = i;
      best_score = score;
    }
  }
  return best;
}

Result<> Indexer::choose_streams() {
  const int video = choose_video();
  std::string left_out;
  if (video >= 0) {
    const AVCodecParameters& codec = *source_.stream(video).codecpar;
    if (allowed_decoder(codec.codec_id) == nullptr) {
      left_out = concat("its picture is coded as \"", avcodec_get_name(codec.codec_id), '"');
    } else if (codec.width <= 0 || codec.height <= 0) {
      left_out = "its picture has no size: the file is damaged or cut short";
    } else if (std::uint64_t(codec.width) * std::uint64_t(codec.height) >
               limits::kSourcePixelsMax) {
      return fail(ErrorCode::kTooLarge,
                  concat("The picture is too large: ", codec.width, " × ", codec.height));
    } else {
      describe_video(source_.stream(video));
    }
  }
  for (int i = 0; i < static_cast<int>(source_.format().nb_streams); ++i) {
    AVStream& stream = source_.stream(i);
    stream.discard = i == video && index_.video ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE) {
      add_subtitles(stream);
    }
    if (stream.codecpar->codec_type != AVMEDIA_TYPE_AUDIO) {
      continue;
    }
    const AVCodecParameters& codec = *stream.codecpar;
    if (allowed_decoder(codec.codec_id) == nullptr || codec.sample_rate <= 0 ||
        codec.sample_rate > 768'000 || codec.ch_layout.nb_channels <= 0) {
      index_.warnings.push_back(concat("a sound track is left out: it is coded as \"",
                                       avcodec_get_name(codec.codec_id), '"'));
      continue;
    }
    stream.discard = AVDISCARD_DEFAULT;
    add_track(i);
  }
  if (!index_.video && tracks_.empty()) {
    return fail(ErrorCode::kUnsupported,
                left_out.empty() ? "The file holds neither picture nor sound that can be played"
                                 : concat("The video cannot be played: ", left_out));
  }
  if (!left_out.empty()) {
    index_.warnings.push_back(concat("only the sound is kept: ", left_out));
  }
  return {};
}

void Indexer::describe_video(const AVStream& stream) {
  const AVCodecParameters& codec = *stream.codecpar;
  VideoInfo& video = index_.video.emplace();
  video.stream = stream.index;
  video.codec = avcodec_get_name(codec.codec_id);
  video.coded_width = static_cast<std::uint32_t>(codec.width);
  video.coded_height = static_cast<std::uint32_t>(codec.height);
  video.rotation = rotation_of(stream);
  const AVRational aspect =
      av_guess_sample_aspect_ratio(&source_.format(), const_cast<AVStream*>(&stream), nullptr);
  double stretch = aspect.num > 0 && aspect.den > 0 ? av_q2d(aspect) : 1;
  if (stretch < 0.05 || stretch > 20) {
    stretch = 1;
  } else if (aspect.num > 0) {
    video.sample_aspect = {aspect.num, aspect.den};
  }
  // Square pixels by display width, as the picture is meant; never fewer lines.
  video.display_width =
      std::max(1U, static_cast<std::uint32_t>(std::lround(codec.width * stretch)));
  video.display_height = video.coded_height;
  if (video.rotation % 180 != 0) {
    std::swap(video.display_width, video.display_height);
  }
  const AVRational rate =
      stream.avg_frame_rate.num > 0 ? stream.avg_frame_rate : stream.r_frame_rate;
  video.frame_rate = {rate.num, std::max(1, rate.den)};
  video.time_base = {stream.time_base.num, stream.time_base.den};
  if (const char* name = avcodec_profile_name(codec.codec_id, codec.profile)) {
    video.profile = name;
  }
  video.level = std::max(0, codec.level);
  if (const char* name = av_color_transfer_name(codec.color_trc);
      name != nullptr && codec.color_trc != AVCOL_TRC_UNSPECIFIED) {
    video.transfer = name;
  }
  video.interlaced =
      codec.field_order != AV_FIELD_UNKNOWN && codec.field_order != AV_FIELD_PROGRESSIVE;
  if (codec.codec_id == AV_CODEC_ID_H264) {
    found_.copy.emplace(codec, source_.can_skim());
  }
  if (auto decoder = open_decoder(codec, stream.time_base)) {
    looker_ = std::move(*decoder);
  }
}

void Indexer::add_track(int stream_index) {
  const AVStream& stream = source_.stream(stream_index);
  const AVCodecParameters& codec = *stream.codecpar;
  const auto rate = static_cast<std::uint32_t>(codec.sample_rate);
  Heard heard{.info = {}, .runs = AudioRuns(rate), .rates = AudioRates(rate)};
  Track track;
  heard.info.stream = stream_index;
  heard.info.codec = avcodec_get_name(codec.codec_id);
  if (const char* name = avcodec_profile_name(codec.codec_id, codec.profile)) {
    heard.info.profile = name;
  }
  heard.info.channels = static_cast<std::uint32_t>(codec.ch_layout.nb_channels);
  heard.info.sample_rate = static_cast<std::uint32_t>(codec.sample_rate);
  heard.info.language = bcp47(tag(stream, "language"));
  heard.info.title = tag(stream, "title");
  track.time_base = stream.time_base;
  if (codec.codec_id == AV_CODEC_ID_VORBIS || codec.codec_id == AV_CODEC_ID_OPUS) {
    track.parser = av_parser_init(codec.codec_id);
    track.parser_codec.reset(avcodec_alloc_context3(nullptr));
    if (track.parser != nullptr && track.parser_codec != nullptr) {
      track.parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
      avcodec_parameters_to_context(track.parser_codec.get(), &codec);
    }
  }
  found_.sound.push_back(std::move(heard));
  tracks_.push_back(std::move(track));
}

// What they say is read once the whole file is there: see subtitles.hpp.
void Indexer::add_subtitles(const AVStream& stream) {
  const AVCodecID codec = stream.codecpar->codec_id;
  SubtitleInfo& track = index_.subtitles.emplace_back();
  track.stream = stream.index;
  track.codec = avcodec_get_name(codec);
  track.language = bcp47(tag(stream, "language"));
  track.title = tag(stream, "title");
  track.is_default = (stream.disposition & AV_DISPOSITION_DEFAULT) != 0;
  track.forced = (stream.disposition & AV_DISPOSITION_FORCED) != 0;
  track.hearing_impaired = (stream.disposition & AV_DISPOSITION_HEARING_IMPAIRED) != 0;
  const AVCodecDescriptor* about = avcodec_descriptor_get(codec);
  if (about != nullptr && (about->props & AV_CODEC_PROP_BITMAP_SUB) != 0) {
    track.left_out = "it is made of pictures, not of text";
  } else if (allowed_decoder(codec) == nullptr) {
    track.left_out = concat("it is coded as \"", track.codec, '"');
  }
}

// Recordings joined in one file begin their clocks anew: the timeline goes on where it was.
void Indexer::bridge(AVPacket& packet) {
  constexpr std::int64_t back_max = kSecond;
  constexpr std::int64_t ahead_max = 10 * kSecond;
  if (packet.dts == AV_NOPTS_VALUE) {
    return;
  }
  const AVRational base = source_.stream(packet.stream_index).time_base;
  const std::int64_t length = av_rescale_q(packet.duration, base, kTickBase);
  const auto before = clock_.find(packet.stream_index);
  if (before != clock_.end() && packet.pos >= 0) {
    const auto leaps = [&](std::int64_t dts) {
      // Back in its own stream; or ahead of all, since one alone may rest.
      const auto furthest = std::ranges::max(clock_ | std::views::values);
      return dts < before->second - back_max || dts > furthest + ahead_max;
    };
    std::vector<ClockLeap>& known = index_.leaps;
    const std::int64_t dts = av_rescale_q(packet.dts, base, kTickBase);
    if (leaps(dts)) {
      const std::int64_t shift_here = shift_at(packet.pos);
      const std::int64_t raw = dts - shift_here;
      const bool late = !known.empty() && packet.pos < known.back().position &&
                        !leaps(raw + known.back().shift_ticks);
      if (late) {  // Another stream noticed first, further on.
        known.back().position = packet.pos;
      } else if (known.size() < kLeapsMax &&
                 (known.empty() || packet.pos > known.back().position)) {
        known.push_back({packet.pos, before->second - raw});
      } else {
        return;
      }
      const std::int64_t more =
          av_rescale_q(known.back().shift_ticks - shift_here, kTickBase, base);
      packet.pts += packet.pts == AV_NOPTS_VALUE ? 0 : more;
      packet.dts += more;
    }
  }
  clock_[packet.stream_index] = av_rescale_q(packet.dts, base, kTickBase) + length;
}

std::int64_t Indexer::shift_at(std::int64_t position) const {
  const auto after = std::ranges::upper_bound(index_.leaps, position, {}, &ClockLeap::position);
  return after == index_.leaps.begin() ? 0 : (after - 1)->shift_ticks;
}

// Decodes the first pictures: only they tell surely what they are, and whether they are any.
void Indexer::look(const AVPacket& packet) {
  if (looker_ == nullptr) {
    return;
  }
  ++look_packets_;
  avcodec_send_packet(looker_.get(), &packet);
  take_looked();
  if (look_frames_ >= kLookFrames || (look_packets_ >= kLookPackets && look_frames_ > 0) ||
      look_packets_ >= 4 * kLookPackets) {
    end_look();
  }
}

void Indexer::take_looked() {
  VideoInfo& video = *index_.video;
  while (avcodec_receive_frame(looker_.get(), frame_.get()) >= 0) {
    const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame_->format));
    if (look_frames_++ == 0 && format != nullptr) {
      video.pixel_format = format->name;
      video.bit_depth = format->comp[0].depth;
    }
    if (frame_->color_trc != AVCOL_TRC_UNSPECIFIED) {
      if (const char* name = av_color_transfer_name(frame_->color_trc)) {
        video.transfer = name;
      }
    }
    look_interlaced_ += is_interlaced(*frame_) ? 1 : 0;
    av_frame_unref(frame_.get());
  }
}

void Indexer::end_look() {
  if (looker_ == nullptr) {
    return;
  }
  VideoInfo& video = *index_.video;
  if (look_frames_ < kLookFrames) {  // The end came first: what is held back counts as well.
    avcodec_send_packet(looker_.get(), nullptr);
    take_looked();
  }
  if (look_frames_ > 0) {
    video.interlaced = look_interlaced_ * 2 > look_frames_;
  }
  // Field pairs: two packets a picture, but for those the decoder holds back.
  const auto held = static_cast<unsigned>(looker_->has_b_frames) * 2 + 2;
  video.field_packets =
      video.interlaced && look_frames_ >= 6 && look_packets_ + 1 >= look_frames_ * 2 &&
      look_packets_ <= look_frames_ * 2 + held && looker_->codec_id == AV_CODEC_ID_H264;
  looker_.reset();
  source_.reader().skim(true);
}

// VP8 keeps frames that are never shown in packets of their own.
bool is_shown(const AVStream& stream, const AVPacket& packet) {
  return stream.codecpar->codec_id != AV_CODEC_ID_VP8 || packet.size == 0 ||
         (packet.data[0] & 0x10) != 0;
}

void Indexer::add_video(const AVPacket& packet) {
  const AVStream& stream = source_.stream(packet.stream_index);
  if (!is_shown(stream, packet)) {
    return;
  }
  std::int64_t dts = packet.dts;
  std::int64_t pts = packet.pts;
  if (index_.packets.empty() && (source_.seeks_by_byte() || source_.kind().demuxer == "avi")) {
    order_ = std::make_unique<DisplayOrder>(*stream.codecpar);
  }
  if (pts == AV_NOPTS_VALUE) {
    if (dts == AV_NOPTS_VALUE) {
      if (last_dts_ == AV_NOPTS_VALUE) {
        return;  // Before anything that has a time.
      }
      dts = last_dts_ + std::max<std::int64_t>(1, last_duration_);
    }
    pts = dts;
  } else if (dts == AV_NOPTS_VALUE) {
    dts = pts;
  }
  last_dts_ = dts;
  last_duration_ = packet.duration;
  PacketEntry entry;
  entry.pts_ticks = av_rescale_q(pts, stream.time_base, kTickBase);
  entry.dts_ticks = av_rescale_q(dts, stream.time_base, kTickBase);
  entry.position = packet.pos;
  entry.bytes = static_cast<std::uint32_t>(packet.size);
  entry.keyframe = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  found_.video_bytes += entry.bytes;
  if (source_.by_table()) {
    found_.need(entry.dts_ticks, packet);
  }
  if ((packet.flags & AV_PKT_FLAG_DISCARD) == 0) {
    found_.first_shown = std::min(found_.first_shown, entry.pts_ticks);
    if (entry.pts_ticks > found_.last_shown) {
      found_.last_shown = entry.pts_ticks;
      index_.video_end_ticks =
          found_.last_shown + av_rescale_q(packet.duration, stream.time_base, kTickBase);
    }
  } else {
    found_.unshown.emplace_back(index_.packets.size(), entry.pts_ticks);
  }
  index_.packets.push_back(entry);
  if (found_.copy) {
    found_.copy->add(packet, source_.reader());
  }
  if (order_ != nullptr) {
    order_->add(packet);
  }
}

std::uint32_t Indexer::samples_of(std::size_t number, const AVPacket& packet) {
  Track& track = tracks_[number];
  const auto rate = static_cast<int>(found_.sound[number].info.sample_rate);
  const AVCodecParameters& codec = *source_.stream(packet.stream_index).codecpar;
  if (packet.duration > 0 && track.time_base.num == 1 && track.time_base.den % rate == 0) {
    const std::int64_t told = av_rescale_q(packet.duration, track.time_base, {1, rate});
    // Where the stamps were rounded, or a recorder's clock was not the sound's, MP4 has it here; a
    // frame has as many samples as ever. What is far from it means something else.
    const bool near = codec.codec_id == AV_CODEC_ID_AAC &&
                      std::abs(told - codec.frame_size) <= codec.frame_size / 4;
    return static_cast<std::uint32_t>(near ? codec.frame_size : told);
  }
  if (track.parser != nullptr && packet.size > 0) {
    std::uint8_t* out = nullptr;
    int out_bytes = 0;
    av_parser_parse2(track.parser, track.parser_codec.get(), &out, &out_bytes, packet.data,
                     packet.size, AV_NOPTS_VALUE, AV_NOPTS_VALUE, -1);
    if (track.parser->duration > 0) {
      return static_cast<std::uint32_t>(track.parser->duration);
    }
  }
  // Windows Media packs several frames into a packet, and does not say how many.
  const bool packed = codec.codec_id == AV_CODEC_ID_WMAV1 || codec.codec_id == AV_CODEC_ID_WMAV2 ||
                      codec.codec_id == AV_CODEC_ID_WMAPRO;
  if (codec.frame_size > 0 && !packed) {
    return static_cast<std::uint32_t>(codec.frame_size);
  }
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(0, av_rescale_q(packet.duration, track.time_base, {1, rate})));
}

void Indexer::add_audio(std::size_t number, const AVPacket& packet) {
  Heard& heard = found_.sound[number];
  const auto rate = static_cast<int>(heard.info.sample_rate);
  const std::uint32_t samples = samples_of(number, packet);
  const std::int64_t stamp = packet.pts != AV_NOPTS_VALUE ? packet.pts : packet.dts;
  if (stamp == AV_NOPTS_VALUE && heard.runs.empty()) {
    return;
  }
  const std::int64_t at = stamp == AV_NOPTS_VALUE
                              ? heard.runs.end_sample()
                              : av_rescale_q(stamp, tracks_[number].time_base, AVRational{1, rate});
  if (heard.begin_stamp == AV_NOPTS_VALUE) {
    std::size_t size = 0;
    const std::uint8_t* skip = av_packet_get_side_data(&packet, AV_PKT_DATA_SKIP_SAMPLES, &size);
    heard.begin_stamp = at + (skip != nullptr && size >= 4 ? AV_RL32(skip) : 0);
  }
  if (source_.by_table()) {
    found_.need(av_rescale(at, kSecond, rate), packet);
  }
  heard.runs.add(at, samples);
  heard.rates.add(at, samples, static_cast<std::uint64_t>(packet.size));
  const AVCodecParameters& codec = *source_.stream(heard.info.stream).codecpar;
  if (codec.codec_id == AV_CODEC_ID_AAC && heard.info.copy_obstacle.empty()) {
    heard.info.copy_obstacle =
        aac_obstacle({codec.extradata, static_cast<std::size_t>(codec.extradata_size)},
                     {packet.data, static_cast<std::size_t>(packet.size)});
  }
}

bool Indexer::tell(const AVPacket& packet, std::size_t count) {
  if (count % kProgressEvery != 0 || !progress_) {
    return true;
  }
  const std::int64_t position = packet.pos >= 0 ? packet.pos : avio_tell(source_.format().pb);
  const double done = static_cast<double>(position) /
                      static_cast<double>(std::max<std::int64_t>(1, source_.reader().bytes()));
  return progress_(std::clamp(done, 0.0, 1.0));
}

std::string seconds(std::int64_t ticks) {
  const std::int64_t tenths = (ticks * 10 + kSecond / 2) / kSecond;
  return tenths < 100 ? concat(tenths / 10, '.', tenths % 10) : concat((tenths + 5) / 10);
}

void Indexer::warn_of_what_is_missing(SourceIndex& index) {
  const AVFormatContext& format = source_.format();
  const std::int64_t end = std::max(index.video_end_ticks, index.audio_end_ticks);
  std::int64_t promised = 0;
  const std::string_view demuxer = source_.kind().demuxer;
  if (format.duration != AV_NOPTS_VALUE &&
      (demuxer == "mov" || demuxer == "matroska" || demuxer == "avi" || demuxer == "flv" ||
       demuxer == "asf")) {
    promised = av_rescale(format.duration, kSecond, AV_TIME_BASE);
  }
  if (promised > end + kSecond) {
    index.warnings.push_back(concat("the file ends early: ", seconds(end), " s of ",
                                    seconds(promised), " s could be read"));
  } else if (source_.missing_bytes() > 0) {
    index.warnings.push_back(
        concat("the file ends early: its last ", source_.missing_bytes(), " bytes are missing"));
  }
  if (source_.damaged_reads() > 0) {
    index.warnings.push_back(
        concat("the file is damaged: ", source_.damaged_reads(), " stretches cannot be read"));
  }
}

}  // namespace

Result<SourceIndex> index_source(const SourceFile& file, const Progress& progress) {
  auto source = Source::open(file);
  if (!source) {
    return fail(std::move(source.error()));
  }
  return Indexer(**source, progress).run();
}

Result<SourceIndex> index_arriving(const SourceFile& file, const AwaitMore& await_more,
                                   const Progress& progress) {
  const Indexer* pass = nullptr;  // Once the streams are known.
  auto source = Source::open_arriving(file, [&pass, &await_more] {
    const auto found = pass == nullptr ? std::nullopt : pass->so_far();
    return await_more(found ? &*found : nullptr);
  });
  if (!source) {
    return fail(std::move(source.error()));
  }
  Indexer indexer(**source, progress);
  pass = &indexer;
  return indexer.run();
}

}  // namespace sf::transcode

#include "encode.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/playlist.hpp>

#include "h264.hpp"

#include <algorithm>
#include <cstring>

extern "C" {
#include <libavutil/cpu.h>
}

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
constexpr std::int64_t kKeyframeTicks = 2 * kSecond;  // P22.
constexpr std::int64_t kStampSlack = kSecond / 1000;

// x264's AVX-512 code for macroblock trees reads memory nobody has written (build 164) where a line
// is not whole blocks of eight macroblocks, so that a segment would not be the same bytes twice.
// Seen by MALLOC_PERTURB_ (another fill, another stream) at all of seven such widths and at none of
// sixteen others, the usual 1920, 1280 and 640 among these; up to AVX2 at none.
std::string_view steady_instructions(std::uint32_t width) {
  constexpr std::uint32_t kBlockPixels = 8 * 16;
  const bool whole_blocks = (width + 15) / 16 * 16 % kBlockPixels == 0;
  const bool wide = (av_get_cpu_flags() & AV_CPU_FLAG_AVX512) != 0;
  return wide && !whole_blocks ? ":asm=AVX2,FMA3,BMI2,LZCNT" : "";
}

// x264 keeps half of the buffer for what it sees coming, so a segment at the cap weighs what the
// buffer holds above that more than its share, and what x264 misses by: 1.2 times its share at most
// as it is here (P6; measured). Less in the buffer makes the first keyframe of a hard scene soft.
std::int64_t buffer_percent_at_begin(std::int64_t ticks) {
  constexpr std::int64_t kUsual = 90;
  constexpr std::int64_t kKept = 50;
  const std::int64_t after_first_second = std::max<std::int64_t>(0, ticks - kSecond);
  return std::min(kUsual, kKept + 5 * after_first_second / kSecond);
}

std::string x264_options(const Plan& plan, const RungPlan& rung, std::int64_t ticks) {
  std::string options =
      concat("vbv-init=0.", buffer_percent_at_begin(ticks),
             ":keyint=infinite:min-keyint=1:scenecut=0:open-gop=0:b-pyramid=none:aud=1:stitchable=1"
             ":nal-hrd=none");
  options += steady_instructions(rung.width);
  if (plan.constant_frame_rate) {
    options += ":force-cfr=1";
  }
  return options;
}

// A stream's first keyframe x264 codes like any other picture, all later ones 1.4 times finer (its
// ip_ratio). Each segment is a stream, and would begin softer than it goes on. (A zone of one
// picture would do as well, but x264 164 never frees what it knows of zones.)
Result<> code_as_a_later_keyframe(AVFrame& picture) {
  constexpr int kQpRange = 51;
  constexpr double kFinerByQp = 2.91;  // 6 log2 1.4
  auto* side = av_frame_new_side_data(&picture, AV_FRAME_DATA_REGIONS_OF_INTEREST,
                                      sizeof(AVRegionOfInterest));
  if (side == nullptr) {
    return fail(libav_error(AVERROR(ENOMEM), "encode a picture"));
  }
  AVRegionOfInterest all{};
  all.self_size = sizeof all;
  all.bottom = picture.height;
  all.right = picture.width;
  all.qoffset = av_d2q(-kFinerByQp / kQpRange, 100'000);
  std::memcpy(side->data, &all, sizeof all);
  return {};
}

// Beside pictures that are copied, what was announced of those.
const char* profile_of(const Plan& plan, const RungPlan& rung) {
  const std::string_view source = plan.index.video->profile;
  if (rung.copied() && source.ends_with("Baseline")) {
    return "baseline";
  }
  return rung.copied() && source == "Main" ? "main" : "high";
}

}  // namespace

bool KeyframeClock::is_key(std::int64_t pts_ticks) noexcept {
  const std::int64_t at = pts_ticks - begin_;
  if (at < next_ - kStampSlack || (next_ > 0 && begin_ + next_ > end_ - kSecond)) {
    return false;
  }
  while (next_ <= at + kStampSlack) {
    next_ += kKeyframeTicks;
  }
  return true;
}

std::span<const std::uint8_t> without_settings(std::span<const std::uint8_t> unit,
                                               std::vector<std::uint8_t>& scratch) {
  constexpr std::uint8_t kUserDataUnregistered = 5;
  std::size_t begin = 0;
  std::size_t end = 0;
  each_nal(unit, [&](std::size_t code, std::span<const std::uint8_t> nal) {
    const bool found =
        nal.size() > 1 && (nal[0] & 0x1f) == kNalSei && nal[1] == kUserDataUnregistered;
    if (found) {
      begin = code;
      end = static_cast<std::size_t>(nal.data() - unit.data()) + nal.size();
    }
    return !found && (nal.empty() || (nal[0] & 0x1f) > 5);  // None follows a slice.
  });
  if (end == 0) {
    return unit;
  }
  scratch.assign(unit.begin(), unit.begin() + static_cast<std::ptrdiff_t>(begin));
  scratch.insert(scratch.end(), unit.begin() + static_cast<std::ptrdiff_t>(end), unit.end());
  return scratch;
}

Result<CodecPtr> new_x264(Size size) {
  constexpr int kBFrames = 3;
  const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
  if (codec == nullptr) {
    return fail(ErrorCode::kUnsupported, "libav here has no libx264");
  }
  CodecPtr encoder(avcodec_alloc_context3(codec));
  if (encoder == nullptr) {
    return fail(libav_error(AVERROR(ENOMEM), "encoder"));
  }
  encoder->width = static_cast<int>(size.width);
  encoder->height = static_cast<int>(size.height);
  encoder->thread_count = 1;
  encoder->max_b_frames = kBFrames;
  av_opt_set_int(encoder->priv_data, "forced-idr", 1, 0);
  return encoder;
}

Result<RungEncoder> RungEncoder::open(const Plan& plan, const RungPlan& rung, std::uint32_t segment,
                                      std::vector<std::int64_t> decode_times) {
  auto opened = new_x264({rung.width, rung.height});
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  const std::int64_t ticks = plan.timeline.video[segment].duration_ticks();
  RungEncoder rung_encoder(segment);
  rung_encoder.encoder_ = std::move(*opened);
  AVCodecContext* encoder = rung_encoder.encoder_.get();
  encoder->pix_fmt = AV_PIX_FMT_YUV420P;
  encoder->sample_aspect_ratio = {1, 1};
  encoder->time_base = kTickBase;
  encoder->framerate = {static_cast<int>(plan.frame_rate.numerator),
                        static_cast<int>(plan.frame_rate.denominator)};
  if (rung.preset.starts_with("slow") || rung.preset == "veryslow") {
    encoder->refs = kReferencesMax;  // These would refer to more than the level allows.
  }
  encoder->rc_max_rate = std::int64_t{rung.max_kbps} * 1000;
  encoder->rc_buffer_size = static_cast<int>(rung.buffer_kbits) * 1000;
  encoder->level = rung.level;
  encoder->color_range = AVCOL_RANGE_MPEG;
  encoder->colorspace = AVCOL_SPC_BT709;
  encoder->color_primaries = AVCOL_PRI_BT709;
  encoder->color_trc = AVCOL_TRC_BT709;
  encoder->chroma_sample_location = AVCHROMA_LOC_LEFT;
  av_opt_set(encoder->priv_data, "preset", rung.preset.c_str(), 0);
  av_opt_set(encoder->priv_data, "profile", profile_of(plan, rung), 0);
  av_opt_set_double(encoder->priv_data, "crf", rung.crf, 0);
  av_opt_set(encoder->priv_data, "x264-params", x264_options(plan, rung, ticks).c_str(), 0);
  const int code = avcodec_open2(encoder, nullptr, nullptr);
  if (code < 0) {
    return fail(libav_error(code, concat("the encoder for ", rung.name, " did not start")));
  }
  rung_encoder.decode_times_ = std::move(decode_times);
  return rung_encoder;
}

Result<> RungEncoder::encode(AVFrame& picture, std::int64_t pts_ticks, AVPictureType type) {
  picture.pts = pts_ticks;
  picture.pict_type = type;  // Never the source's own: the encoder would follow it.
  if (shown_++ > 0) {
    decode_times_.push_back(pts_ticks);
  } else if (auto told = code_as_a_later_keyframe(picture); !told) {
    return told;
  }
  auto encoded = give(&picture, "encode a picture");
  av_frame_remove_side_data(&picture, AV_FRAME_DATA_REGIONS_OF_INTEREST);
  return encoded;
}

Result<> RungEncoder::give(const AVFrame* picture, std::string_view what) {
  return encode_picture(*encoder_, picture, *packet_, what,
                        [this](AVPacket& packet) { write(packet); });
}

// Parameter sets come with each keyframe. They say that one picture may be decoded before its turn,
// which is so; but FFmpeg takes no decode time that equals the presentation time of such a stream,
// and a film's first picture is decoded when it is shown. Decode times run ahead by two.
void RungEncoder::correct_parameter_sets(std::span<std::uint8_t> unit) {
  each_nal(unit, [&](std::size_t, std::span<const std::uint8_t> nal) {
    if (nal.size() < 4 || nal_type(nal) != kNalSps) {
      return !is_slice(nal_type(nal));
    }
    codecs_ = hls::avc1_codec(nal[1], nal[2], nal[3]);
    allow_two_reordered(
        unit.subspan(static_cast<std::size_t>(nal.data() - unit.data()), nal.size()));
    return false;
  });
}

void RungEncoder::write(AVPacket& packet) {
  const std::span<std::uint8_t> coded(packet.data, static_cast<std::size_t>(packet.size));
  const bool key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  if (key) correct_parameter_sets(coded);
  std::vector<std::uint8_t> scratch;
  const std::span<const std::uint8_t> unit =
      written_ == 0 ? without_settings(coded, scratch) : coded;
  // The encoder reorders by no more pictures than the rung's delay: what is shown so much earlier
  // is never later than the picture itself.
  const std::int64_t dts = std::min(decode_times_[written_], packet.pts);
  ++written_;
  segment_.add(unit, packet.pts, dts, key);
}

Result<std::span<const std::uint8_t>> RungEncoder::finish() {
  if (auto ended = give(nullptr, "end a segment"); !ended) {
    return fail(std::move(ended.error()));
  }
  encoder_.reset();
  return segment_.finish();
}

}  // namespace sf::transcode

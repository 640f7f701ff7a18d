#include "engine_libav.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>

extern "C" {
#include <libavutil/log.h>
}

namespace sf::transcode {
namespace {

constexpr std::array<std::string_view, 85> kDecoders{
    // Pictures.
    "h264", "hevc", "vp8", "vp9", "libdav1d", "mpeg4", "mpeg1video", "mpeg2video", "msmpeg4v1",
    "msmpeg4v2", "msmpeg4", "h263", "h263p", "flv", "wmv1", "wmv2", "wmv3", "vc1", "theora",
    "prores", "dnxhd", "mjpeg", "dvvideo", "svq1", "svq3", "ffv1", "huffyuv", "rawvideo", "qtrle",
    "cinepak", "vp6", "vp6f", "png",
    // Sound.
    "aac", "aac_latm", "mp1float", "mp1", "mp2float", "mp2", "mp3float", "mp3", "ac3", "eac3",
    "dca", "opus", "libopus", "vorbis", "flac", "alac", "wmav1", "wmav2", "wmapro", "amrnb",
    "amrwb", "speex", "nellymoser", "truehd", "mlp", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt",
    "adpcm_swf", "pcm_s8", "pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be",
    "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw",
    "pcm_mulaw", "pcm_bluray", "pcm_dvd",
    // Subtitles that are text.
    "mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"};

constexpr int kLogLinesMax = 100;
std::atomic<int> log_lines{0};

void write_log(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || log_lines.load(std::memory_order_relaxed) > kLogLinesMax) {
    return;
  }
  if (log_lines.fetch_add(1, std::memory_order_relaxed) == kLogLinesMax) {
    std::fputs("libav: further messages of this task are left out\n", stderr);
    return;
  }
  char line[512];
  int print_prefix = 1;
  av_log_format_line2(context, level, format, arguments, line, sizeof line, &print_prefix);
  for (char* at = line; *at != '\0'; ++at) {
    if (static_cast<unsigned char>(*at) < 0x20) {
      *at = ' ';
    }
  }
  std::fprintf(stderr, "libav: %s\n", line);
}

}  // namespace

FramePtr new_frame() {
  FramePtr frame(av_frame_alloc());
  SF_ASSERT(frame != nullptr);
  return frame;
}

PacketPtr new_packet() {
  PacketPtr packet(av_packet_alloc());
  SF_ASSERT(packet != nullptr);
  return packet;
}

std::string libav_words(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

Error libav_error(int code, std::string_view context) {
  ErrorCode kind = ErrorCode::kCorrupt;
  if (code == AVERROR(ENOMEM) || code == AVERROR_BUG || code == AVERROR_BUG2 ||
      code == AVERROR_UNKNOWN) {
    kind = ErrorCode::kInternal;
  } else if (code == AVERROR(EIO)) {
    kind = ErrorCode::kIo;
  }
  return {kind, concat(context, ": ", libav_words(code)), 0};
}

bool is_interlaced(const AVFrame& frame) noexcept {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
  return frame.interlaced_frame != 0;
#endif
}

bool is_damaged(const AVFrame& frame) noexcept {
  return frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

std::span<const std::uint8_t> stream_side_data(const AVStream& stream,
                                               AVPacketSideDataType type) noexcept {
#if LIBAVFORMAT_VERSION_MAJOR >= 61
  const AVPacketSideData* found = av_packet_side_data_get(
      stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, type);
  return found == nullptr ? std::span<const std::uint8_t>{} : std::span(found->data, found->size);
#else
  std::size_t size = 0;
  const std::uint8_t* data = av_stream_get_side_data(&stream, type, &size);
  return data == nullptr ? std::span<const std::uint8_t>{} : std::span(data, size);
#endif
}

const AVCodec* allowed_decoder(AVCodecID id) noexcept {
  // libav lists its preferred decoder first; of those we allow, the first one serves.
  void* place = nullptr;
  while (const AVCodec* codec = av_codec_iterate(&place)) {
    if (codec->id == id && av_codec_is_decoder(codec) != 0 &&
        std::ranges::find(kDecoders, codec->name) != kDecoders.end()) {
      return codec;
    }
  }
  return nullptr;
}

const std::string& decoder_allow_list() {
  static const std::string list = [] {
    std::string names;
    for (const std::string_view name : kDecoders) {
      names += concat(names.empty() ? "" : ",", name);
    }
    return names;
  }();
  return list;
}

Result<CodecPtr> open_decoder(const AVCodecParameters& parameters, AVRational time_base) {
  const AVCodec* codec = allowed_decoder(parameters.codec_id);
  if (codec == nullptr) {
    return fail(ErrorCode::kUnsupported,
                concat("\"", avcodec_get_name(parameters.codec_id), "\" cannot be decoded here"));
  }
  CodecPtr decoder(avcodec_alloc_context3(codec));
  if (decoder == nullptr) {
    return fail(libav_error(AVERROR(ENOMEM), "decoder"));
  }
  int code = avcodec_parameters_to_context(decoder.get(), &parameters);
  if (code < 0) {
    return fail(libav_error(code, "decoder parameters"));
  }
  decoder->thread_count = 1;
  decoder->pkt_timebase = time_base;
  decoder->max_pixels = static_cast<std::int64_t>(limits::kSourcePixelsMax);
  code = avcodec_open2(decoder.get(), codec, nullptr);
  if (code < 0) {
    return fail(libav_error(code, concat("the ", codec->name, " decoder did not start")));
  }
  return decoder;
}

Result<> encode_picture(AVCodecContext& encoder, const AVFrame* picture, AVPacket& packet,
                        std::string_view what, const std::function<void(AVPacket&)>& take) {
  int code = avcodec_send_frame(&encoder, picture);
  while (code >= 0) {
    code = avcodec_receive_packet(&encoder, &packet);
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) {
      return {};
    }
    if (code >= 0) {
      take(packet);
      av_packet_unref(&packet);
    }
  }
  return fail(libav_error(code, what));
}

void install_libav_log() noexcept {
  av_log_set_level(AV_LOG_ERROR);
  av_log_set_callback(write_log);
}

void reset_libav_log() noexcept { log_lines.store(0, std::memory_order_relaxed); }

}  // namespace sf::transcode

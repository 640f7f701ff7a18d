#pragma once

/// libav in our words: owners that free, errors as values, and what differs between FFmpeg 5.1
/// (Debian 12) and 7.1 (Debian 13). Private to the media engine.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/mathematics.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include <streamforge/base/error.hpp>
#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sf::transcode {

struct FreeFrame {
  void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
};
struct FreeCodec {
  void operator()(AVCodecContext* codec) const noexcept { avcodec_free_context(&codec); }
};
struct FreeFilter {
  void operator()(AVBSFContext* filter) const noexcept { av_bsf_free(&filter); }
};
using FramePtr = std::unique_ptr<AVFrame, FreeFrame>;
using PacketPtr = std::unique_ptr<AVPacket, FreePacket>;
using CodecPtr = std::unique_ptr<AVCodecContext, FreeCodec>;
using PacketFilterPtr = std::unique_ptr<AVBSFContext, FreeFilter>;

/// These abort when memory has run out, as operator new does in our processes.
[[nodiscard]] FramePtr new_frame();
[[nodiscard]] PacketPtr new_packet();

/// "Invalid data found when processing input".
[[nodiscard]] std::string libav_words(int code);
/// A libav failure as an Error: ENOMEM and unknown codes kInternal, I/O kIo, the rest kCorrupt.
[[nodiscard]] Error libav_error(int code, std::string_view context);

inline constexpr AVRational kTickBase{1, static_cast<int>(hls::kTicksPerSecond)};

[[nodiscard]] bool is_interlaced(const AVFrame& frame) noexcept;
[[nodiscard]] bool is_damaged(const AVFrame& frame) noexcept;

/// Stream side data, wherever this version keeps it; empty when there is none.
[[nodiscard]] std::span<const std::uint8_t> stream_side_data(const AVStream& stream,
                                                             AVPacketSideDataType type) noexcept;

/// The decoder we allow for `id`, or nullptr.
[[nodiscard]] const AVCodec* allowed_decoder(AVCodecID id) noexcept;
/// Names of all allowed decoders, as libav's codec_whitelist wants them.
[[nodiscard]] const std::string& decoder_allow_list();

/// Opens a decoder, one thread, bounded picture size. `time_base` is what its packets count in.
[[nodiscard]] Result<CodecPtr> open_decoder(const AVCodecParameters& parameters,
                                            AVRational time_base);

/// Gives `encoder` a picture, or nullptr: no more come. `take` gets each packet that comes of it,
/// in `packet`. An error says that it was met when one wanted to do `what`.
[[nodiscard]] Result<> encode_picture(AVCodecContext& encoder, const AVFrame* picture,
                                      AVPacket& packet, std::string_view what,
                                      const std::function<void(AVPacket&)>& take);

/// libav's own messages go to stderr as lines, errors only, bounded in number until `reset`.
void install_libav_log() noexcept;
void reset_libav_log() noexcept;

}  // namespace sf::transcode

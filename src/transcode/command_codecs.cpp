#include <streamforge/base/bytes.hpp>
#include <streamforge/transcode/command.hpp>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace sf::transcode {
namespace {

// What Debian's build has and the inputs that we promise to take need.
constexpr const char* kEncoders[] = {"libx264", "aac"};
constexpr const char* kDecoders[] = {
    "h264", "hevc", "vp8",  "vp9",   "mpeg4",  "mpeg2video", "mpeg1video", "theora",   "flv",
    "wmv2", "vc1",  "aac",  "mp3",   "mp2",    "vorbis",     "opus",       "ac3",      "eac3",
    "flac", "dca",  "alac", "wmav2", "prores", "dvvideo",    "mjpeg",      "pcm_s16le"};
constexpr const char* kContainers[] = {"mov",  "matroska", "avi", "mpegts", "flv", "ogg",
                                       "mpeg", "asf",      "mp3", "wav",    "flac"};

bool decodes_av1() {
  return avcodec_find_decoder_by_name("libdav1d") || avcodec_find_decoder_by_name("libaom-av1");
}

}  // namespace

std::vector<std::string> missing_codecs() {
  std::vector<std::string> missing;
  for (const char* name : kEncoders) {
    if (!avcodec_find_encoder_by_name(name)) missing.push_back(concat("encoder ", name));
  }
  for (const char* name : kDecoders) {
    if (!avcodec_find_decoder_by_name(name)) missing.push_back(concat("decoder ", name));
  }
  if (!decodes_av1()) missing.emplace_back("decoder for AV1 (libdav1d)");
  for (const char* name : kContainers) {
    if (!av_find_input_format(name)) missing.push_back(concat("container ", name));
  }
  return missing;
}

}  // namespace sf::transcode

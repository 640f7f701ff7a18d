#include "audio_copy.hpp"

#include "adts.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::int64_t kFrame = hls::kAacFrameSamples;
constexpr unsigned kSkippedPacketsMax = 2'000'000;

// Without the header that AAC has in transport streams: ours says the same of every frame.
std::span<const std::uint8_t> raw_frame(const AVPacket& packet) {
  const std::span bytes(packet.data, static_cast<std::size_t>(packet.size));
  const auto head = parse_adts(bytes);
  return head && head->head_bytes < bytes.size() ? bytes.subspan(head->head_bytes) : bytes;
}

std::vector<std::uint8_t> with_head(std::span<const std::uint8_t> raw, const AudioPlan& track) {
  const auto head = adts_head(raw.size(), track.sample_rate, track.channels);
  std::vector<std::uint8_t> frame(head.size() + raw.size());
  std::ranges::copy(raw, std::ranges::copy(head, frame.begin()).out);
  return frame;
}

}  // namespace

std::vector<std::uint8_t> silent_aac_frame(std::uint32_t channels) {
  // ISO/IEC 14496-3 section 4.4.2: an element whose every max_sfb is 0, then the end.
  if (channels == 1) {
    return {0x00, 0x00, 0x00, 0x07};
  }
  return {0x21, 0x00, 0x00, 0x00, 0x00, 0x1c};
}

Result<std::pair<SegmentOutput, std::vector<std::uint8_t>>> copy_audio_segment(
    AudioReader& reader, const Plan& plan, std::uint32_t track, std::uint32_t segment,
    const Progress& progress) {
  const AudioPlan& rendition = plan.audio[track];
  const hls::SegmentSpan span = plan.timeline.audio[segment];
  const AacFrames wanted = frames_of_segment(plan, track, segment);
  const std::int64_t begin = wanted.begin_sample;
  const std::size_t count = wanted.count;
  const std::int64_t end = begin + static_cast<std::int64_t>(count) * kFrame;
  std::vector<std::vector<std::uint8_t>> frames(count);
  bool more = reader.seek(begin);
  for (unsigned seen = 0; more && reader.packet().pts < end; ++seen) {
    const AVPacket& packet = reader.packet();
    // Behind a hole the source's own grid may lie between ours: the nearest place.
    const std::int64_t at = packet.pts - begin + kFrame / 2;
    const auto place = static_cast<std::size_t>(at / kFrame);
    if (at >= 0 && place < count && packet.size > 0) {
      frames[place] = with_head(raw_frame(packet), rendition);
    }
    const double done = static_cast<double>(packet.pts - begin) / static_cast<double>(end - begin);
    if (seen >= kSkippedPacketsMax ||
        (progress && seen % 64 == 0 && !progress(std::clamp(done, 0.0, 1.0)))) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
    more = reader.advance();
  }
  const auto silence = with_head(silent_aac_frame(rendition.channels), rendition);
  for (std::vector<std::uint8_t>& frame : frames) {
    if (frame.empty()) {
      frame = silence;
    }
  }
  std::vector<std::uint8_t> bytes =
      write_audio_segment(frames, segment, begin, rendition.sample_rate);
  SegmentOutput output{.bytes = bytes.size(),
                       .begin_ticks = span.begin_ticks,
                       .duration_ticks = span.duration_ticks(),
                       .frames = static_cast<std::uint32_t>(count),
                       .damaged_frames = 0,
                       .codecs = "mp4a.40.2",
                       .i_frames = {}};
  return std::pair(std::move(output), std::move(bytes));
}

}  // namespace sf::transcode

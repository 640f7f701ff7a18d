#include "plan_copy.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr int kLevelMax = 52;          // P7.
constexpr std::uint64_t kPeakMax = 2;  // Of the cap; P3 allows as much.
constexpr std::uint64_t kAudioBpsMax = 320'000;
constexpr std::uint32_t kAacSamples = 1024;
// What MPEG-TS adds to a picture: a delimiter, and before keyframes the parameter sets.
constexpr std::uint64_t kUnitBytes = 6;
constexpr std::uint64_t kKeyBytes = 100;

// Twice as many packets as pictures, or two at one time: what is shown when is not certain.
bool times_are_clear(const SourceIndex& index, std::span<const hls::FrameTime> shown) {
  return index.packets.size() == shown.size();
}

}  // namespace

std::string video_obstacle(const SourceIndex& index, const RungPlan& largest,
                           std::span<const hls::FrameTime> shown) {
  const VideoInfo& video = *index.video;
  if (video.codec != "h264") {
    return concat("it is ", video.codec, ", not h264");
  }
  if (!video.copy_obstacle.empty()) {
    return video.copy_obstacle;
  }
  if (video.pixel_format != "yuv420p") {
    return concat("its pixels are ", video.pixel_format, ", not yuv420p");
  }
  if (video.transfer == "smpte2084" || video.transfer == "arib-std-b67") {
    return "it is HDR";
  }
  if (video.level > kLevelMax) {
    return concat("its level is ", video.level / 10, '.', video.level % 10, ", over 5.2");
  }
  if (video.interlaced || video.field_packets) {
    return "it is interlaced";
  }
  if (video.sample_aspect.numerator != video.sample_aspect.denominator) {
    return "its pixels are not square";
  }
  if (video.rotation != 0) {
    return concat("it is to be turned by ", video.rotation, " degrees");
  }
  if (largest.width != video.coded_width || largest.height != video.coded_height) {
    return concat("it is larger: ", video.coded_width, 'x', video.coded_height);
  }
  if (!video.closed_gop) {
    return "pictures before a keyframe of it need that keyframe";
  }
  if (index.packets.empty() || !index.packets.front().keyframe || shown.empty() ||
      shown.front().pts_ticks != 0 ||
      std::ranges::any_of(index.packets, [](const PacketEntry& p) { return p.pts_ticks < 0; })) {
    return "it does not begin with a keyframe";
  }
  if (least_delay(index.packets) > RungPlan::kDelayMax) {
    return "its pictures are further out of order than a decoder holds";
  }
  if (!times_are_clear(index, shown)) {
    return index.packets.size() > shown.size() && shown.size() > 1
               ? "it has more than 60 pictures a second, or two at one time"
               : "the times of its pictures are not clear";
  }
  return {};
}

std::vector<hls::SizedSegment> copied_sizes(const SourceIndex& index,
                                            const hls::Timeline& timeline) {
  std::vector<hls::SizedSegment> segments;
  for (const hls::SegmentSpan& span : timeline.video) {
    segments.push_back({0, static_cast<std::uint64_t>(span.duration_ticks())});
  }
  for (const PacketEntry& packet : index.packets) {
    const auto after = std::ranges::upper_bound(timeline.video, packet.pts_ticks, {},
                                                &hls::SegmentSpan::begin_ticks);
    // A part's packets go on behind what is listed.
    if (after != timeline.video.begin() && packet.pts_ticks < timeline.video.back().end_ticks) {
      segments[static_cast<std::size_t>(after - timeline.video.begin()) - 1].bytes +=
          packet.bytes + kUnitBytes + (packet.keyframe ? kKeyBytes : 0);
    }
  }
  return segments;
}

hls::Rates copied_rates(const SourceIndex& index, const hls::Timeline& timeline) {
  return hls::measure_rates(copied_sizes(index, timeline));
}

bool bits_fit(const hls::SizedSegment& segment, std::uint32_t max_kbps) noexcept {
  return segment.bytes * 8 * hls::kTicksPerSecond <= segment.duration_ticks * max_kbps * 1000;
}

std::uint32_t announced_kbps(const hls::Rates& rates, std::uint32_t cap_kbps,
                             bool growing) noexcept {
  const auto peak = static_cast<std::uint32_t>(rates.peak_bps / 1000 + 1);
  return growing ? std::max(cap_kbps, peak + peak / 4) : peak;
}

std::uint32_t announced_kbps(const AudioInfo& track, bool growing) noexcept {
  const auto peak = static_cast<std::uint32_t>(track.peak_bps / 1000 + 1);
  return growing ? peak + peak / 4 : peak;
}

std::uint32_t least_delay(const std::vector<PacketEntry>& packets) {
  std::vector<std::int64_t> shown;
  shown.reserve(packets.size());
  for (const PacketEntry& packet : packets) {
    shown.push_back(packet.pts_ticks);
  }
  std::ranges::sort(shown);
  std::size_t delay = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto place = static_cast<std::size_t>(
        std::ranges::lower_bound(shown, packets[i].pts_ticks) - shown.begin());
    delay = std::max(delay, i > place ? i - place : 0);
  }
  return static_cast<std::uint32_t>(delay);
}

std::string rate_obstacle(const hls::Rates& rates, std::uint32_t max_kbps) {
  if (rates.average_bps > std::uint64_t{max_kbps} * 1000) {
    return concat("it takes ", rates.average_bps / 1000, " kbit/s on average");
  }
  if (rates.peak_bps > kPeakMax * max_kbps * 1000) {
    return concat("it takes up to ", rates.peak_bps / 1000, " kbit/s");
  }
  return {};
}

std::string audio_obstacle(const AudioInfo& track) {
  if (track.codec != "aac") {
    return concat("it is ", track.codec, ", not aac");
  }
  if (track.profile != "LC") {
    return concat("its profile is ", track.profile.empty() ? "unknown" : track.profile, ", not LC");
  }
  if (!track.copy_obstacle.empty()) {
    return track.copy_obstacle;
  }
  if (track.channels < 1 || track.channels > 2) {
    return concat("it has ", track.channels, " channels");
  }
  if (track.sample_rate != 48'000 && track.sample_rate != 44'100 && track.sample_rate != 32'000) {
    return concat("its rate is ", track.sample_rate, " Hz");
  }
  if (track.average_bps > kAudioBpsMax) {
    return concat("it takes ", track.average_bps / 1000, " kbit/s");
  }
  // MP4 says of the last frame how much of it is to be heard.
  const auto usual = [&track](const AudioRun& run) {
    return run.samples == kAacSamples || (&run == &track.runs.back() && run.packets == 1);
  };
  if (!std::ranges::all_of(track.runs, usual)) {
    return "its frames are not of 1024 samples";
  }
  return {};
}

}  // namespace sf::transcode

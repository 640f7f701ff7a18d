#include "index_findings.hpp"

#include <streamforge/base/bytes.hpp>

#include "index_strays.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
constexpr std::int64_t kNeedTicks = kSecond / 2;
// Sound that begins this much before the picture is played; less is dropped, as players do.
constexpr std::int64_t kEarlySoundTicks = kSecond / 10;
constexpr std::int64_t kEarlySoundTicksMax = 30 * kSecond;
constexpr std::int64_t kUnseenTicks = kSecond / 240;  // Screens show none that is so short.

}  // namespace

void Findings::need(std::int64_t ticks, const AVPacket& packet) {
  const std::int64_t place = ticks / kNeedTicks - (ticks < 0 ? 1 : 0);
  std::uint64_t& end = reach[place];
  end = std::max(end, static_cast<std::uint64_t>(std::max<std::int64_t>(0, packet.pos)) +
                          static_cast<std::uint64_t>(packet.size));
}

// What begins in a half second is needed for all that is shown up to the end of it.
std::vector<ByteNeed> Findings::needs() const {
  std::vector<ByteNeed> list;
  std::uint64_t bytes = 0;
  for (const auto& [place, end] : reach) {
    bytes = std::max(bytes, end);
    list.push_back({(place + 1) * kNeedTicks - index.zero_ticks, bytes});
  }
  return list;
}

void Findings::place_unshown() {
  auto& packets = index.packets;
  std::vector<std::size_t> behind;
  for (const auto& [place, pts_ticks] : unshown) {
    if (pts_ticks > last_shown) {
      behind.push_back(place);
    } else {
      packets[place].pts_ticks = std::min(pts_ticks, first_shown - 1);
    }
  }
  for (const std::size_t place : behind | std::views::reverse) {
    cut_end = cut_end || place + 1 < packets.size();
    packets.erase(packets.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

void Findings::order_pictures(const DisplayOrder& order) {
  index.video->times_by_order = true;
  order.assign(index.packets);
  const auto [first, last] =
      std::ranges::minmax(index.packets | std::views::transform(&PacketEntry::pts_ticks));
  first_shown = first;
  last_shown = last;
  index.video_end_ticks = last;  // What the last one lasts is told from the others.
}

void Findings::leave_out_strays() {
  const std::size_t strays = drop_strays(index.packets);
  if (strays == 0) {
    return;
  }
  damaged = true;
  index.warnings.push_back(concat("the file is damaged: ", strays,
                                  strays == 1 ? " picture has" : " pictures have",
                                  " no believable time and are left out"));
  const std::int64_t shown_from = first_shown;  // Those before are only decoded.
  first_shown = INT64_MAX;
  last_shown = INT64_MIN;
  for (const PacketEntry& packet : index.packets) {
    if (packet.pts_ticks >= shown_from) {
      first_shown = std::min(first_shown, packet.pts_ticks);
      last_shown = std::max(last_shown, packet.pts_ticks);
    }
  }
  index.video_end_ticks = last_shown;  // What the last one lasts is told from the others.
}

void Findings::fix_timeline() {
  std::int64_t zero = index.video ? first_shown : INT64_MAX;
  std::int64_t first_heard = INT64_MAX;
  for (const Heard& heard : sound) {
    if (!heard.runs.empty()) {
      first_heard =
          std::min(first_heard, av_rescale(heard.begin_stamp, kSecond, heard.info.sample_rate));
    }
  }
  if (!index.video ||
      (first_heard < zero - kEarlySoundTicks && first_heard > zero - kEarlySoundTicksMax)) {
    zero = first_heard;
  }
  index.zero_ticks = zero == INT64_MAX ? 0 : zero;
  for (PacketEntry& packet : index.packets) {
    packet.pts_ticks -= index.zero_ticks;
    packet.dts_ticks -= index.zero_ticks;
  }
  if (index.video) {
    index.video_end_ticks -= index.zero_ticks;
  }
  for (Heard& heard : sound) {
    if (heard.runs.empty()) {
      continue;
    }
    const std::int64_t rate = heard.info.sample_rate;
    const std::int64_t zero_sample = av_rescale(index.zero_ticks, rate, kSecond);
    heard.info.begin_ticks = av_rescale(heard.begin_stamp - zero_sample, kSecond, rate);
    heard.info.end_ticks = av_rescale(heard.runs.end_sample() - zero_sample, kSecond, rate);
    heard.info.runs = std::move(heard.runs).take(zero_sample);
    heard.info.average_bps = heard.rates.average_bps();
    heard.info.peak_bps = heard.rates.peak_bps();
    index.audio_end_ticks = std::max(index.audio_end_ticks, heard.info.end_ticks);
    if (heard.info.end_ticks > 0) {
      index.audio.push_back(std::move(heard.info));
    }
  }
}

void Findings::describe_frames() {
  if (!index.video) {
    return;
  }
  VideoInfo& video = *index.video;
  if (copy) {
    copy->tell(video);
    if (damaged) {
      video.copy_obstacle = "the file is damaged";
    } else if (cut_end) {
      video.copy_obstacle = "its last pictures need some that are cut off";
    }
  }
  // Open: pictures shown before a keyframe that came before them.
  std::int64_t key = INT64_MIN;
  for (const PacketEntry& packet : index.packets) {
    if (packet.keyframe) {
      key = packet.pts_ticks;
    } else if (packet.pts_ticks < key) {
      video.closed_gop = false;
    }
  }
  const std::int64_t length = std::max<std::int64_t>(1, index.video_end_ticks);
  video.average_bps = video_bytes * 8 * kSecond / static_cast<std::uint64_t>(length);
  // A last frame without a duration, or of one that nobody could see because the end was cut to
  // that of the sound, lasts as long as those before it did on average.
  const std::int64_t last = last_shown - index.zero_ticks;
  const std::int64_t first = first_shown - index.zero_ticks;
  const auto steps = static_cast<std::int64_t>(index.packets.size()) - 1;
  const std::int64_t average =
      steps > 0 && last > first ? std::max<std::int64_t>(1, (last - first) / steps) : kSecond / 25;
  const std::int64_t told = index.video_end_ticks - last;
  if (told <= 0 || told < std::min(average / 8, kUnseenTicks) || told > 10 * kSecond) {
    index.video_end_ticks = last + average;
  }
}

}  // namespace sf::transcode

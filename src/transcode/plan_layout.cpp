#include "plan_layout.hpp"

#include <streamforge/base/bytes.hpp>

#include "plan_copy.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr const char* kSwitchedOff = "copying is switched off";
constexpr std::uint32_t kToTheEnd = UINT32_MAX;

bool is_in(const std::vector<EncodedStretch>& stretches, std::uint32_t segment) noexcept {
  return std::ranges::any_of(stretches, [segment](const EncodedStretch& stretch) {
    return stretch.begin <= segment && segment < stretch.end;
  });
}

// From `segment` on; false when that was said before.
bool end_copying(std::vector<EncodedStretch>& stretches, std::uint32_t segment) {
  if (is_in(stretches, kToTheEnd - 1)) {
    return false;
  }
  stretches.push_back({segment, kToTheEnd});
  return true;
}

std::string copied_to(std::uint32_t segment, std::string_view obstacle) {
  return concat("as uploaded for ", segment, " segments: then ", obstacle);
}

// One rate for all that are encoded, since they share a timeline and its grid.
std::uint32_t rendition_rate(const std::vector<AudioInfo>& tracks) {
  const auto of_cd = [](const AudioInfo& track) { return track.sample_rate % 11'025 == 0; };
  return !tracks.empty() && std::ranges::all_of(tracks, of_cd) ? 44'100 : 48'000;
}

}  // namespace

void plan_audio(Plan& plan, bool copy) {
  const std::uint32_t rate = rendition_rate(plan.index.audio);
  for (std::size_t i = 0; i < plan.index.audio.size(); ++i) {
    const AudioInfo& track = plan.index.audio[i];
    AudioPlan& planned = plan.audio.emplace_back();
    planned.source = static_cast<int>(i);
    planned.name = std::to_string(i);
    planned.language = track.language;
    planned.label = track.title;
    planned.sample_rate = rate;
    planned.why = copy ? audio_obstacle(track) : kSwitchedOff;
    if (planned.why.empty()) {
      planned.mode = "copy";
      planned.why = "as uploaded";
      planned.sample_rate = track.sample_rate;
      planned.channels = track.channels;
      planned.kbps = announced_kbps(track, plan.growing);
    }
  }
}

void lay_out(Plan& plan, std::span<const hls::FrameTime> frames, const LadderOptions& ladder,
             const Promise& promise) {
  const Plan* before = promise.before;
  const bool goes_on = before != nullptr && !before->rungs.empty() && before->rungs[0].copied();
  std::string obstacle = kSwitchedOff;
  if (ladder.copy && !plan.rungs.empty() && (before == nullptr || goes_on)) {
    obstacle = video_obstacle(plan.index, plan.rungs.front(), frames);
  }
  const auto timeline = [&](bool on_keyframes) {
    hls::TimelineOptions options{.segment_seconds = ladder.segment_seconds,
                                 .prefer_source_keyframes = on_keyframes};
    if (goes_on) {
      options.promised = before->timeline.video;
    }
    return hls::make_timeline(frames, plan.index.video_end_ticks,
                              plan.audio.empty() ? 0 : plan.index.audio_end_ticks,
                              plan.audio.empty() ? 0 : rendition_rate(plan.index.audio), options);
  };
  plan.timeline = timeline(obstacle.empty());
  hls::Rates rates;
  if (!goes_on && obstacle.empty() && plan.timeline.grid == hls::GridKind::kFixed) {
    obstacle = "its keyframes do not allow segments of 2 to 6 s";
  } else if (!goes_on && obstacle.empty()) {
    rates = copied_rates(plan.index, plan.timeline);
    obstacle = rate_obstacle(rates, plan.rungs.front().max_kbps);
    if (!obstacle.empty()) {
      plan.timeline = timeline(false);
    }
  }
  for (RungPlan& rung : plan.rungs) {
    rung.why = &rung == &plan.rungs.front() ? obstacle : "smaller than the source";
  }
  if (!plan.rungs.empty() && obstacle.empty() && !goes_on) {
    RungPlan& rung = plan.rungs.front();
    rung.mode = "copy";
    rung.why = "as uploaded";
    rung.level = plan.index.video->level;
    rung.delay = std::max(RungPlan::kEncoderDelay, least_delay(plan.index.packets));
    rung.max_kbps = announced_kbps(rates, rung.max_kbps, plan.growing);
  }
}

void go_on_copying(const Plan& plan, const Plan& before, std::string_view obstacle,
                   RungPlan& rung) {
  const auto first = static_cast<std::uint32_t>(before.timeline.video.size());
  if (!obstacle.empty()) {
    if (end_copying(rung.encoded, first)) {
      rung.why = copied_to(first, obstacle);
    }
    return;
  }
  const std::vector<hls::SizedSegment> sizes = copied_sizes(plan.index, plan.timeline);
  std::vector<std::int64_t> keys;
  for (const PacketEntry& packet : plan.index.packets) {
    if (packet.keyframe) {
      keys.push_back(packet.pts_ticks);
    }
  }
  const auto is_key = [&keys](std::int64_t ticks) {
    return std::ranges::binary_search(keys, ticks);
  };
  const auto& spans = plan.timeline.video;
  for (std::uint32_t segment = first; segment < spans.size(); ++segment) {
    const bool ends =
        is_key(spans[segment].end_ticks) || (segment + 1 == spans.size() && !plan.growing);
    if (is_key(spans[segment].begin_ticks) && ends && bits_fit(sizes[segment], rung.max_kbps)) {
      continue;
    }
    if (!rung.encoded.empty() && rung.encoded.back().end == segment) {
      ++rung.encoded.back().end;
    } else if (!is_in(rung.encoded, segment)) {
      rung.encoded.push_back({segment, segment + 1});
    }
  }
}

void go_on_copying(const Plan& before, std::string_view obstacle, AudioPlan& track) {
  const auto first = static_cast<std::uint32_t>(before.timeline.audio.size());
  if (!obstacle.empty() && end_copying(track.encoded, first)) {
    track.why = copied_to(first, obstacle);
  }
}

bool RungPlan::copies(std::uint32_t segment) const noexcept {
  return copied() && !is_in(encoded, segment);
}

bool AudioPlan::copies(std::uint32_t segment) const noexcept {
  return copied() && !is_in(encoded, segment);
}

}  // namespace sf::transcode

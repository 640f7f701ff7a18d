#include "plan_layout.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
// What must be known beyond a segment before it is listed: the last of a video takes in a tail that
// is shorter than half a second, and decoders want to look ahead.
constexpr std::int64_t kBeyondTicks = kSecond;
// Sound that is this far behind the picture has ended, or is not there: files are not interleaved
// as badly as that.
constexpr std::int64_t kSilenceTicks = 10 * kSecond;

// Every picture shown before it is known, whatever comes.
std::int64_t known_until(const SourceIndex& index) {
  return index.packets.empty() ? INT64_MIN : index.packets.back().dts_ticks;
}

bool sound_reaches(const SourceIndex& index, std::int64_t end_ticks) {
  return std::ranges::all_of(index.audio, [&](const AudioInfo& track) {
    return track.end_ticks >= end_ticks + kBeyondTicks ||
           (index.video && known_until(index) >= track.end_ticks + kSilenceTicks);
  });
}

// How many segments are settled, from the first on.
std::size_t settled(const Plan& plan) {
  const hls::Timeline& timeline = plan.timeline;
  std::vector<std::int64_t> shown;
  for (const PacketEntry& packet : plan.index.packets) {
    shown.push_back(packet.pts_ticks);
  }
  std::ranges::sort(shown);
  const std::int64_t known = known_until(plan.index);
  const std::int64_t step = plan.segment_seconds * kSecond;
  const auto is_settled = [&](const hls::SegmentSpan& span) {
    if (!plan.index.video) {
      // The last segment of sound alone may be longer than the step.
      return sound_reaches(plan.index, span.end_ticks);
    }
    // Where no picture begins, the next may still come late and move the boundary.
    const bool on_picture = std::ranges::binary_search(shown, span.end_ticks);
    const std::int64_t beyond = on_picture ? kBeyondTicks : std::max(kBeyondTicks, step / 2);
    return known >= span.end_ticks + beyond && sound_reaches(plan.index, span.end_ticks);
  };
  const auto& spans = plan.index.video ? timeline.video : timeline.audio;
  const auto open = std::ranges::find_if_not(spans, is_settled);
  return static_cast<std::size_t>(open - spans.begin());
}

bool begins_with(const std::vector<hls::SegmentSpan>& all,
                 const std::vector<hls::SegmentSpan>& first) {
  const auto same = [](const hls::SegmentSpan& a, const hls::SegmentSpan& b) {
    return a.begin_ticks == b.begin_ticks && a.end_ticks == b.end_ticks;
  };
  return all.size() >= first.size() && std::equal(first.begin(), first.end(), all.begin(), same);
}

// Whether what was listed of `before` is still true of `plan`.
bool goes_on(const Plan& plan, const Plan& before) {
  const auto stream = [](const AudioInfo& track) { return track.stream; };
  // Where the frames of sound that is copied lie.
  const auto first_sample = [](const AudioInfo& track) {
    return track.runs.empty() ? 0 : track.runs.front().begin_sample;
  };
  return plan.index.zero_ticks == before.index.zero_ticks &&
         plan.index.video.has_value() == before.index.video.has_value() &&
         std::ranges::equal(plan.index.audio, before.index.audio, {}, stream, stream) &&
         std::ranges::equal(plan.index.audio, before.index.audio, {}, first_sample, first_sample) &&
         begins_with(plan.timeline.video, before.timeline.video) &&
         begins_with(plan.timeline.audio, before.timeline.audio);
}

// Rungs and sound are what was announced; what of them is copied of what is new may be less.
void take_over(Plan& plan, const Plan& before) {
  const std::string obstacle = plan.rungs.empty() ? std::string() : plan.rungs.front().why;
  plan.rungs = before.rungs;
  if (!plan.rungs.empty() && plan.rungs.front().copied()) {
    go_on_copying(plan, before, obstacle, plan.rungs.front());
  }
  std::vector<AudioPlan> audio = before.audio;
  for (std::size_t i = 0; i < audio.size(); ++i) {
    if (audio[i].copied() && !plan.audio[i].copied()) {
      go_on_copying(before, plan.audio[i].why, audio[i]);
    }
  }
  plan.audio = std::move(audio);
}

}  // namespace

std::size_t segments_within(const Plan& plan, std::uint64_t bytes) {
  const auto& needs = plan.index.needs;
  // The first need that is not met: what is shown from then on may lack something.
  const auto unmet = std::ranges::upper_bound(needs, bytes, {}, &ByteNeed::bytes);
  const std::int64_t until = unmet == needs.end()     ? INT64_MAX
                             : unmet == needs.begin() ? INT64_MIN
                                                      : (unmet - 1)->ticks;
  const auto& spans = plan.index.video ? plan.timeline.video : plan.timeline.audio;
  const auto open = std::ranges::find_if(spans, [&](const hls::SegmentSpan& span) {
    return until != INT64_MAX && span.end_ticks + kBeyondTicks > until;
  });
  return static_cast<std::size_t>(open - spans.begin());
}

Plan outline(const Plan& plan) {
  Plan outline = plan;
  outline.index.packets.clear();
  outline.index.packets.shrink_to_fit();
  for (AudioInfo& track : outline.index.audio) {
    track.runs.resize(std::min<std::size_t>(track.runs.size(), 1));
  }
  return outline;
}

Result<Plan> plan_arriving(SourceIndex index, const LadderOptions& ladder, const Plan* before,
                           bool whole) {
  auto plan = plan_from(std::move(index), ladder, {.before = before, .growing = !whole});
  if (!plan) {
    return plan;
  }
  if (!whole) {
    const std::size_t count = settled(*plan);
    if (count < (before == nullptr ? hls::kFirstSegments : before->timeline.segment_count() + 1)) {
      return fail(ErrorCode::kUnavailable, "Too little of the file is there yet");
    }
    const auto first = [count](std::vector<hls::SegmentSpan>& spans) {
      spans.resize(std::min(count, spans.size()));
    };
    first(plan->timeline.video);
    first(plan->timeline.audio);
  }
  if (before == nullptr) {
    return plan;
  }
  if (!goes_on(*plan, *before)) {
    return fail(ErrorCode::kConflict, "The file is not what its begin promised");
  }
  plan->frame_rate = before->frame_rate;
  plan->constant_frame_rate = before->constant_frame_rate;
  take_over(*plan, *before);
  if (plan->index.video) {
    const bool by_order = plan->index.video->times_by_order;
    plan->index.video = before->index.video;
    plan->index.video->times_by_order = by_order;
  }
  return plan;
}

}  // namespace sf::transcode

#include <streamforge/hls/timeline.hpp>

#include <algorithm>
#include <limits>

namespace sf::hls {
namespace {

// Containers round stamps to a millisecond: a frame this little before the grid is on it.
constexpr std::int64_t kStampSlack = kTicksPerSecond / 1000;
// P19: a duration is rounded to whole seconds before it is compared with the target.
constexpr std::int64_t kLongest =
    kTargetDurationSeconds * kTicksPerSecond + kTicksPerSecond / 2 - 1;
constexpr std::int64_t kShortestOnKeyframes = 2 * kTicksPerSecond;
constexpr std::int64_t kLongestOnKeyframes = kTargetDurationSeconds * kTicksPerSecond;
constexpr std::int64_t kShortestTail = kTicksPerSecond / 2;

// How long segment `number` is meant to be.
std::int64_t length_of(std::size_t number, std::int64_t step) {
  return number < kFirstSegments ? std::min(step, kFirstSegmentTicks) : step;
}

std::vector<SegmentSpan> spans_between(const std::vector<std::int64_t>& begins, std::int64_t end) {
  std::vector<SegmentSpan> spans;
  spans.reserve(begins.size());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    spans.push_back({begins[i], i + 1 < begins.size() ? begins[i + 1] : end});
  }
  if (spans.size() > 1 && spans.back().duration_ticks() < kShortestTail &&
      end - spans[spans.size() - 2].begin_ticks <= kLongest) {
    spans.pop_back();
    spans.back().end_ticks = end;
  }
  return spans;
}

std::vector<std::int64_t> fixed_begins(std::span<const FrameTime> frames, std::int64_t end,
                                       std::int64_t step) {
  std::vector<std::int64_t> begins{0};
  auto frame = frames.begin();
  for (std::int64_t place = length_of(0, step); place < end;) {
    // How far after its place on the grid a segment may begin, so that even one which begins on the
    // grid and ends that late is within the target.
    const std::int64_t length = length_of(begins.size() - 1, step);
    const std::int64_t late_max = std::min(length / 2, kLongest - length);
    while (frame != frames.end() && frame->pts_ticks < place - kStampSlack) {
      ++frame;
    }
    const bool near = frame != frames.end() && frame->pts_ticks <= place + late_max;
    if (!near && place >= end - kStampSlack) {
      break;
    }
    begins.push_back(near ? frame->pts_ticks : place);
    place += length_of(begins.size() - 1, step);
  }
  return begins;
}

// Begins on keyframes only, every gap 2 to 6 s: the first ones as short as the rest allows, then in
// sum as near to `step` as they can be; empty when no choice of keyframes does it. A last segment
// may be shorter.
std::vector<std::int64_t> keyframe_begins(std::span<const FrameTime> frames, std::int64_t end,
                                          std::int64_t step) {
  std::vector<std::int64_t> keys;
  for (const FrameTime& frame : frames) {
    if (frame.keyframe) {
      keys.push_back(frame.pts_ticks);
    }
  }
  if (keys.empty() || keys.front() > kStampSlack) {
    return {};
  }
  constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> cost(keys.size(), kNever);
  std::vector<std::size_t> next(keys.size(), keys.size());
  for (std::size_t i = keys.size(); i-- > 0;) {
    if (end - keys[i] <= kLongestOnKeyframes) {
      cost[i] = std::abs(end - keys[i] - step);
    }
    for (std::size_t j = i + 1; j < keys.size() && keys[j] - keys[i] <= kLongestOnKeyframes; ++j) {
      if (keys[j] - keys[i] < kShortestOnKeyframes || cost[j] == kNever) {
        continue;
      }
      const std::int64_t sum = cost[j] + std::abs(keys[j] - keys[i] - step);
      if (sum < cost[i]) {
        cost[i] = sum;
        next[i] = j;
      }
    }
  }
  // The next that one of the first segments may end at, and from where the end is reached.
  const auto next_short = [&](std::size_t from) {
    const std::int64_t shortest = keys[from] + kFirstSegmentTicks;
    std::size_t to = from + 1;
    while (to < keys.size() && (keys[to] < shortest || cost[to] == kNever)) {
      ++to;
    }
    return to < keys.size() && keys[to] - keys[from] <= kLongestOnKeyframes ? to : next[from];
  };
  std::vector<std::int64_t> begins;
  if (cost[0] != kNever) {
    for (std::size_t i = 0; i < keys.size();) {
      begins.push_back(i == 0 ? 0 : keys[i]);
      i = begins.size() <= kFirstSegments ? next_short(i) : next[i];
    }
  }
  return begins;
}

// Cuts of [from, to), where no keyframe can begin a segment: about `step` apart, on frames where
// there are any. Neither end is among them.
void cut_without_keyframes(std::span<const FrameTime> frames, std::int64_t from, std::int64_t to,
                           std::int64_t step, std::vector<std::int64_t>& begins) {
  const std::int64_t late_max = std::min(step / 2, kLongestOnKeyframes - step);
  for (std::int64_t at = from; to - at > kLongestOnKeyframes;) {
    const auto frame =
        std::ranges::lower_bound(frames, at + step - kStampSlack, {}, &FrameTime::pts_ticks);
    const bool near =
        frame != frames.end() && frame->pts_ticks <= at + step + late_max && frame->pts_ticks < to;
    at = near ? frame->pts_ticks : at + step;
    begins.push_back(at);
  }
}

// Begins from `promised` on: the promised ones, then keyframes as `keyframe_begins` takes them. The
// fewest stretches that no keyframes can cut are cut otherwise.
std::vector<std::int64_t> continued_begins(std::span<const FrameTime> frames, std::int64_t end,
                                           std::int64_t step,
                                           std::span<const SegmentSpan> promised) {
  constexpr std::int64_t kStretchCost = 1'000 * kTicksPerSecond;
  const std::int64_t from = promised.back().end_ticks;
  std::vector<std::int64_t> keys{from};
  bool on_key = false;
  for (const FrameTime& frame : frames) {
    if (frame.keyframe && frame.pts_ticks > from) {
      keys.push_back(frame.pts_ticks);
    }
    on_key = on_key || (frame.keyframe && frame.pts_ticks == from);
  }
  keys.push_back(end);
  const std::size_t last = keys.size() - 1;
  // A way of least cost to the end, from each key. From one to the end, or to the first one that is
  // too far, is always possible; from a place that is no keyframe, to each one.
  std::vector<std::int64_t> cost(keys.size(), 0);
  std::vector<std::size_t> next(keys.size(), last);
  for (std::size_t i = last; i-- > 0;) {
    cost[i] = std::numeric_limits<std::int64_t>::max();
    bool far = false;
    for (std::size_t j = i + 1; j <= last && !far; ++j) {
      const std::int64_t gap = keys[j] - keys[i];
      far = gap > kLongestOnKeyframes;
      const bool whole = (on_key || i > 0) && !far && (gap >= kShortestOnKeyframes || j == last);
      if (!whole && !far && (on_key || i > 0)) {
        continue;
      }
      const std::int64_t sum = cost[j] + std::abs(gap - step) + (whole ? 0 : kStretchCost);
      if (sum < cost[i]) {
        cost[i] = sum;
        next[i] = j;
      }
    }
  }
  std::vector<std::int64_t> begins;
  for (const SegmentSpan& span : promised) {
    begins.push_back(span.begin_ticks);
  }
  for (std::size_t i = 0; i < last; i = next[i]) {
    if (keys[i] < end) {
      begins.push_back(keys[i]);
      cut_without_keyframes(frames, keys[i], keys[next[i]], step, begins);
    }
  }
  return begins;
}

std::vector<SegmentSpan> audio_spans(const std::vector<SegmentSpan>& video, std::int64_t end,
                                     std::uint32_t rate, std::int64_t step) {
  std::vector<std::int64_t> begins;
  for (const SegmentSpan& span : video) {
    begins.push_back(span.begin_ticks);
  }
  if (begins.empty()) {
    begins.push_back(0);
  } else {
    end = std::max(end, video.back().end_ticks);
  }
  for (std::int64_t length = length_of(begins.size() - 1, step);
       end - begins.back() > length + kShortestTail; length = length_of(begins.size() - 1, step)) {
    begins.push_back(begins.back() + length);
  }
  const std::int64_t frame_ticks_up = aac_frame_ticks(1, rate);
  std::int64_t frames = aac_frame_at(end, rate);
  if (aac_frame_ticks(frames, rate) < end || frames == 0) {
    ++frames;
  }
  std::vector<std::int64_t> on_grid;
  for (const std::int64_t begin : begins) {
    const std::int64_t at = aac_frame_ticks(aac_frame_at(begin, rate), rate);
    if (on_grid.empty() || at >= on_grid.back() + frame_ticks_up) {
      on_grid.push_back(at);
    }
  }
  return spans_between(on_grid, aac_frame_ticks(frames, rate));
}

}  // namespace

std::int64_t aac_frame_ticks(std::int64_t frame, std::uint32_t sample_rate) noexcept {
  return (frame * kAacFrameSamples * kTicksPerSecond + sample_rate / 2) / sample_rate;
}

std::int64_t aac_frame_at(std::int64_t ticks, std::uint32_t sample_rate) noexcept {
  constexpr std::int64_t unit = kAacFrameSamples * kTicksPerSecond;
  return (ticks * sample_rate + unit / 2) / unit;
}

std::int64_t Timeline::duration_ticks() const noexcept {
  if (!video.empty()) {
    return video.back().end_ticks;
  }
  return audio.empty() ? 0 : audio.back().end_ticks;
}

Timeline make_timeline(std::span<const FrameTime> frames, std::int64_t video_end_ticks,
                       std::int64_t audio_end_ticks, std::uint32_t sample_rate,
                       const TimelineOptions& options) {
  const std::int64_t step =
      std::clamp(options.segment_seconds, 1U, kTargetDurationSeconds) * kTicksPerSecond;
  Timeline timeline;
  if (!frames.empty()) {
    const std::int64_t end = std::max(video_end_ticks, frames.back().pts_ticks + 1);
    std::vector<std::int64_t> begins;
    if (!options.promised.empty()) {
      begins = continued_begins(frames, end, step, options.promised);
    } else if (options.prefer_source_keyframes) {
      begins = keyframe_begins(frames, end, step);
    }
    timeline.grid = begins.empty() ? GridKind::kFixed : GridKind::kSourceKeyframes;
    timeline.video = spans_between(begins.empty() ? fixed_begins(frames, end, step) : begins, end);
  }
  if (audio_end_ticks > 0 && sample_rate > 0) {
    timeline.audio = audio_spans(timeline.video, audio_end_ticks, sample_rate, step);
  }
  return timeline;
}

}  // namespace sf::hls

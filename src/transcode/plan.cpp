#include <streamforge/base/limits.hpp>
#include <streamforge/transcode/plan.hpp>

#include "ladder.hpp"
#include "plan_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;
constexpr std::int64_t kFramesPerSecondMax = 60;  // P31.
// Stamps of a constant rate, once a container has rounded them, are this near their true place.
constexpr double kStampErrorTicks = 0.0016 * kSecond;

double value_of(Rational rational) {
  return rational.denominator == 0
             ? 0
             : static_cast<double>(rational.numerator) / static_cast<double>(rational.denominator);
}

// Pictures of the source in the order shown, those before zero left out.
std::vector<hls::FrameTime> source_frames(const SourceIndex& index) {
  std::vector<hls::FrameTime> frames;
  frames.reserve(index.packets.size());
  for (const PacketEntry& packet : index.packets) {
    if (packet.pts_ticks >= 0) {
      frames.push_back({packet.pts_ticks, packet.keyframe});
    }
  }
  std::ranges::stable_sort(frames, {}, &hls::FrameTime::pts_ticks);
  const auto same = std::ranges::unique(frames, {}, &hls::FrameTime::pts_ticks);
  frames.erase(same.begin(), same.end());
  if (index.video && index.video->field_packets) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < frames.size(); i += 2) {
      frames[kept++] = frames[i];
    }
    frames.resize(kept);
  }
  return frames;
}

// The first picture of every sixtieth of a second.
void thin(std::vector<hls::FrameTime>& frames) {
  std::int64_t last_slot = -1;
  std::erase_if(frames, [&last_slot](const hls::FrameTime& frame) {
    constexpr std::int64_t slack = kSecond / 1000;  // Containers round down to a millisecond.
    const std::int64_t slot = (frame.pts_ticks + slack) * kFramesPerSecondMax / kSecond;
    return std::exchange(last_slot, slot) == slot;
  });
}

double average_rate(const std::vector<hls::FrameTime>& frames) {
  const std::int64_t length = frames.empty() ? 0 : frames.back().pts_ticks - frames[0].pts_ticks;
  return length <= 0
             ? 0
             : static_cast<double>(frames.size() - 1) * kSecond / static_cast<double>(length);
}

bool comes_at(const std::vector<hls::FrameTime>& frames, Rational rate) {
  const double step = kSecond / value_of(rate);
  // A first frame may be rounded too, hence both ways from half the error.
  double lowest = 0;
  double highest = 0;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    const double error = static_cast<double>(frames[i].pts_ticks - frames[0].pts_ticks) -
                         static_cast<double>(i) * step;
    lowest = std::min(lowest, error);
    highest = std::max(highest, error);
    if (highest - lowest > kStampErrorTicks) {
      return false;
    }
  }
  return true;
}

void measure_rate(Plan& plan, const std::vector<hls::FrameTime>& frames) {
  constexpr std::array kUsual{Rational{24'000, 1001}, Rational{24, 1},        Rational{25, 1},
                              Rational{30'000, 1001}, Rational{30, 1},        Rational{50, 1},
                              Rational{60'000, 1001}, Rational{60, 1},        Rational{48, 1},
                              Rational{15, 1},        Rational{15'000, 1001}, Rational{12, 1},
                              Rational{10, 1},        Rational{20, 1}};
  const double average = average_rate(frames);
  if (average <= 0) {
    plan.frame_rate = plan.index.video->frame_rate;
    if (value_of(plan.frame_rate) < 0.01 || value_of(plan.frame_rate) > kFramesPerSecondMax) {
      plan.frame_rate = {25, 1};
    }
    return;
  }
  std::vector<Rational> candidates(kUsual.begin(), kUsual.end());
  candidates.insert(candidates.begin(), plan.index.video->frame_rate);
  candidates.push_back({static_cast<std::int64_t>(std::lround(average)), 1});
  for (const Rational rate : candidates) {
    if (value_of(rate) >= 1 && value_of(rate) <= kFramesPerSecondMax &&
        std::abs(value_of(rate) / average - 1) < 0.02 && comes_at(frames, rate)) {
      plan.frame_rate = rate;
      plan.constant_frame_rate = true;
      return;
    }
  }
  plan.frame_rate = {std::max<std::int64_t>(1, std::llround(average * 1000)), 1000};
}

std::vector<hls::FrameTime> frames_of(const SourceIndex& index) {
  std::vector<hls::FrameTime> frames = source_frames(index);
  if (average_rate(frames) > kFramesPerSecondMax * 1.005) {
    thin(frames);
  }
  return frames;
}

Result<> plan_video(Plan& plan, const LadderOptions& ladder) {
  const VideoInfo& video = *plan.index.video;
  if (std::uint64_t{video.coded_width} * video.coded_height > limits::kSourcePixelsMax) {
    return fail(ErrorCode::kTooLarge,
                concat("The picture is too large: ", video.coded_width, " × ", video.coded_height));
  }
  if (video.display_width == 0 || video.display_height == 0) {
    return fail(ErrorCode::kCorrupt, "The file does not say how large its picture is");
  }
  plan.rungs = choose_rungs({video.display_width, video.display_height}, ladder.rungs);
  const double rate = value_of(plan.frame_rate);
  for (RungPlan& rung : plan.rungs) {
    rung.level = h264_level({rung.width, rung.height}, rate, rung.max_kbps);
  }
  return {};
}

}  // namespace

std::vector<std::int64_t> shown_frames(const Plan& plan) {
  std::vector<std::int64_t> times;
  for (const hls::FrameTime& frame : frames_of(plan.index)) {
    times.push_back(frame.pts_ticks);
  }
  const std::size_t real = times.size();
  for (const hls::SegmentSpan& span : plan.timeline.video) {
    times.push_back(span.begin_ticks);
  }
  std::inplace_merge(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(real), times.end());
  times.erase(std::ranges::unique(times).begin(), times.end());
  return times;
}

Result<Plan> plan_from(SourceIndex index, const LadderOptions& ladder, const Promise& promise) {
  Plan plan;
  plan.index = std::move(index);
  plan.segment_seconds = ladder.segment_seconds;
  plan.growing = promise.growing;
  if (!plan.index.video && plan.index.audio.empty()) {
    return fail(ErrorCode::kUnsupported, "The file holds neither picture nor sound");
  }
  plan_audio(plan, ladder.copy);
  std::vector<hls::FrameTime> frames;
  if (plan.index.video) {
    frames = frames_of(plan.index);
    measure_rate(plan, frames);
    if (auto planned = plan_video(plan, ladder); !planned) {
      return fail(std::move(planned.error()));
    }
  }
  lay_out(plan, frames, ladder, promise);
  if (plan.timeline.video.empty() && plan.timeline.audio.empty()) {
    return fail(ErrorCode::kUnsupported, "The file is media, but nothing in it has a duration");
  }
  return plan;
}

Result<Plan> make_plan(SourceIndex index, const LadderOptions& ladder) {
  return plan_from(std::move(index), ladder, {});
}

}  // namespace sf::transcode

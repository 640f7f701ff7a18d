#include <streamforge/hls/timeline.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace sf::hls {
namespace {

constexpr std::int64_t kSecond = kTicksPerSecond;

std::vector<FrameTime> frames_at(std::int64_t numerator, std::int64_t denominator, int count,
                                 int keyframe_every) {
  std::vector<FrameTime> frames;
  for (int i = 0; i < count; ++i) {
    frames.push_back({i * kSecond * denominator / numerator, i % keyframe_every == 0});
  }
  return frames;
}

std::vector<std::int64_t> begins_of(const std::vector<SegmentSpan>& spans) {
  std::vector<std::int64_t> begins;
  for (const SegmentSpan& span : spans) {
    begins.push_back(span.begin_ticks);
  }
  return begins;
}

void expect_contiguous(const std::vector<SegmentSpan>& spans, std::int64_t end) {
  std::int64_t at = 0;
  for (const SegmentSpan& span : spans) {
    EXPECT_EQ(span.begin_ticks, at);
    EXPECT_GT(span.duration_ticks(), 0);
    at = span.end_ticks;
  }
  EXPECT_EQ(at, end);
}

using Begins = std::vector<std::int64_t>;

TEST(Timeline, FixedGridStartsSegmentsOnFrames) {
  const auto frames = frames_at(30000, 1001, 300, 300);
  const std::int64_t end = 300 * 3003;
  const Timeline timeline = make_timeline(frames, end, 0, 0, {});
  // 4 s is between frames 119 (3.97) and 120 (4.004).
  EXPECT_EQ(begins_of(timeline.video), (Begins{0, 60 * 3003, 120 * 3003, 180 * 3003, 240 * 3003}));
  expect_contiguous(timeline.video, end);
  EXPECT_TRUE(timeline.audio.empty());
  EXPECT_EQ(timeline.duration_ticks(), end);
}

TEST(Timeline, MillisecondStampsStayOnTheGrid) {
  std::vector<FrameTime> frames;
  for (int i = 0; i < 300; ++i) {
    frames.push_back({(i * 1000 / 30) * 90, false});  // Truncated, as Matroska writers do.
  }
  EXPECT_EQ(begins_of(make_timeline(frames, 10 * kSecond, 0, 0, {}).video),
            (Begins{0, 2 * kSecond, 4 * kSecond, 6 * kSecond, 8 * kSecond}));
}

TEST(Timeline, AFrameJustBeforeTheGridIsOnIt) {
  std::vector<FrameTime> frames{{0, true}, {4 * kSecond - 60, false}, {5 * kSecond, false}};
  EXPECT_EQ(begins_of(make_timeline(frames, 6 * kSecond, 0, 0, {}).video),
            (Begins{0, 2 * kSecond, 4 * kSecond - 60}));
}

TEST(Timeline, APictureShownForLongIsHeldAtTheGrid) {
  const std::vector<FrameTime> frames{{0, true}, {13 * kSecond, true}, {20 * kSecond, true}};
  const Timeline timeline = make_timeline(frames, 21 * kSecond, 0, 0, {});
  EXPECT_EQ(begins_of(timeline.video),
            (Begins{0, 2 * kSecond, 4 * kSecond, 6 * kSecond, 8 * kSecond, 13 * kSecond,
                    16 * kSecond, 20 * kSecond}));
  expect_contiguous(timeline.video, 21 * kSecond);
}

TEST(Timeline, NoSegmentOutlastsTheTarget) {
  for (const unsigned seconds : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 99U}) {
    for (const int gap_ms : {7, 33, 900, 2100, 5000, 30'000}) {
      std::vector<FrameTime> frames;
      for (std::int64_t at = 0; at < 100'000; at += gap_ms) {
        frames.push_back({at * 90, false});
      }
      const std::int64_t end = frames.back().pts_ticks + gap_ms * 90;
      const Timeline timeline = make_timeline(frames, end, 0, 0, {.segment_seconds = seconds});
      expect_contiguous(timeline.video, end);
      for (const SegmentSpan& span : timeline.video) {
        EXPECT_LT(span.duration_ticks(), 65 * kSecond / 10) << seconds << ' ' << gap_ms;
      }
    }
  }
}

TEST(Timeline, AShortTailJoinsTheSegmentBefore) {
  const auto joined = make_timeline(frames_at(30, 1, 130, 130), 130 * 3000, 0, 0, {});
  EXPECT_EQ(begins_of(joined.video), (Begins{0, 2 * kSecond}));
  const auto apart = make_timeline(frames_at(30, 1, 136, 136), 136 * 3000, 0, 0, {});
  EXPECT_EQ(begins_of(apart.video), (Begins{0, 2 * kSecond, 4 * kSecond}));
}

TEST(Timeline, OneFrame) {
  const std::vector<FrameTime> frames{{0, true}};
  const Timeline timeline = make_timeline(frames, 3000, 0, 0, {});
  expect_contiguous(timeline.video, 3000);
  ASSERT_EQ(timeline.video.size(), 1U);
}

TEST(Timeline, SourceKeyframesDefineSegmentsWhenTheyAllow) {
  const TimelineOptions options{.segment_seconds = 4, .prefer_source_keyframes = true};
  const Timeline two = make_timeline(frames_at(25, 1, 500, 50), 20 * kSecond, 0, 0, options);
  EXPECT_EQ(two.grid, GridKind::kSourceKeyframes);
  EXPECT_EQ(begins_of(two.video), (Begins{0, 2 * kSecond, 4 * kSecond, 6 * kSecond, 8 * kSecond,
                                          12 * kSecond, 16 * kSecond}));
  const Timeline five = make_timeline(frames_at(25, 1, 500, 125), 20 * kSecond, 0, 0, options);
  EXPECT_EQ(begins_of(five.video), (Begins{0, 5 * kSecond, 10 * kSecond, 15 * kSecond}));
  const Timeline ten = make_timeline(frames_at(25, 1, 500, 250), 20 * kSecond, 0, 0, options);
  EXPECT_EQ(ten.grid, GridKind::kFixed);
  EXPECT_EQ(ten.video.size(), 7U);
}

TEST(Timeline, SourceKeyframesLookAheadRatherThanRunIntoAGap) {
  // From 0 the first is 4, after which only 10.5 remains, 6.5 s on: 5 must be taken.
  std::vector<FrameTime> frames;
  for (const std::int64_t half_seconds : {0, 8, 10, 21}) {
    frames.push_back({half_seconds * kSecond / 2, true});
  }
  const TimelineOptions options{.segment_seconds = 4, .prefer_source_keyframes = true};
  EXPECT_EQ(begins_of(make_timeline(frames, 12 * kSecond, 0, 0, options).video),
            (Begins{0, 5 * kSecond, 21 * kSecond / 2}));
}

// Keyframes at these tenths of a second, a frame every tenth.
std::vector<FrameTime> with_keys(std::int64_t tenths, const std::vector<std::int64_t>& keys) {
  std::vector<FrameTime> frames;
  for (std::int64_t i = 0; i < tenths; ++i) {
    frames.push_back({i * kSecond / 10, std::ranges::find(keys, i) != keys.end()});
  }
  return frames;
}

Begins tenths_of(const std::vector<SegmentSpan>& spans) {
  Begins begins = begins_of(spans);
  for (std::int64_t& begin : begins) begin = begin * 10 / kSecond;
  return begins;
}

TEST(Timeline, TheFirstSegmentsAreShort) {
  std::vector<std::int64_t> keys;
  for (std::int64_t at = 0; at < 240; at += 10) keys.push_back(at);
  const auto begins = [](const std::vector<FrameTime>& frames, TimelineOptions options) {
    return tenths_of(make_timeline(frames, 24 * kSecond, 0, 0, options).video);
  };
  const Begins usual{0, 20, 40, 60, 80, 120, 160, 200};
  EXPECT_EQ(begins(with_keys(240, keys), {.prefer_source_keyframes = true}), usual);
  EXPECT_EQ(begins(with_keys(240, {0}), {}), usual);
  EXPECT_EQ(begins(with_keys(240, {0}), {.segment_seconds = 6}),
            (Begins{0, 20, 40, 60, 80, 140, 200}));
  EXPECT_EQ(begins(with_keys(240, {0}), {.segment_seconds = 1}).size(), 24U);
  // The first keyframe at or after 2 s; from 69 it would be 6.1 s to the next.
  EXPECT_EQ(begins(with_keys(240, {0, 19, 25, 30, 46, 48, 69, 74, 130, 171, 220}),
                   {.prefer_source_keyframes = true}),
            (Begins{0, 25, 46, 74, 130, 171, 220}));
}

TEST(Timeline, WhatWasPromisedStaysAndGoesOnWithoutKeyframesWhereTheyStayAway) {
  const std::vector<SegmentSpan> promised{{0, 4 * kSecond}, {4 * kSecond, 9 * kSecond}};
  const TimelineOptions options{.segment_seconds = 4, .promised = promised};
  const auto begins = [&](std::int64_t tenths, const std::vector<std::int64_t>& keys) {
    const Timeline timeline =
        make_timeline(with_keys(tenths, keys), tenths * kSecond / 10, 0, 0, options);
    EXPECT_EQ(timeline.grid, GridKind::kSourceKeyframes);
    expect_contiguous(timeline.video, tenths * kSecond / 10);
    return tenths_of(timeline.video);
  };
  EXPECT_EQ(begins(200, {0, 40, 90, 130, 170}), (Begins{0, 40, 90, 130, 170}));
  EXPECT_EQ(begins(200, {0, 40, 90, 100, 130, 140, 170}), (Begins{0, 40, 90, 130, 170}));
  // 12 s without one: cut every 4 s; and where none comes again, to the end.
  EXPECT_EQ(begins(260, {0, 40, 90, 210}), (Begins{0, 40, 90, 130, 170, 210}));
  EXPECT_EQ(begins(260, {0, 40, 90}), (Begins{0, 40, 90, 130, 170, 210}));
  // What was promised ends at no keyframe: at the next one again.
  EXPECT_EQ(begins(200, {0, 40, 120, 160}), (Begins{0, 40, 90, 120, 160}));
  // A gap is not run into: 13 would be nearer to 4 s, but from there it is 6.5 s to the next.
  EXPECT_EQ(begins(240, {0, 40, 90, 130, 140, 195}), (Begins{0, 40, 90, 140, 195}));
}

TEST(Timeline, AudioFollowsVideoOnItsOwnGrid) {
  const Timeline timeline =
      make_timeline(frames_at(25, 1, 250, 50), 10 * kSecond, 10 * kSecond, 48'000, {});
  // 4 s are 187.5 frames of 1920 ticks.
  EXPECT_EQ(begins_of(timeline.audio), (Begins{0, 94 * 1920, 188 * 1920, 281 * 1920, 375 * 1920}));
  EXPECT_EQ(timeline.audio.back().end_ticks, 469 * 1920);
}

TEST(Timeline, AudioCoversTheVideo) {
  const Timeline timeline =
      make_timeline(frames_at(25, 1, 250, 50), 10 * kSecond, 3 * kSecond, 44'100, {});
  EXPECT_EQ(timeline.audio.size(), timeline.video.size());
  EXPECT_EQ(timeline.audio.size(), 5U);
  EXPECT_GE(timeline.audio.back().end_ticks, 10 * kSecond);
}

TEST(Timeline, AudioLongerThanTheVideoGoesOn) {
  const Timeline timeline =
      make_timeline(frames_at(25, 1, 125, 50), 5 * kSecond, 14 * kSecond, 48'000, {});
  ASSERT_EQ(timeline.audio.size(), 6U);
  EXPECT_EQ(timeline.audio[4].begin_ticks / kSecond, 8);
  EXPECT_GE(timeline.audio.back().end_ticks, 14 * kSecond);
  EXPECT_EQ(timeline.duration_ticks(), 5 * kSecond);
}

TEST(Timeline, AudioAlone) {
  const Timeline timeline = make_timeline({}, 0, 9 * kSecond, 44'100, {});
  EXPECT_TRUE(timeline.video.empty());
  EXPECT_EQ(timeline.audio.size(), 5U);
  EXPECT_GE(timeline.duration_ticks(), 9 * kSecond);
}

TEST(Timeline, AacFramesAndTicksAreInverse) {
  for (const std::uint32_t rate : {8'000U, 22'050U, 32'000U, 44'100U, 48'000U, 96'000U}) {
    for (std::int64_t frame = 0; frame < 2'000'000; frame += 977) {
      ASSERT_EQ(aac_frame_at(aac_frame_ticks(frame, rate), rate), frame) << rate;
    }
  }
}

TEST(Rates, PeakIsOverRunsOfHalfToOneAndAHalfTargets) {
  const std::vector<SizedSegment> segments{{1'000'000, 4 * kSecond},
                                           {3'000'000, 4 * kSecond},
                                           {500'000, 4 * kSecond},
                                           {400'000, kSecond / 2}};
  const Rates rates = measure_rates(segments);
  EXPECT_EQ(rates.peak_bps, 6'000'000U);  // The second alone; not the half second at 6.4 Mbit/s.
  EXPECT_EQ(rates.average_bps, 3'136'000U);
}

TEST(Rates, AShortClipIsItsOwnRun) {
  const std::vector<SizedSegment> segments{{100'000, kSecond}};
  const Rates rates = measure_rates(segments);
  EXPECT_EQ(rates.peak_bps, 800'000U);
  EXPECT_EQ(rates.average_bps, 800'000U);
  EXPECT_EQ(measure_rates({}).peak_bps, 0U);
}

}  // namespace
}  // namespace sf::hls

#include <streamforge/transcode/plan.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;

/// A film of frames in decode order, with sound.
SourceIndex film(const std::vector<PacketEntry>& packets, std::int64_t sound_end) {
  SourceIndex index;
  index.container = "matroska";
  VideoInfo video;
  video.stream = 0;
  video.codec = "h264";
  video.coded_width = video.display_width = 640;
  video.coded_height = video.display_height = 360;
  index.video = video;
  index.packets = packets;
  std::int64_t last = 0;
  for (const PacketEntry& packet : packets) last = std::max(last, packet.pts_ticks);
  index.video_end_ticks = last + 3'000;
  AudioInfo audio;
  audio.stream = 1;
  audio.codec = "aac";
  audio.channels = 2;
  audio.sample_rate = 48'000;
  audio.language = "en";
  audio.end_ticks = sound_end;
  index.audio_end_ticks = sound_end;
  audio.runs = {{0, static_cast<std::uint32_t>(sound_end * 48 / 90 / 1'024), 1'024}};
  index.audio.push_back(audio);
  return index;
}

/// Groups of reordered pictures at random distances; `hold` of them are shown for long.
std::vector<PacketEntry> random_packets(unsigned seed, double seconds, int hold) {
  std::mt19937 random(seed);
  std::vector<std::int64_t> shown;
  for (std::int64_t at = 0; at < static_cast<std::int64_t>(seconds * kSecond);) {
    shown.push_back(at);
    const bool long_one = static_cast<int>(random() % 100) < hold;
    at += long_one ? static_cast<std::int64_t>(random() % (7 * kSecond))
                   : 1'500 + static_cast<std::int64_t>(random() % 6'000);
  }
  std::vector<PacketEntry> packets;
  for (std::size_t i = 0; i < shown.size(); i += 4) {
    const std::size_t end = std::min(i + 4, shown.size());
    for (std::size_t k = i; k < end; ++k) {  // The last of four first, as P before its Bs.
      const std::size_t picture = k == i ? end - 1 : k - 1;
      const std::int64_t dts = i == 0 ? static_cast<std::int64_t>(k) - 3 : shown[i - 1];
      packets.push_back({shown[picture], std::min(dts, shown[picture]), -1, 1'000, k == i});
    }
  }
  return packets;
}

std::vector<PacketEntry> first_of(const std::vector<PacketEntry>& all, std::size_t count) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
}

// However a source is cut while it arrives, nothing that was listed is taken back.
TEST(PlanArriving, WhatIsListedStays) {
  const LadderOptions ladder = default_ladder();
  for (unsigned seed = 0; seed < 60; ++seed) {
    const auto all = random_packets(seed, 40 + seed % 7 * 0.3, seed % 3 == 0 ? 3 : 0);
    const std::int64_t length = film(all, 0).video_end_ticks;
    std::optional<Plan> before;
    std::size_t listed = 0;
    for (std::size_t count = 40; count < all.size(); count += 37) {
      const std::int64_t sound = all[count - 1].dts_ticks + static_cast<std::int64_t>(seed) * 999;
      auto plan = plan_arriving(film(first_of(all, count), std::max<std::int64_t>(sound, 1)),
                                ladder, before ? &*before : nullptr, false);
      if (!plan) {
        ASSERT_EQ(plan.error().code, ErrorCode::kUnavailable)
            << "seed " << seed << ": " << plan.error().message;
        continue;
      }
      EXPECT_EQ(plan->timeline.video.size(), plan->timeline.audio.size());
      EXPECT_GT(plan->timeline.video.size(), listed);
      listed = plan->timeline.video.size();
      before = outline(*plan);
    }
    ASSERT_TRUE(before) << seed;
    const auto whole = plan_arriving(film(all, length), ladder, &*before, true);
    ASSERT_TRUE(whole) << "seed " << seed << ": " << whole.error().message;
    const auto anew = make_plan(film(all, length), ladder);
    ASSERT_TRUE(anew);
    EXPECT_EQ(whole->timeline.video.size(), anew->timeline.video.size());
    EXPECT_EQ(whole->timeline.duration_ticks(), anew->timeline.duration_ticks());
  }
}

TEST(PlanArriving, SoundIsWaitedForUnlessItHasEnded) {
  const LadderOptions ladder = default_ladder();
  const auto all = random_packets(1, 60, 0);
  const auto listed = [&](std::int64_t sound_seconds) -> std::size_t {
    const auto plan = plan_arriving(film(all, sound_seconds * kSecond), ladder, nullptr, false);
    return plan ? plan->timeline.video.size() : 0;
  };
  EXPECT_EQ(listed(60), 14U);
  EXPECT_EQ(listed(55), 13U) << "its next second may still come";
  EXPECT_EQ(listed(20), 14U) << "it has ended";
}

TEST(PlanArriving, NamesAContradiction) {
  const LadderOptions ladder = default_ladder();
  const auto plan =
      plan_arriving(film(random_packets(1, 60, 0), 60 * kSecond), ladder, nullptr, false);
  ASSERT_TRUE(plan);
  const Plan before = outline(*plan);
  const auto other =
      plan_arriving(film(random_packets(2, 60, 0), 60 * kSecond), ladder, &before, true);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace sf::transcode

#include <streamforge/base/bytes.hpp>
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

/// Closed groups of P and B pictures at 25 a second; now and then one of up to 12 s.
std::vector<PacketEntry> random_groups(unsigned seed, int seconds) {
  std::mt19937 random(seed);
  std::vector<PacketEntry> packets;
  const auto frame = [](int number) { return std::int64_t{number} * 3'600; };
  for (int begin = 0; begin < seconds * 25;) {
    const bool rare = begin > 25 * 25 && random() % 6 == 0;
    const int length =
        rare ? 160 + static_cast<int>(random() % 140) : 25 + static_cast<int>(random() % 110);
    const auto decoded_at = [&] { return frame(static_cast<int>(packets.size()) - 2); };
    packets.push_back({frame(begin), decoded_at(), -1, 6'000, true});
    for (int i = begin + 1; i < begin + length; i += 3) {
      const int last = std::min(i + 2, begin + length - 1);
      packets.push_back({frame(last), decoded_at(), -1, 2'000, false});
      for (int k = i; k < last; ++k) packets.push_back({frame(k), decoded_at(), -1, 1'000, false});
    }
    begin += length;
  }
  return packets;
}

SourceIndex copyable_film(const std::vector<PacketEntry>& packets, std::int64_t sound_end) {
  SourceIndex index = film(packets, sound_end);
  index.video->pixel_format = "yuv420p";
  index.video->level = 30;
  index.video->codecs = "avc1.64001e";
  index.video_end_ticks += 600;  // 25 a second.
  index.audio[0].profile = "LC";
  index.audio[0].peak_bps = 100'000;
  return index;
}

// However a copied source is cut while it arrives: what was listed stays, its way of being made
// too; what is copied goes from one keyframe to another, and nothing lasts longer than 6 s.
TEST(PlanArriving, WhatIsCopiedStays) {
  LadderOptions ladder = default_ladder();
  unsigned copied_films = 0;
  unsigned encoded_segments = 0;
  for (unsigned seed = 0; seed < 80; ++seed) {
    const auto all = random_groups(seed, 90);
    const std::int64_t length = copyable_film(all, 0).video_end_ticks;
    std::optional<Plan> before;
    std::vector<bool> ways;
    const auto check = [&](const Plan& plan) {
      const RungPlan& rung = plan.rungs[0];
      std::vector<std::int64_t> keys;
      for (const PacketEntry& packet : all) {
        if (packet.keyframe) keys.push_back(packet.pts_ticks);
      }
      const auto is_key = [&keys](std::int64_t at) { return std::ranges::binary_search(keys, at); };
      const auto& spans = plan.timeline.video;
      for (std::uint32_t i = 0; i < spans.size(); ++i) {
        EXPECT_LE(spans[i].duration_ticks(), 6 * kSecond + kSecond / 2) << seed << ' ' << i;
        if (i < ways.size()) {
          EXPECT_EQ(ways[i], rung.copies(i)) << seed << ' ' << i;
        } else {
          ways.push_back(rung.copies(i));
        }
        const bool last = !plan.growing && i + 1 == spans.size();
        const bool could = is_key(spans[i].begin_ticks) && (last || is_key(spans[i].end_ticks));
        EXPECT_EQ(rung.copies(i), rung.copied() && could) << seed << " " << i;
      }
      if (before) {
        EXPECT_EQ(before->rungs[0].mode, rung.mode);
        EXPECT_EQ(before->rungs[0].max_kbps, rung.max_kbps);
        EXPECT_EQ(before->rungs[0].delay, rung.delay);
        EXPECT_EQ(before->audio[0].kbps, plan.audio[0].kbps);
      }
      EXPECT_EQ(plan.audio[0].mode, "copy");
      // The sound under a long last picture segment may be two.
      EXPECT_EQ(plan.timeline.audio.size() - spans.size() > (plan.growing ? 0U : 1U), false);
    };
    for (std::size_t count = 60 + seed; count < all.size(); count += 31 + seed % 50) {
      const std::int64_t sound = all[count - 1].dts_ticks + static_cast<std::int64_t>(seed) * 999;
      auto plan =
          plan_arriving(copyable_film(first_of(all, count), std::max<std::int64_t>(sound, 1)),
                        ladder, before ? &*before : nullptr, false);
      if (!plan) {
        ASSERT_EQ(plan.error().code, ErrorCode::kUnavailable) << seed << plan.error().message;
        continue;
      }
      check(*plan);
      before = outline(*plan);
    }
    ASSERT_TRUE(before) << seed;
    const auto whole = plan_arriving(copyable_film(all, length), ladder, &*before, true);
    ASSERT_TRUE(whole) << "seed " << seed << ": " << whole.error().message;
    check(*whole);
    EXPECT_EQ(whole->timeline.duration_ticks(), length);
    copied_films += whole->rungs[0].copied() ? 1 : 0;
    encoded_segments += static_cast<unsigned>(std::ranges::count(ways, false));
  }
  EXPECT_GT(copied_films, 40U);
  EXPECT_GT(encoded_segments, 40U) << "there were gaps";
}

// What speaks against copying later ends it from the first segment on that is not listed yet.
TEST(PlanArriving, CopyingEndsForGood) {
  LadderOptions ladder = default_ladder();
  const auto all = random_groups(3, 60);
  const auto part = [&](std::size_t count) {
    return copyable_film(first_of(all, count), all[count - 1].dts_ticks);
  };
  const auto first = plan_arriving(part(800), ladder, nullptr, false);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->rungs[0].copied()) << first->rungs[0].why;
  const auto listed = static_cast<std::uint32_t>(first->timeline.video.size());
  const Plan before = outline(*first);
  SourceIndex changed = part(1'300);
  changed.video->copy_obstacle = "it changes its parameters on the way";
  changed.audio[0].copy_obstacle = "it is not plain AAC-LC";
  const auto second = plan_arriving(changed, ladder, &before, false);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->rungs[0].copies(listed - 1));
  EXPECT_FALSE(second->rungs[0].copies(listed));
  EXPECT_EQ(second->rungs[0].why, concat("as uploaded for ", listed,
                                         " segments: then it changes its parameters on the way"));
  EXPECT_TRUE(second->audio[0].copies(listed - 1));
  EXPECT_FALSE(second->audio[0].copies(listed));
  // It stays so, whatever is thought later; also through the stored form.
  const auto stored = parse_plan(serialize(*second));
  ASSERT_TRUE(stored) << stored.error().message;
  const auto third = plan_arriving(part(all.size()), ladder, &*stored, true);
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_FALSE(third->rungs[0].copies(listed + 2));
  EXPECT_FALSE(third->audio[0].copies(listed + 2));
  EXPECT_EQ(third->rungs[0].why, second->rungs[0].why);
  // Where copying was switched off meanwhile, too.
  ladder.copy = false;
  const auto off = plan_arriving(part(1'300), ladder, &before, false);
  ASSERT_TRUE(off);
  EXPECT_TRUE(off->rungs[0].copies(0));
  EXPECT_FALSE(off->rungs[0].copies(listed));
}

TEST(PlanArriving, SoundIsWaitedForUnlessItHasEnded) {
  const LadderOptions ladder = default_ladder();
  const auto all = random_packets(1, 60, 0);
  const auto listed = [&](std::int64_t sound_seconds) -> std::size_t {
    const auto plan = plan_arriving(film(all, sound_seconds * kSecond), ladder, nullptr, false);
    return plan ? plan->timeline.video.size() : 0;
  };
  EXPECT_EQ(listed(60), 16U);
  EXPECT_EQ(listed(55), 15U) << "its next second may still come";
  EXPECT_EQ(listed(20), 16U) << "it has ended";
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

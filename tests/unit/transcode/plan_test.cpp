#include <streamforge/base/digest.hpp>
#include <streamforge/transcode/plan.hpp>

#include "ladder.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sf::transcode {
namespace {

using Names = std::vector<std::string>;

SourceIndex source(std::uint32_t width, std::uint32_t height, Rational rate, int frames) {
  SourceIndex index{.container = "mp4"};
  index.video = VideoInfo{.stream = 0,
                          .codec = "h264",
                          .coded_width = width,
                          .coded_height = height,
                          .display_width = width,
                          .display_height = height,
                          .frame_rate = rate};
  const auto time = [&](int i) { return i * 90'000 * rate.denominator / rate.numerator; };
  for (int i = 0; i < frames; ++i) {
    index.packets.push_back({time(i), time(i), i * 1000, 900, i % 50 == 0});
  }
  index.video_end_ticks = time(frames);
  return index;
}

Names names_of(const std::vector<RungPlan>& rungs) {
  Names names;
  for (const RungPlan& rung : rungs) {
    names.push_back(concat(rung.name, ' ', rung.width, 'x', rung.height));
  }
  return names;
}

struct BoxCase {
  Size picture;
  Names rungs;
};

TEST(Ladder, BoxesSmallerThanThePictureAndTheSmallestThatHoldsIt) {
  const std::vector<BoxCase> cases{
      {{3840, 2160}, {"1080p 1920x1080", "720p 1280x720", "480p 854x480", "360p 640x360"}},
      {{1920, 1080}, {"1080p 1920x1080", "720p 1280x720", "480p 854x480", "360p 640x360"}},
      {{1920, 800}, {"1080p 1920x800", "720p 1280x534", "480p 854x356", "360p 640x266"}},
      {{1080, 1920}, {"1080p 1080x1920", "720p 720x1280", "480p 480x854", "360p 360x640"}},
      {{1280, 720}, {"720p 1280x720", "480p 854x480", "360p 640x360"}},
      {{640, 480}, {"480p 640x480", "360p 480x360"}},
      {{640, 360}, {"360p 640x360"}},
      {{320, 240}, {"360p 320x240"}},
      {{405, 853}, {"480p 404x852", "360p 304x640"}},
      {{1440, 1440}, {"1080p 1080x1080", "720p 720x720", "480p 480x480", "360p 360x360"}},
      {{8192, 16}, {"1080p 1920x4", "720p 1280x2", "480p 854x2", "360p 640x2"}},
      {{1, 1}, {"360p 2x2"}},
  };
  for (const BoxCase& one : cases) {
    EXPECT_EQ(names_of(choose_rungs(one.picture, default_ladder().rungs)), one.rungs)
        << one.picture.width << 'x' << one.picture.height;
  }
}

TEST(Ladder, NeverUpAndNeverNothing) {
  std::mt19937 random(1);
  std::uniform_int_distribution<std::uint32_t> side(2, 5000);
  for (int i = 0; i < 20'000; ++i) {
    const Size picture{side(random), side(random)};
    const auto rungs = choose_rungs(picture, default_ladder().rungs);
    ASSERT_FALSE(rungs.empty());
    for (const RungPlan& rung : rungs) {
      ASSERT_LE(rung.width, picture.width);
      ASSERT_LE(rung.height, picture.height);
      ASSERT_EQ(rung.width % 2 + rung.height % 2, 0U);
    }
  }
}

TEST(Ladder, LevelsFollowTableA1) {
  EXPECT_EQ(h264_level({1920, 1080}, 30, 5'000), 40);
  EXPECT_EQ(h264_level({1920, 1080}, 60, 5'000), 42);
  EXPECT_EQ(h264_level({1280, 720}, 30, 2'800), 31);
  EXPECT_EQ(h264_level({1280, 720}, 60, 2'800), 32);
  EXPECT_EQ(h264_level({854, 480}, 24, 1'400), 30);
  EXPECT_EQ(h264_level({854, 480}, 30, 1'400), 31);
  EXPECT_EQ(h264_level({640, 360}, 30, 800), 30);
  EXPECT_EQ(h264_level({320, 180}, 30, 800), 13);
  EXPECT_EQ(h264_level({176, 144}, 15, 60), 10);
  EXPECT_EQ(h264_level({1920, 4}, 25, 5'000), 31);  // Too wide for less, however low.
}

TEST(Ladder, ParseNamesBoxes) {
  const auto two = parse_ladder("360, 1080p");
  ASSERT_TRUE(two);
  ASSERT_EQ(two->rungs.size(), 2U);
  EXPECT_EQ(two->rungs[0].name, "1080p");
  EXPECT_EQ(two->rungs[1].name, "360p");
  for (const char* wrong : {"", "1080,", "144", "p", "1080pp", "720;480"}) {
    const auto refused = parse_ladder(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Ladder, ParseTakesARungsSettings) {
  const auto set = parse_ladder("1080:6500:fast:20.5, 720p::medium, 480:900,360");
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->rungs.size(), 4U);
  EXPECT_EQ(set->rungs[0], (LadderRung{"1080p", 1920, 1080, 6'500, "fast", 20.5}));
  EXPECT_EQ(set->rungs[1], (LadderRung{"720p", 1280, 720, 2'800, "medium", 23}));
  EXPECT_EQ(set->rungs[2], (LadderRung{"480p", 854, 480, 900, "veryfast", 23}));
  EXPECT_EQ(set->rungs[3], default_ladder().rungs[3]);
  EXPECT_EQ(to_string(set->rungs[0]), "1080p:6500:fast:20.5");
  EXPECT_EQ(to_string(set->rungs[3]), "360p");
  const auto plan = make_plan(source(1280, 720, {25, 1}, 500), *set);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->rungs[0].preset, "medium");
  EXPECT_EQ(plan->rungs[1].max_kbps, 900U);
  EXPECT_EQ(plan->rungs[1].buffer_kbits, 1'800U);
}

TEST(Ladder, ParseSaysWhatIsWrongWithARung) {
  const auto wrong = [](std::string_view text) {
    const auto refused = parse_ladder(text);
    EXPECT_FALSE(refused) << text;
    return refused ? std::string() : refused.error().message;
  };
  EXPECT_EQ(wrong("1080:fast"),
            "\"1080:fast\": the bit rate \"fast\" is no number of kbit/s from 100 to 100000");
  EXPECT_NE(wrong("720,360:0").find("from 100 to 100000"), std::string::npos);
  EXPECT_NE(wrong("360:800k").find("\"800k\""), std::string::npos);
  EXPECT_NE(wrong("360:-800").find("\"-800\""), std::string::npos);
  EXPECT_NE(wrong("360::quick").find("choose from ultrafast"), std::string::npos);
  EXPECT_NE(wrong("360:800:placebo").find("no preset"), std::string::npos);
  EXPECT_NE(wrong("360:::0").find("from 1 (best) to 51"), std::string::npos);
  EXPECT_NE(wrong("360:::nan").find("from 1 (best) to 51"), std::string::npos);
  EXPECT_NE(wrong("360:800:fast:23:9").find("HEIGHT[:KBPS[:PRESET[:CRF]]]"), std::string::npos);
}

// What can be copied, and what one thing keeps it from being so.
SourceIndex copyable() {
  SourceIndex index = source(1280, 720, {25, 1}, 500);
  VideoInfo& video = *index.video;
  video.pixel_format = "yuv420p";
  video.codecs = "avc1.64001f";
  video.level = 31;
  index.video_end_ticks = 20 * 90'000;
  for (PacketEntry& packet : index.packets) packet.bytes = 9'000;  // 1.8 Mbit/s.
  return index;
}

TEST(Plan, ASourceThatCanBeARungIsCopied) {
  const auto plan = make_plan(copyable(), default_ladder());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->rungs[0].mode, "copy") << plan->rungs[0].why;
  EXPECT_EQ(plan->rungs[1].mode, "encode");
  EXPECT_NEAR(plan->rungs[0].max_kbps, 1'800, 20);
  EXPECT_EQ(plan->rungs[0].level, 31);
  EXPECT_EQ(plan->timeline.grid, hls::GridKind::kSourceKeyframes);
  for (const hls::SegmentSpan& span : plan->timeline.video) {
    EXPECT_EQ(span.begin_ticks % 180'000, 0);  // Keyframes come every 2 s.
  }
  LadderOptions never = default_ladder();
  never.copy = false;
  EXPECT_EQ(make_plan(copyable(), never)->rungs[0].mode, "encode");
}

TEST(Plan, OneThingIsEnoughNotToCopy) {
  using Change = void (*)(SourceIndex&);
  const std::vector<std::pair<Change, const char*>> cases{
      {[](SourceIndex& i) { i.video->codec = "hevc"; }, "it is hevc"},
      {[](SourceIndex& i) { i.video->copy_obstacle = "because"; }, "because"},
      {[](SourceIndex& i) { i.video->pixel_format = "yuvj420p"; }, "its pixels are yuvj420p"},
      {[](SourceIndex& i) { i.video->transfer = "arib-std-b67"; }, "it is HDR"},
      {[](SourceIndex& i) { i.video->level = 60; }, "its level is 6.0"},
      {[](SourceIndex& i) { i.video->interlaced = true; }, "it is interlaced"},
      {[](SourceIndex& i) { i.video->sample_aspect = {4, 3}; }, "its pixels are not square"},
      {[](SourceIndex& i) { i.video->rotation = 180; }, "it is to be turned by 180"},
      {[](SourceIndex& i) { i.video->coded_width = 1282; }, "it is larger: 1282x720"},
      {[](SourceIndex& i) { i.video->closed_gop = false; }, "pictures before a keyframe"},
      {[](SourceIndex& i) { i.packets[0].keyframe = false; }, "it does not begin with"},
      {[](SourceIndex& i) { i.packets[0].pts_ticks = -3600; }, "it does not begin with"},
      {[](SourceIndex& i) { i.packets[7].pts_ticks = i.packets[6].pts_ticks; }, "two at one time"},
      {[](SourceIndex& i) {
         for (int n = 50; n <= 150; n += 50) i.packets[n].keyframe = false;
       },
       "its keyframes do not allow"},  // 8 s without one.
      {[](SourceIndex& i) {
         for (PacketEntry& packet : i.packets) packet.bytes *= 2;
       },
       "it takes 3601 kbit/s on average"},
      {[](SourceIndex& i) {
         for (int n = 0; n < 100; ++n) i.packets[n].bytes = 29'500;
       },
       "it takes up to"},
  };
  for (const auto& [change, why] : cases) {
    SourceIndex index = copyable();
    change(index);
    const auto plan = make_plan(std::move(index), default_ladder());
    ASSERT_TRUE(plan) << why;
    EXPECT_EQ(plan->rungs[0].mode, "encode") << why;
    EXPECT_NE(plan->rungs[0].why.find(why), std::string::npos) << why << ": " << plan->rungs[0].why;
    EXPECT_EQ(plan->timeline.grid, hls::GridKind::kFixed) << why;
  }
}

TEST(Plan, ConstantRatesAreFoundBehindRounding) {
  for (const Rational rate : {Rational{24'000, 1001}, Rational{25, 1}, Rational{30'000, 1001},
                              Rational{50, 1}, Rational{60'000, 1001}, Rational{17, 1}}) {
    SourceIndex index = source(1280, 720, rate, 500);
    for (PacketEntry& packet : index.packets) {
      packet.pts_ticks = packet.pts_ticks / 90 * 90;  // Milliseconds, as in Matroska.
    }
    index.video->frame_rate = {0, 1};
    const auto plan = make_plan(index, default_ladder());
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->constant_frame_rate);
    EXPECT_EQ(plan->frame_rate.numerator * rate.denominator,
              rate.numerator * plan->frame_rate.denominator);
  }
}

TEST(Plan, AVaryingRateIsAveraged) {
  SourceIndex index = source(640, 360, {25, 1}, 100);
  index.packets.erase(index.packets.begin() + 40, index.packets.begin() + 60);
  const auto plan = make_plan(index, default_ladder());
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->constant_frame_rate);
  EXPECT_EQ(plan->frame_rate.numerator, 19'949);
  EXPECT_EQ(plan->frame_rate.denominator, 1000);
}

TEST(Plan, AFasterSourceIsThinnedToSixty) {
  for (const int fps : {90, 120, 240}) {
    const auto plan = make_plan(source(640, 360, {fps, 1}, fps * 4), default_ladder());
    ASSERT_TRUE(plan);
    EXPECT_EQ(shown_frames(*plan).size(), 240U) << fps;
    EXPECT_LE(plan->frame_rate.numerator, 60 * plan->frame_rate.denominator);
  }
  const auto kept = make_plan(source(640, 360, {60, 1}, 240), default_ladder());
  EXPECT_EQ(shown_frames(*kept).size(), 240U);
}

TEST(Plan, HeldPicturesAreShownFrames) {
  SourceIndex index = source(640, 360, {1, 10}, 3);
  const auto plan = make_plan(index, default_ladder());
  ASSERT_TRUE(plan);
  constexpr std::int64_t second = 90'000;
  EXPECT_EQ(
      shown_frames(*plan),
      (std::vector<std::int64_t>{0, 2 * second, 4 * second, 6 * second, 8 * second, 10 * second,
                                 12 * second, 16 * second, 20 * second, 24 * second, 28 * second}));
}

TEST(Plan, FieldsInPacketsOfTheirOwnAreOneFrame) {
  SourceIndex index = source(1920, 1080, {50, 1}, 100);
  index.video->field_packets = true;
  const auto plan = make_plan(index, default_ladder());
  EXPECT_EQ(shown_frames(*plan).size(), 50U);
  EXPECT_EQ(plan->frame_rate.numerator, 25);
}

TEST(Plan, AudioRates) {
  SourceIndex index;
  index.audio = {{.stream = 0, .sample_rate = 44'100, .end_ticks = 900'000}};
  index.audio_end_ticks = 900'000;
  auto plan = make_plan(index, default_ladder());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->audio[0].sample_rate, 44'100U);
  EXPECT_TRUE(plan->rungs.empty());
  EXPECT_EQ(plan->timeline.audio.size(), 5U);
  index.audio.push_back({.stream = 1, .sample_rate = 48'000, .end_ticks = 900'000});
  plan = make_plan(index, default_ladder());
  EXPECT_EQ(plan->audio[0].sample_rate, 48'000U);
  EXPECT_EQ(plan->audio[1].name, "1");
}

TEST(Plan, RefusesWhatCannotBeShown) {
  const auto nothing = make_plan({}, default_ladder());
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kUnsupported);
  const auto huge = make_plan(source(16'384, 16'384, {25, 1}, 10), default_ladder());
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, ErrorCode::kTooLarge);
}

Plan rich_plan() {
  SourceIndex index = source(1920, 1080, {30'000, 1001}, 1000);
  index.audio = {{.stream = 1,
                  .codec = "aac",
                  .profile = "LC",
                  .channels = 6,
                  .sample_rate = 48'000,
                  .language = "de",
                  .title = "Kommentar",
                  .begin_ticks = -1920,
                  .end_ticks = 3'000'000,
                  .runs = {{-1024, 900, 1024}, {950'000, 700, 1024}}}};
  index.audio_end_ticks = 3'000'000;
  index.warnings = {"the file ends early"};
  index.leaps = {{1000, -90'000}, {5000, 7}};
  index.packets[7].position = -1;
  index.packets[8].pts_ticks = -5;
  auto plan = make_plan(index, default_ladder());
  EXPECT_TRUE(plan);
  return plan ? *plan : Plan{};
}

TEST(PlanBytes, ReadBackTheSame) {
  const Plan plan = rich_plan();
  const std::string bytes = serialize(plan);
  const auto read = parse_plan(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(serialize(*read), bytes);
  EXPECT_EQ(read->index.packets[8].pts_ticks, -5);
  EXPECT_EQ(read->index.packets[7].position, -1);
  EXPECT_EQ(read->index.packets[999].bytes, 900U);
  EXPECT_EQ(read->index.audio[0].runs[1].begin_sample, 950'000);
  EXPECT_EQ(read->index.leaps[1].position, 5000);
  EXPECT_EQ(read->index.leaps[0].shift_ticks, -90'000);
  EXPECT_EQ(read->rungs[3].crf, 23);
  EXPECT_EQ(read->timeline.video.size(), plan.timeline.video.size());
  EXPECT_LT(bytes.size(), plan.index.packets.size() * 9);

  const std::string index = serialize(plan.index);
  ASSERT_TRUE(parse_index(index));
  EXPECT_EQ(serialize(*parse_index(index)), index);
  EXPECT_FALSE(parse_plan(index));
}

TEST(PlanBytes, EveryTruncationAndEveryBitFlipIsRefused) {
  const std::string bytes = serialize(rich_plan());
  for (std::size_t size = 0; size < bytes.size(); size += 13) {
    EXPECT_FALSE(parse_plan(std::string_view(bytes).substr(0, size)));
  }
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = bytes;
    damaged[random() % damaged.size()] ^= static_cast<char>(1U << (random() % 8));
    EXPECT_FALSE(parse_plan(damaged));
  }
}

std::string with_checksum(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  Digest digest(DigestAlgorithm::kCrc32);
  digest.update(as_bytes(bytes));
  const auto sum = digest.finish();
  return bytes + std::string(as_text(sum));
}

TEST(PlanBytes, HostileBytesWithARightChecksumDoNoHarm) {
  const std::string bytes = serialize(rich_plan());
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = bytes;
    for (int n = 0; n < 4; ++n) {
      damaged[5 + random() % 400] = static_cast<char>(random());
    }
    if (const auto plan = parse_plan(with_checksum(damaged)); plan) {
      for (const RungPlan& rung : plan->rungs) {
        EXPECT_GE(rung.width, 2U);
      }
    }
  }
}

}  // namespace
}  // namespace sf::transcode

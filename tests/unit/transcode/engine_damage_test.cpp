// What is not media, and media that is damaged.
#include "engine_case.hpp"

#include "engine_libav.hpp"

#include <random>

namespace sf::transcode {
namespace {

using test::ClipOptions;

TEST(Damage, WhatIsNotMediaIsRefusedInWords) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"text", "This file is not a video: it is text"},
      {"extm3u", "This file is not a video: it is a playlist; upload the video itself"},
      {"ffconcat",
       "This file is not a video: it is a list of other files; upload the video itself"},
      {"svg", "This file is not a video: it is a picture (SVG)"},
      {"zip", "This file is not a video: it is a ZIP archive; upload what is inside"},
      {"empty", "This file is empty"}};
  for (const auto& [kind, words] : cases) {
    EngineCase source(ClipOptions{.kind = kind});
    ASSERT_FALSE(source.ok()) << kind;
    EXPECT_EQ(source.error().code, ErrorCode::kUnsupported) << kind;
    EXPECT_EQ(source.error().message, words);
  }
}

TEST(Damage, AFileCutShortPlaysAsFarAsItGoes) {
  EngineCase source(ClipOptions{.kind = "truncated"});
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(source.plan().index.warnings.size(), 1U);
  EXPECT_EQ(source.plan().index.warnings[0], "the file ends early: 3.0 s of 6.0 s could be read");
  source.make_all();
  const std::string joined = source.joined_video(source.plan().rungs[0].name);
  EXPECT_EQ(test::decode_errors(joined), "");
  EXPECT_GT(test::count_frames(joined), 80U);
}

TEST(Damage, AnMp4WithoutItsTableIsRefusedInWords) {
  const std::string whole =
      test::read_file(test::clip(ClipOptions{.kind = "mp4-moov-end", .seconds = 2}));
  const test::TempDir folder;
  test::write_file(folder.path() / "half", whole.substr(0, whole.size() / 2));
  EngineCase source(folder.file("half"));
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(source.error().message.contains("cut short")) << source.error().message;
}

TEST(Damage, FlippedBytesAreDecodedAndCounted) {
  EngineCase source(ClipOptions{.kind = "flipped", .seconds = 9});
  ASSERT_TRUE(source.ok()) << source.error().message;
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  const std::string smallest = source.plan().rungs.back().name;
  std::uint32_t damaged = 0;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    damaged += source.video[rung][i].damaged_frames;
    EXPECT_LE(source.video[rung][i].damaged_frames, source.video[rung][i].duration_ticks / 3'000)
        << "more than the segment has pictures";
    EXPECT_EQ(source.video[smallest][i].damaged_frames, source.video[rung][i].damaged_frames);
    EXPECT_EQ(test::decode_errors(source.video_file(rung, i)), "");
    EXPECT_EQ(source.video[rung][i].begin_ticks, source.plan().timeline.video[i].begin_ticks);
  }
  EXPECT_GT(damaged, 0U);
  Engine hurried;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    const std::string before = test::read_file(source.video_file(rung, i));
    const auto made = source.make_video(i, hurried, {.awaited = true});
    EXPECT_EQ(test::read_file(source.video_file(rung, i)) == before, true) << i;
    EXPECT_EQ(made.front().damaged_frames, source.video[rung][i].damaged_frames);
  }
  EXPECT_EQ(ts_faults(test::read_file(source.joined_video(rung))), "");
}

// Each segment decodes half a second of what is before it: that is the one before's to tell.
TEST(Damage, APacketOfSoundIsMissedOnce) {
  const std::string whole = test::clip(ClipOptions{.kind = "mp4", .seconds = 9});
  std::string bytes = test::read_file(whole);
  AVFormatContext* format = nullptr;
  ASSERT_EQ(avformat_open_input(&format, whole.c_str(), nullptr, nullptr), 0);
  const PacketPtr packet = new_packet();
  double at = 0;
  while (at < 1.8 && av_read_frame(format, packet.get()) >= 0) {
    const AVStream& stream = *format->streams[packet->stream_index];
    const bool sound = stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    at = sound ? static_cast<double>(packet->pts) * av_q2d(stream.time_base) : at;
    if (at < 1.8) av_packet_unref(packet.get());
  }
  ASSERT_LT(at, 1.95);
  bytes.replace(static_cast<std::size_t>(packet->pos), static_cast<std::size_t>(packet->size),
                std::string(static_cast<std::size_t>(packet->size), '\xff'));
  avformat_close_input(&format);
  const test::TempDir folder;
  test::write_file(folder.path() / "hurt", bytes);
  EngineCase source(folder.file("hurt"));
  ASSERT_TRUE(source.ok()) << source.error().message;
  for (std::uint32_t i = 0; i < source.audio_segments(); ++i) {
    Engine fresh;
    EXPECT_EQ(source.make_audio(0, i, fresh).damaged_frames, i == 0 ? 1U : 0U) << i;
  }
}

// A flipped bit in a stamp is worth hours: the timeline must not follow it.
TEST(Damage, FlippedStampsDoNotStretchTheTimeline) {
  constexpr std::int64_t kSeconds = 9;
  const test::TempDir folder;
  std::mt19937 random(7);
  for (const std::string kind : {"ts", "flv", "mkv", "mpg", "mp4-fragmented"}) {
    const std::string whole =
        test::read_file(test::clip(ClipOptions{.kind = kind, .seconds = kSeconds}));
    for (int round = 0; round < 12; ++round) {
      std::string flipped = whole;
      for (std::size_t i = 0; i < whole.size() / 2'000; ++i) {
        flipped[4'096 + random() % (whole.size() - 4'096)] ^= static_cast<char>(1U << random() % 8);
      }
      test::write_file(folder.path() / "flipped", flipped);
      const EngineCase source(folder.file("flipped"));
      if (!source.ok()) {
        EXPECT_FALSE(source.error().message.empty());
        continue;
      }
      const SourceIndex& index = source.plan().index;
      EXPECT_LT(index.video_end_ticks, 2 * kSeconds * hls::kTicksPerSecond) << kind << ' ' << round;
      EXPECT_LT(index.audio_end_ticks, 2 * kSeconds * hls::kTicksPerSecond) << kind << ' ' << round;
    }
  }
}

// Every place a file may be cut at, and bytes of another kind in the middle: an answer, no crash.
TEST(Damage, CutAnywhereGivesAnAnswer) {
  const test::TempDir folder;
  for (const std::string kind :
       {"mp4", "mkv", "avi", "ts", "flv", "ogv", "mpg", "mp4-fragmented"}) {
    const std::string whole = test::read_file(test::clip(ClipOptions{.kind = kind, .seconds = 2}));
    for (const std::size_t part : {1, 7, 50, 93}) {
      std::string cut = whole.substr(0, whole.size() * part / 100);
      test::write_file(folder.path() / "cut", cut);
      EngineCase source(folder.file("cut"));
      if (source.ok()) {
        source.make_all();
      } else {
        EXPECT_FALSE(source.error().message.empty());
      }
    }
    std::string holed = whole;
    std::fill(holed.begin() + static_cast<std::ptrdiff_t>(holed.size() / 3),
              holed.begin() + static_cast<std::ptrdiff_t>(holed.size() / 2), '\x5a');
    test::write_file(folder.path() / "holed", holed);
    EngineCase source(folder.file("holed"));
    if (source.ok()) {
      source.make_all();
    }
  }
}

TEST(Damage, CoverArtIsNoVideo) {
  EngineCase source(ClipOptions{.kind = "m4a-cover"});
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_FALSE(source.plan().index.video);
  EXPECT_TRUE(source.plan().rungs.empty());
  source.make_all();
  EXPECT_EQ(source.audio[0].size(), 3U);
}

}  // namespace
}  // namespace sf::transcode

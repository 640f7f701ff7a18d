#include "engine_case.hpp"

#include <streamforge/hls/playlist.hpp>

#include "ts_writer.hpp"

#include <algorithm>
#include <cmath>

namespace sf::transcode {
namespace {

using test::ClipOptions;
using test::ProbedPacket;

std::string name_of_kind(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

class EveryContainer : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Engine, EveryContainer,
                         testing::Values("mp4", "mp4-fragmented", "mp4-moov-end", "mov", "mkv",
                                         "webm", "webm-vp8", "avi", "avi-h264", "avi-h264-lengths",
                                         "ts", "m2ts", "flv", "ogv", "mpg", "wmv"),
                         name_of_kind);

// P20, P21, P23, P24 on every segment of a source whose GOPs do not fit the grid.
TEST_P(EveryContainer, BecomesSegmentsThatPlayAloneAndTogether) {
  // 20 a second: two frames of reordering are less than what sound may come before the picture.
  EngineCase source(ClipOptions{.kind = GetParam(), .fps = "20", .gop = 33});
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_TRUE(source.plan().index.warnings.empty());
  source.make_all();
  ASSERT_EQ(source.plan().rungs.size(), 1U);
  const std::string rung = source.plan().rungs[0].name;

  std::vector<ProbedPacket> all;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    const std::string file = source.video_file(rung, i);
    const hls::SegmentSpan span = source.plan().timeline.video[i];
    const auto packets = test::probe_packets(file, 'v');
    ASSERT_FALSE(packets.empty());
    EXPECT_TRUE(packets[0].key);
    EXPECT_EQ(packets[0].pts, span.begin_ticks + kTsOriginTicks);
    EXPECT_EQ(test::decode_errors(file), "") << i;
    EXPECT_EQ(ts_faults(test::read_file(file)), "");
    EXPECT_EQ(source.video[rung][i].damaged_frames, 0U);
    EXPECT_EQ(source.video[rung][i].frames, packets.size());
    EXPECT_EQ(source.video[rung][i].bytes, test::read_file(file).size());
    for (const ProbedPacket& packet : packets) {
      EXPECT_GE(packet.pts, span.begin_ticks + kTsOriginTicks);
      EXPECT_LT(packet.pts, span.end_ticks + kTsOriginTicks);
      EXPECT_LE(packet.dts, packet.pts);
      all.push_back(packet);
    }
  }
  EXPECT_EQ(all.front().dts, kTsOriginTicks) << "players would begin with a hole";
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_GT(all[i].dts, all[i - 1].dts) << i;
  }
  EXPECT_EQ(all.size(), test::count_frames(source.path()));
  const std::string joined = source.joined_video(rung);
  EXPECT_EQ(ts_faults(test::read_file(joined)), "");
  EXPECT_EQ(test::decode_errors(joined), "");
  EXPECT_GT(test::ssim(joined, source.path()), 0.9);
}

TEST_P(EveryContainer, ASegmentIsTheSameBytesWhicheverWayReached) {
  EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 9, .fps = "15", .gop = 25});
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(source.video_segments(), 5U);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  for (const std::uint32_t segment : {2U, 1U, 0U}) {
    const std::string before = test::read_file(source.video_file(rung, segment));
    Engine fresh;
    source.make_video(segment, fresh);
    EXPECT_EQ(test::read_file(source.video_file(rung, segment)) == before, true) << segment;
  }
  Engine hurried;
  for (const std::uint32_t segment : {1U, 2U, 0U, 1U}) {
    const std::string before = test::read_file(source.video_file(rung, segment));
    source.make_video(segment, hurried, {.awaited = segment != 0});
    EXPECT_EQ(test::read_file(source.video_file(rung, segment)) == before, true) << segment;
  }
  Engine sound;
  for (const std::uint32_t segment : {2U, 0U, 1U}) {
    const std::string before = test::read_file(source.audio_file(0, segment));
    EXPECT_EQ(source.make_audio(0, segment, sound).damaged_frames, 0U) << segment;
    EXPECT_EQ(test::read_file(source.audio_file(0, segment)) == before, true) << segment;
  }
}

// What nobody refers to is not decoded on the way there, and who stands nearer goes on from there.
TEST(Engine, FarFromAKeyframeTheBytesAreTheSame) {
  for (const std::string kind : {"mp4", "mkv", "ts", "avi-h264", "webm", "mov"}) {
    EngineCase source(ClipOptions{.kind = kind, .seconds = 16, .fps = "15", .gop = 1000});
    ASSERT_TRUE(source.ok()) << kind;
    ASSERT_EQ(source.video_segments(), 6U);
    ASSERT_EQ(std::ranges::count(source.plan().index.packets, true, &PacketEntry::keyframe), 1);
    source.make_all();
    const std::string rung = source.plan().rungs[0].name;
    const auto expect_same = [&](std::uint32_t segment, Engine& engine, bool awaited) {
      const std::string before = test::read_file(source.video_file(rung, segment));
      source.make_video(segment, engine, {.awaited = awaited});
      EXPECT_EQ(test::read_file(source.video_file(rung, segment)) == before, true)
          << kind << ' ' << segment;
      EXPECT_EQ(source.video[rung][segment].damaged_frames, 0U);
    };
    for (const std::uint32_t segment : {5U, 4U, 1U}) {
      Engine fresh;
      expect_same(segment, fresh, segment == 4);
    }
    Engine forward;
    for (const std::uint32_t segment : {0U, 4U, 5U, 1U, 5U}) {
      expect_same(segment, forward, segment == 4);
    }
  }
}

TEST(Engine, RungsShareTheirTimes) {
  EngineCase source(ClipOptions{.kind = "mp4", .size = "1280x720"});
  ASSERT_TRUE(source.ok());
  source.make_all();
  ASSERT_EQ(source.plan().rungs.size(), 3U);
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> first_keys;
  for (const RungPlan& rung : source.plan().rungs) {
    std::vector<std::int64_t> times;
    std::vector<std::int64_t> keys;
    for (const ProbedPacket& packet : test::probe_packets(source.joined_video(rung.name), 'v')) {
      times.push_back(packet.pts);
      if (packet.key) keys.push_back(packet.pts - kTsOriginTicks);
    }
    std::ranges::sort(times);
    if (first.empty()) {
      first = times;
      first_keys = keys;
    }
    EXPECT_EQ(times, first) << rung.name;
    EXPECT_EQ(keys, first_keys) << rung.name;
    const std::string file = source.video_file(rung.name, 0);
    EXPECT_EQ(test::probe(file, 'v', "width"), std::to_string(rung.width));
    EXPECT_EQ(test::probe(file, 'v', "height"), std::to_string(rung.height));
    EXPECT_EQ(test::probe(file, 'v', "profile"), "High");
    EXPECT_EQ(test::probe(file, 'v', "level"), std::to_string(rung.level));
    EXPECT_EQ(test::probe(file, 'v', "r_frame_rate"), "30/1");
    EXPECT_EQ(test::probe(file, 'v', "color_space"), "bt709");
    EXPECT_EQ(source.video[rung.name][0].codecs,
              hls::avc1_codec(0x64, 0, static_cast<std::uint8_t>(rung.level)));
    EXPECT_GT(test::ssim(source.joined_video(rung.name), source.path(),
                         concat("scale=", rung.width, ':', rung.height, ":flags=bicubic")),
              0.93)
        << rung.name;
  }
  EXPECT_EQ(first_keys, (std::vector<std::int64_t>{0, 180'000, 360'000}));
}

// Which pictures are B is decided once for all, and not from what the others are.
TEST(Engine, RungsShareTheTypesOfTheirPictures) {
  EngineCase source(ClipOptions{.kind = "mp4", .size = "1280x720"});
  ASSERT_TRUE(source.ok());
  source.make_all();
  std::vector<std::int64_t> first;
  for (const RungPlan& rung : source.plan().rungs) {
    std::vector<std::int64_t> decoded;
    for (const ProbedPacket& packet : test::probe_packets(source.joined_video(rung.name), 'v')) {
      decoded.push_back(packet.pts);
    }
    EXPECT_FALSE(std::ranges::is_sorted(decoded)) << "no B-pictures";
    if (first.empty()) first = decoded;
    EXPECT_EQ(decoded, first) << rung.name;
  }
  for (const RungPlan& rung : source.plan().rungs) {
    const test::TempDir folder;
    const UniqueFd out(::open(folder.file("o.ts").c_str(), O_RDWR | O_CREAT, 0600));
    const std::vector<std::string> alone{rung.name};
    const std::vector<int> outputs{out.get()};
    Engine engine;
    ASSERT_TRUE(engine.encode_video("k", source.source(), source.plan(), 1, alone, outputs, {}));
    EXPECT_EQ(
        test::read_file(folder.file("o.ts")) == test::read_file(source.video_file(rung.name, 1)),
        true)
        << rung.name;
  }
}

// The bytes that an I-frame list names, behind the tables, decode to one picture.
TEST(Engine, IFramesStandAlone) {
  EngineCase source(ClipOptions{.kind = "mp4", .seconds = 12});
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  const std::string bytes = test::read_file(source.video_file(rung, 4));  // Of 4 s.
  const auto& i_frames = source.video[rung][4].i_frames;
  ASSERT_EQ(i_frames.size(), 2U);
  test::TempDir folder;
  for (const IFrame& i_frame : i_frames) {
    const std::string path = folder.file("i.ts");
    test::write_file(path, bytes.substr(0, 376) + bytes.substr(i_frame.offset, i_frame.bytes));
    EXPECT_EQ(test::count_frames(path), 1U);
    EXPECT_EQ(test::probe_packets(path, 'v')[0].pts, i_frame.pts_ticks + kTsOriginTicks);
  }
  EXPECT_EQ(i_frames[1].pts_ticks, 900'000);
}

// Every task of a rung writes the same SPS and PPS, so that players need not start anew.
TEST(Engine, ParameterSetsAreConstant) {
  EngineCase source(ClipOptions{.kind = "vfr", .seconds = 9});
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  std::string first;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    const std::string bytes = test::read_file(source.video_file(rung, i));
    const std::size_t at = bytes.find(std::string("\0\0\0\1\x67", 5));
    ASSERT_NE(at, std::string::npos);
    const std::string sets = bytes.substr(at, 40);
    if (first.empty()) first = sets;
    EXPECT_EQ(sets, first);
    EXPECT_EQ(bytes.find("x264 - core"), std::string::npos);
  }
}

TEST(Engine, AnyRungAloneAndOtherDescriptors) {
  EngineCase source(ClipOptions{.kind = "mp4", .size = "640x480"});
  ASSERT_EQ(source.plan().rungs.size(), 2U);
  test::TempDir folder;
  const UniqueFd again(::open(source.path().c_str(), O_RDONLY | O_CLOEXEC));
  const SourceFile other{again.get(), source.source().bytes};
  Engine engine;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    const UniqueFd out(::open(folder.file("o.ts").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    const std::vector<std::string> rungs{"360p"};
    const std::vector<int> outputs{out.get()};
    const auto made = engine.encode_video("k", i == 0 ? source.source() : other, source.plan(), i,
                                          rungs, outputs, {});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(test::probe(folder.file("o.ts"), 'v', "width"), "480");
  }
  engine.forget();
}

// Which x264 coded 4:4:4, which decides how it is decoded, only the first picture says. This one
// lies, so that who believes it cannot decode it.
TEST(Engine, WhoseFourFourFourItIsIsKnownFarFromTheBegin) {
  EngineCase source(ClipOptions{.kind = "yuv444-old", .seconds = 9, .fps = "15", .gop = 25});
  ASSERT_TRUE(source.ok()) << source.error().message;
  for (std::uint32_t segment = source.video_segments(); segment-- > 0;) {
    Engine fresh;
    EXPECT_GT(source.make_video(segment, fresh)[0].damaged_frames, 0U) << segment;
  }
}

// Small pictures, several in one PES packet that tells the time of its first only.
TEST(Engine, PicturesThatShareAPacketAreAllShown) {
  EngineCase source(ClipOptions{.kind = "mpg", .fps = "15"});
  ASSERT_TRUE(source.ok());
  EXPECT_TRUE(source.plan().index.video->times_by_order);
  EXPECT_TRUE(source.plan().constant_frame_rate);
  source.make_all();
  const std::string joined = source.joined_video(source.plan().rungs[0].name);
  EXPECT_EQ(test::count_frames(joined), test::count_frames(source.path()));
  EXPECT_GT(test::ssim(joined, source.path()), 0.9);
}

// Two recordings in one file: the second begins its clock anew, and has another size.
TEST(Engine, JoinedRecordingsPlayOneAfterTheOther) {
  const test::TempDir folder;
  test::write_file(
      folder.path() / "joined",
      test::read_file(test::clip({.kind = "ts", .seconds = 5, .gop = 50})) +
          test::read_file(test::clip({.kind = "ts", .seconds = 5, .size = "640x360"})));
  EngineCase source(folder.file("joined"));
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(source.plan().index.leaps.size(), 1U);
  EXPECT_TRUE(source.plan().constant_frame_rate);
  ASSERT_EQ(source.video_segments(), 5U);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  EXPECT_EQ(test::count_frames(source.joined_video(rung)), 300U);
  EXPECT_EQ(test::decode_errors(source.joined_video(rung)), "");
  for (const std::uint32_t segment : {2U, 1U}) {
    const std::string before = test::read_file(source.video_file(rung, segment));
    Engine fresh;
    source.make_video(segment, fresh);
    EXPECT_EQ(test::read_file(source.video_file(rung, segment)) == before, true) << segment;
  }
  const auto sound = test::decode_sound(source.joined_audio(0));
  EXPECT_NEAR(static_cast<double>(sound.size()) / 48'000, 10, 0.1);
}

TEST(Engine, CancelsWhenTold) {
  EngineCase source(ClipOptions{.kind = "mp4"});
  test::TempDir folder;
  const UniqueFd out(::open(folder.file("o.ts").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
  const std::vector<std::string> rungs{source.plan().rungs[0].name};
  const std::vector<int> outputs{out.get()};
  for (const bool awaited : {false, true}) {
    int calls = 0;
    const auto until_ten = [&calls](double done) {
      EXPECT_GE(done, 0);
      EXPECT_LE(done, 1);
      return ++calls < 10;
    };
    const auto made = source.engine().encode_video("k", source.source(), source.plan(), 0, rungs,
                                                   outputs, until_ten, {.awaited = awaited});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(test::read_file(folder.file("o.ts")), "");
  }
  const auto index = source.engine().index(source.source(), [](double) { return false; });
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::kCancelled);
}

TEST(Engine, RefusesTasksThatThePlanDoesNotHave) {
  EngineCase source(ClipOptions{.kind = "mp4"});
  const std::vector<std::string> unknown{"144p"};
  const std::vector<std::string> none;
  const std::vector<int> output{-1};
  Engine engine;
  EXPECT_FALSE(engine.encode_video("k", source.source(), source.plan(), 0, unknown, output, {}));
  EXPECT_FALSE(engine.encode_video("k", source.source(), source.plan(), 0, none, {}, {}));
  EXPECT_FALSE(engine.encode_video("k", source.source(), source.plan(), 99, unknown, output, {}));
  EXPECT_FALSE(engine.encode_audio("k", source.source(), source.plan(), 7, 0, -1, {}));
}

TEST(Engine, AFullDiskIsSaid) {
  EngineCase source(ClipOptions{.kind = "mp4"});
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto made =
      source.engine().encode_audio("k", source.source(), source.plan(), 0, 0, full.get(), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kNoSpace);
}

}  // namespace
}  // namespace sf::transcode

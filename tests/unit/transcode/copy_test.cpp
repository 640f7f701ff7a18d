#include "adts.hpp"
#include "audio_copy.hpp"
#include "engine_case.hpp"
#include "ts_writer.hpp"

#include <algorithm>
#include <cmath>

namespace sf::transcode {
namespace {

using test::ClipOptions;
using test::ProbedPacket;
using Copy = EngineCase::Copy;

constexpr const char* kLadder = "1080,720,480,360";

// Two rungs, the larger one copied; groups of 2.5 s.
EngineCase copied_case(const std::string& kind) {
  return EngineCase(
      ClipOptions{.kind = kind, .seconds = 9, .size = "640x480", .fps = "20", .gop = 50}, kLadder,
      Copy::kYes);
}

std::string name_of_kind(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

class CopiedFrom : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Engine, CopiedFrom,
                         testing::Values("mp4", "mp4-fragmented", "mp4-moov-end", "mov", "mkv",
                                         "avi-h264", "avi-h264-lengths", "ts", "m2ts", "flv"),
                         name_of_kind);

// P20, P21, P23, P24 beside a copied rung: its keyframes begin the segments of all.
TEST_P(CopiedFrom, SegmentsAreTheSourcesOwnPictures) {
  EngineCase source = copied_case(GetParam());
  ASSERT_TRUE(source.ok()) << source.error().message;
  const Plan& plan = source.plan();
  ASSERT_EQ(plan.rungs.size(), 2U);
  ASSERT_EQ(plan.rungs[0].mode, "copy") << plan.rungs[0].why;
  EXPECT_EQ(plan.rungs[1].mode, "encode");
  EXPECT_EQ(plan.timeline.grid, hls::GridKind::kSourceKeyframes);
  source.make_all();
  for (const RungPlan& rung : plan.rungs) {
    std::vector<ProbedPacket> all;
    for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
      const std::string file = source.video_file(rung.name, i);
      const hls::SegmentSpan span = plan.timeline.video[i];
      EXPECT_LE(span.duration_ticks(), 6 * 90'000);
      const auto packets = test::probe_packets(file, 'v');
      ASSERT_FALSE(packets.empty());
      EXPECT_TRUE(packets[0].key);
      EXPECT_EQ(packets[0].pts, span.begin_ticks + kTsOriginTicks);
      EXPECT_EQ(test::decode_errors(file), "") << i;
      EXPECT_EQ(ts_faults(test::read_file(file)), "");
      EXPECT_EQ(source.video[rung.name][i].frames, packets.size());
      EXPECT_EQ(source.video[rung.name][i].bytes, test::read_file(file).size());
      for (const ProbedPacket& packet : packets) {
        EXPECT_GE(packet.pts, span.begin_ticks + kTsOriginTicks);
        EXPECT_LT(packet.pts, span.end_ticks + kTsOriginTicks);
        EXPECT_LE(packet.dts, packet.pts);
        all.push_back(packet);
      }
    }
    EXPECT_EQ(all.front().dts, kTsOriginTicks) << rung.name;
    for (std::size_t i = 1; i < all.size(); ++i) {
      EXPECT_GT(all[i].dts, all[i - 1].dts) << i;
    }
  }
  const std::string joined = source.joined_video(plan.rungs[0].name);
  EXPECT_EQ(ts_faults(test::read_file(joined)), "");
  EXPECT_EQ(test::decode_errors(joined), "");
  EXPECT_EQ(test::frame_hashes(joined), test::frame_hashes(source.path()));
  EXPECT_EQ(test::count_frames(source.joined_video(plan.rungs[1].name)),
            test::count_frames(source.path()));
}

TEST_P(CopiedFrom, ASegmentIsTheSameBytesWhicheverWayReached) {
  EngineCase source = copied_case(GetParam());
  source.make_all();
  for (std::uint32_t segment = source.video_segments(); segment-- > 0;) {
    const std::string file = source.video_file(source.plan().rungs[0].name, segment);
    const std::string before = test::read_file(file);
    Engine fresh;
    source.make_video(segment, fresh);
    EXPECT_EQ(test::read_file(file) == before, true) << segment;
  }
}

TEST(Copy, ParameterSetsComeBeforeEveryIdr) {
  for (const char* kind : {"mp4", "ts"}) {
    EngineCase source(ClipOptions{.kind = kind, .seconds = 8, .fps = "20", .gop = 20}, kLadder,
                      Copy::kYes);
    ASSERT_EQ(source.plan().rungs[0].mode, "copy") << source.plan().rungs[0].why;
    source.make_all();
    const std::string rung = source.plan().rungs[0].name;
    std::size_t keys = 0;
    for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
      const std::string bytes = test::read_file(source.video_file(rung, i));
      test::TempDir folder;
      for (const IFrame& i_frame : source.video[rung][i].i_frames) {
        const std::string alone =
            bytes.substr(0, 376) + bytes.substr(i_frame.offset, i_frame.bytes);
        test::write_file(folder.file("i.ts"), alone);
        EXPECT_EQ(test::decode_errors(folder.file("i.ts")), "");
        EXPECT_EQ(test::count_frames(folder.file("i.ts")), 1U);
        ++keys;
      }
      EXPECT_EQ(source.video[rung][i].codecs, source.plan().index.video->codecs);
    }
    EXPECT_EQ(keys, 8U);  // One a second.
  }
}

// What does not read as it was indexed is encoded from what can be decoded.
TEST(Copy, ASegmentThatReadsOtherwiseIsEncoded) {
  EngineCase source = copied_case("mp4");
  Plan changed = source.plan();
  changed.index.packets.back().bytes += 1;
  ASSERT_EQ(source.video_segments(), 4U);
  const std::string rung = changed.rungs[0].name;
  const std::vector<std::string> rungs{rung, changed.rungs[1].name};
  const auto all = test::frame_hashes(source.path());
  test::TempDir folder;
  Engine engine;
  for (const std::uint32_t segment : {0U, 3U}) {
    const UniqueFd large(::open(folder.file("a.ts").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    const UniqueFd small(::open(folder.file("b.ts").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    const std::vector<int> outputs{large.get(), small.get()};
    const auto made =
        engine.encode_video("k", source.source(), changed, segment, rungs, outputs, {});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ((*made)[0].frames, (*made)[1].frames);
    EXPECT_EQ(test::decode_errors(folder.file("a.ts")), "");
    EXPECT_EQ(test::probe(folder.file("a.ts"), 'v', "width"), "640");
    EXPECT_EQ(test::probe_packets(folder.file("a.ts"), 'v')[0].pts,
              changed.timeline.video[segment].begin_ticks + kTsOriginTicks);
    const auto shown = test::frame_hashes(folder.file("a.ts"));
    ASSERT_EQ(shown.size(), (*made)[0].frames);
    const std::int64_t first = changed.timeline.video[segment].begin_ticks * 20 / 90'000;
    EXPECT_EQ(shown[0] == all[static_cast<std::size_t>(first)], segment == 0);
  }
}

struct Refused {
  ClipOptions clip;
  std::string why;
};

// What the source itself says against copying, seen in real files.
TEST(Copy, RefusesWhatWouldNotPlayAsItIs) {
  const std::vector<Refused> cases{
      {{.kind = "mp4", .seconds = 12, .gop = 300}, "its keyframes do not allow"},
      {{.kind = "open-gop", .seconds = 8, .gop = 60}, "a keyframe of it needs"},
      {{.kind = "recovery-points", .seconds = 8, .gop = 60}, "a keyframe of it needs"},
      {{.kind = "interlaced", .gop = 50}, "it may be interlaced"},
      {{.kind = "hevc", .gop = 60}, "it is hevc"},
      {{.kind = "yuv444", .gop = 60}, "it is not 8-bit 4:2:0"},
      {{.kind = "anamorphic", .gop = 60}, "its pixels are not square"},
      {{.kind = "rotated", .gop = 60}, "it is to be turned"},
      {{.kind = "fps120", .gop = 120}, "it has more than 60 pictures"},
      {{.kind = "truncated", .gop = 60}, "the file is damaged"},
  };
  for (const Refused& one : cases) {
    EngineCase source(one.clip, kLadder, Copy::kYes);
    ASSERT_TRUE(source.ok()) << one.clip.kind << ": " << source.error().message;
    const RungPlan& rung = source.plan().rungs[0];
    EXPECT_EQ(rung.mode, "encode") << one.clip.kind;
    EXPECT_NE(rung.why.find(one.why), std::string::npos) << one.clip.kind << ": " << rung.why;
    EXPECT_EQ(source.plan().timeline.grid, hls::GridKind::kFixed) << one.clip.kind;
  }
}

// Sound: the same frames, on their own grid, joined without a hole or a frame twice.
TEST(Copy, SoundIsTheSourcesOwn) {
  for (const char* kind : {"mp4", "mp4-fragmented", "mp4-remuxed", "ts"}) {
    EngineCase source(ClipOptions{.kind = kind, .seconds = 10, .fps = "20", .gop = 50}, kLadder,
                      Copy::kYes);
    ASSERT_EQ(source.plan().audio.size(), 1U);
    ASSERT_EQ(source.plan().audio[0].mode, "copy") << source.plan().audio[0].why;
    source.make_all();
    const std::string joined = source.joined_audio(0);
    EXPECT_EQ(ts_faults(test::read_file(joined)), "");
    EXPECT_EQ(test::decode_errors(joined), "");
    const auto packets = test::probe_packets(joined, 'a');
    const std::int64_t begin = packets[0].pts - kTsOriginTicks;
    EXPECT_LE(begin, 0) << kind;
    EXPECT_GT(begin, -1'920) << kind;
    for (std::uint32_t i = 0; i < source.audio_segments(); ++i) {
      const auto first = test::probe_packets(source.audio_file(0, i), 'a')[0].pts;
      const std::int64_t told = source.plan().timeline.audio[i].begin_ticks + kTsOriginTicks;
      EXPECT_LE(first, told) << kind << ' ' << i;
      EXPECT_GT(first, told - 1'921) << kind << ' ' << i;  // Less than a frame.
    }
    const auto ours = test::aac_hashes(joined);
    const auto theirs = test::aac_hashes(source.path());
    // The frame that zero falls into is silence where the source has none there: this fragmented
    // MP4 has a hole between its first two.
    const auto first = std::ranges::find(theirs, ours[3]) - 2;
    ASSERT_GE(first - theirs.begin(), 1);
    EXPECT_LE(first - theirs.begin(), 3) << "only frames before the picture are left out";
    EXPECT_GE(theirs.end() - first, 10 * 48'000 / 1024);
    ASSERT_GE(ours.end() - ours.begin() - 1, theirs.end() - first);
    EXPECT_TRUE(std::equal(first, theirs.end(), ours.begin() + 1,
                           ours.begin() + 1 + (theirs.end() - first)))
        << kind;
  }
}

TEST(Copy, SilenceWhereTheSourceHasNoSound) {
  EngineCase source(ClipOptions{.kind = "late-audio", .seconds = 8, .fps = "20", .gop = 50},
                    kLadder, Copy::kYes);
  ASSERT_EQ(source.plan().audio[0].mode, "copy") << source.plan().audio[0].why;
  source.make_all();
  const std::string joined = source.joined_audio(0);
  EXPECT_EQ(test::decode_errors(joined), "");
  const auto sound = test::decode_sound(joined);
  const auto loudest = [&sound](double from, double to) {
    double most = 0;
    const auto end = static_cast<std::size_t>(to * 48'000);
    for (auto i = static_cast<std::size_t>(from * 48'000); i < end; ++i) {
      most = std::max(most, std::abs(double{sound[i]}));
    }
    return most;
  };
  EXPECT_LT(loudest(0, 2.9), 1e-4);
  EXPECT_GT(loudest(3.1, 7.5), 0.05);
}

TEST(Copy, OtherSoundIsEncoded) {
  for (const auto& [kind, why] : {std::pair{"surround", "ac3"}, std::pair{"mkv", "vorbis"}}) {
    EngineCase source(ClipOptions{.kind = kind, .gop = 60}, kLadder, Copy::kYes);
    EXPECT_EQ(source.plan().audio[0].mode, "encode");
    EXPECT_NE(source.plan().audio[0].why.find(why), std::string::npos);
  }
}

// Tracks of two rates: each keeps its own, on one timeline.
TEST(Copy, TracksOfTwoRates) {
  EngineCase source(ClipOptions{.kind = "two-audio", .seconds = 8, .fps = "20", .gop = 50}, kLadder,
                    Copy::kYes);
  ASSERT_EQ(source.plan().audio.size(), 2U);
  EXPECT_EQ(source.plan().audio[0].sample_rate, 48'000U);
  EXPECT_EQ(source.plan().audio[1].sample_rate, 44'100U);
  source.make_all();
  for (const std::uint32_t track : {0U, 1U}) {
    const std::string joined = source.joined_audio(track);
    EXPECT_EQ(ts_faults(test::read_file(joined)), "");
    EXPECT_EQ(test::decode_errors(joined), "");
    EXPECT_NEAR(static_cast<double>(test::decode_sound(joined).size()) / 48'000, 8, 0.1);
  }
}

TEST(Copy, SilentFramesDecodeToSilence) {
  for (const std::uint32_t channels : {1U, 2U}) {
    const AudioPlan track{.sample_rate = 48'000, .channels = channels};
    const auto raw = silent_aac_frame(channels);
    const auto head = adts_head(raw.size(), track.sample_rate, track.channels);
    std::vector<std::uint8_t> frame(head.size() + raw.size());
    std::ranges::copy(raw, std::ranges::copy(head, frame.begin()).out);
    const std::vector<std::vector<std::uint8_t>> frames(20, frame);
    const auto bytes = write_audio_segment(frames, 0, 0, 48'000);
    const test::TempDir folder;
    test::write_file(folder.path() / "silent.ts", std::string(bytes.begin(), bytes.end()));
    EXPECT_EQ(test::decode_errors(folder.file("silent.ts")), "");
    const auto sound = test::decode_sound(folder.file("silent.ts"));
    EXPECT_GE(sound.size(), 19U * 1024);
    EXPECT_TRUE(std::ranges::all_of(sound, [](float sample) { return sample == 0; }));
  }
}

}  // namespace
}  // namespace sf::transcode

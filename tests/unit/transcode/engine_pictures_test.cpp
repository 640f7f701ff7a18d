// Shapes, times and colours: what comes out looks and lasts as the source does.
#include "engine_case.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

using test::ClipOptions;

struct ShapeCase {
  std::string kind;
  std::string size;
  std::uint32_t width;
  std::uint32_t height;
  std::string like;  // How ffmpeg is told to make the same of the source.
};

class EveryShape : public testing::TestWithParam<ShapeCase> {};

INSTANTIATE_TEST_SUITE_P(
    Engine, EveryShape,
    testing::Values(ShapeCase{"portrait", "320x180", 180, 320, "null"},
                    ShapeCase{"rotated", "320x180", 180, 320, "null"},
                    ShapeCase{"rotated-180", "320x180", 320, 180, "null"},
                    ShapeCase{"odd", "320x180", 404, 852, "scale=404:852"},
                    ShapeCase{"anamorphic", "320x180", 426, 180, "scale=426:180"},
                    ShapeCase{"yuv444", "320x180", 320, 180, "format=yuv420p"},
                    ShapeCase{"ten-bit", "320x180", 320, 180, "format=yuv420p"},
                    ShapeCase{"mov-prores", "320x180", 320, 180, "format=yuv420p"},
                    ShapeCase{"hevc", "320x180", 320, 180, "null"},
                    ShapeCase{"av1", "320x180", 320, 180, "null"},
                    ShapeCase{"3gp", "320x180", 256, 144, "scale=256:144"}),
    [](const auto& param) {
      std::string name = param.param.kind;
      std::ranges::replace(name, '-', '_');
      return name == "3gp" ? "three_gp" : name;
    });

TEST_P(EveryShape, IsKept) {
  const ShapeCase& wanted = GetParam();
  EngineCase source(ClipOptions{.kind = wanted.kind, .seconds = 2, .size = wanted.size});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const RungPlan& rung = source.plan().rungs.front();
  EXPECT_EQ(rung.width, wanted.width);
  EXPECT_EQ(rung.height, wanted.height);
  source.make_all();
  const std::string joined = source.joined_video(rung.name);
  EXPECT_EQ(test::probe(joined, 'v', "pix_fmt"), "yuv420p");
  EXPECT_EQ(test::probe(joined, 'v', "sample_aspect_ratio"), "1:1");
  EXPECT_EQ(test::decode_errors(joined), "");
  EXPECT_GT(test::ssim(joined, source.path(), wanted.like), 0.88);
}

TEST(Pictures, ExtremeShapesEncode) {
  EngineCase source(ClipOptions{.kind = "wide", .seconds = 1});
  ASSERT_TRUE(source.ok());
  source.make_all();
  EXPECT_EQ(source.plan().rungs[0].width, 1920U);
  EXPECT_EQ(source.plan().rungs[0].height, 8U);
  EXPECT_EQ(test::decode_errors(source.joined_video("1080p")), "");
}

TEST(Pictures, VaryingTimesAreKept) {
  EngineCase source(ClipOptions{.kind = "vfr", .seconds = 9});
  ASSERT_TRUE(source.ok());
  EXPECT_FALSE(source.plan().constant_frame_rate);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  std::vector<std::int64_t> made;
  std::int64_t last_dts = INT64_MIN;
  for (const auto& packet : test::probe_packets(source.joined_video(rung), 'v')) {
    made.push_back(packet.pts - 900'000);
    EXPECT_GT(packet.dts, last_dts);
    EXPECT_LE(packet.dts, packet.pts);
    last_dts = packet.dts;
  }
  std::ranges::sort(made);
  EXPECT_EQ(made, shown_frames(source.plan()));
  // Keyframes by time: at every segment's begin, and 2 s later within a frame's gap.
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    const auto& i_frames = source.video[rung][i].i_frames;
    ASSERT_FALSE(i_frames.empty());
    EXPECT_EQ(i_frames[0].pts_ticks, source.plan().timeline.video[i].begin_ticks);
    if (i_frames.size() > 1) {
      EXPECT_NEAR(static_cast<double>(i_frames[1].pts_ticks - i_frames[0].pts_ticks), 180'000,
                  30'000);
    }
  }
}

TEST(Pictures, SlidesAreHeldAcrossSegments) {
  EngineCase source(ClipOptions{.kind = "slides", .seconds = 30});
  ASSERT_TRUE(source.ok());
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    EXPECT_LT(source.plan().timeline.video[i].duration_ticks(), 6.5 * 90'000);
    EXPECT_EQ(test::decode_errors(source.video_file(rung, i)), "");
    EXPECT_EQ(source.video[rung][i].damaged_frames, 0U);
    const std::string before = test::read_file(source.video_file(rung, i));
    Engine fresh;
    source.make_video(i, fresh);
    EXPECT_EQ(test::read_file(source.video_file(rung, i)) == before, true) << i;
  }
  EXPECT_EQ(test::probe_packets(source.joined_video(rung), 'v').size(),
            shown_frames(source.plan()).size());
}

TEST(Pictures, FasterThanSixtyIsThinned) {
  EngineCase source(ClipOptions{.kind = "fps120", .seconds = 5});
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source.plan().frame_rate.numerator, 60);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  EXPECT_EQ(test::count_frames(source.joined_video(rung)), 300U);
}

TEST(Pictures, InterlacedBecomesProgressive) {
  EngineCase source(ClipOptions{.kind = "interlaced", .seconds = 9, .gop = 40});
  ASSERT_TRUE(source.ok());
  EXPECT_TRUE(source.plan().index.video->interlaced);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  const std::string joined = source.joined_video(rung);
  EXPECT_EQ(test::probe(joined, 'v', "field_order"), "progressive");
  EXPECT_EQ(test::count_frames(joined), 225U);
  EXPECT_GT(test::ssim(joined, source.path(), "bwdif=mode=send_frame"), 0.9);
  for (const std::uint32_t segment : {2U, 1U}) {
    const std::string before = test::read_file(source.video_file(rung, segment));
    Engine fresh;
    source.make_video(segment, fresh);
    EXPECT_EQ(test::read_file(source.video_file(rung, segment)) == before, true) << segment;
  }
}

TEST(Pictures, HighDynamicRangeIsMapped) {
  for (const std::string kind : {"hdr10", "hlg"}) {
    EngineCase source(ClipOptions{.kind = kind, .seconds = 1});
    ASSERT_TRUE(source.ok()) << source.error().message;
    source.make_all();
    const std::string joined = source.joined_video(source.plan().rungs[0].name);
    EXPECT_EQ(test::probe(joined, 'v', "pix_fmt"), "yuv420p");
    EXPECT_EQ(test::probe(joined, 'v', "color_transfer"), "bt709");
    EXPECT_EQ(test::probe(joined, 'v', "color_primaries"), "bt709");
    EXPECT_GT(test::ssim(joined, source.path(),
                         "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:"
                         "desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"),
              0.88)
        << kind;
  }
}

TEST(Pictures, StandardDefinitionKeepsItsColours) {
  // Untagged SD is BT.601; the same colours in BT.709 are other numbers.
  EngineCase source(ClipOptions{.kind = "mp4", .seconds = 1});
  source.make_all();
  const std::string joined = source.joined_video(source.plan().rungs[0].name);
  EXPECT_GT(test::ssim(joined, source.path(),
                       "scale=in_color_matrix=bt601:out_color_matrix=bt709,format=yuv420p"),
            0.93);
}

TEST(Pictures, OneFrameAndAThirdOfASecond) {
  for (const std::string kind : {"one-frame", "short"}) {
    EngineCase source(ClipOptions{.kind = kind});
    ASSERT_TRUE(source.ok()) << source.error().message;
    source.make_all();
    const std::string joined = source.joined_video(source.plan().rungs[0].name);
    EXPECT_EQ(test::count_frames(joined), kind == "short" ? 9U : 1U);
    EXPECT_EQ(test::decode_errors(joined), "");
  }
}

// An editor that cuts the picture where the sound ends leaves such a one.
TEST(Pictures, TheLastIsShownAsLongAsTheOthers) {
  EngineCase source(ClipOptions{.kind = "short-end", .seconds = 1});
  ASSERT_TRUE(source.ok()) << source.error().message;
  ASSERT_EQ(test::probe_packets(source.path(), 'v').back().duration, 9);
  EXPECT_EQ(source.plan().timeline.video.back().end_ticks, hls::kTicksPerSecond);
}

// ISO/IEC 14496-12 section 8.6.6: an edit may end before its media does. As phones trim.
TEST(Pictures, WhatAnEditCutsOffTheEndIsNotShown) {
  std::string bytes = test::read_file(test::clip(ClipOptions{.kind = "mp4"}));
  const std::size_t edit = bytes.find("elst");
  ASSERT_NE(edit, std::string::npos);
  const std::size_t duration = edit + 12;  // Behind version, flags and count; milliseconds.
  ASSERT_EQ(bytes.substr(duration, 4), std::string("\0\0\x17\x70", 4));
  bytes.replace(duration, 4, std::string("\0\0\x17\x0c", 4));  // 5900
  const test::TempDir folder;
  test::write_file(folder.path() / "trimmed", bytes);
  EngineCase source(folder.file("trimmed"));
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_TRUE(source.plan().index.warnings.empty()) << source.plan().index.warnings.front();
  EXPECT_TRUE(source.plan().index.video->closed_gop);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  EXPECT_EQ(test::count_frames(source.joined_video(rung)), 177U);
  for (const SegmentOutput& segment : source.video[rung]) EXPECT_EQ(segment.damaged_frames, 0U);
}

}  // namespace
}  // namespace sf::transcode

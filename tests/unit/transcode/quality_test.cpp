#include "quality.hpp"

#include <algorithm>
#include <vector>

#include "engine_case.hpp"
#include "scale.hpp"

namespace sf::transcode {
namespace {

using test::ClipOptions;

TEST(Quality, IsThatOfTheWholeWithinALittleAndChangesNoByte) {
  EngineCase source(ClipOptions{.kind = "mkv", .seconds = 5, .size = "640x480", .gop = 100});
  ASSERT_TRUE(source.ok()) << source.error().message;
  source.make_all();
  ASSERT_EQ(source.plan().rungs.size(), 2u);
  Engine engine;
  std::vector<Quality> top;
  for (std::uint32_t i = 0; i < source.video_segments(); ++i) {
    const std::string rung = source.plan().rungs[0].name;
    const std::string before = test::read_file(source.video_file(rung, i));
    const auto made = source.make_video(i, engine, {.measure = i != 1});
    EXPECT_EQ(test::read_file(source.video_file(rung, i)) == before, true) << i;
    for (const SegmentOutput& output : made) {
      ASSERT_EQ(output.quality.has_value(), i != 1) << i;
      if (!output.quality) continue;
      EXPECT_GT(output.quality->ssim, 0.8);
      EXPECT_LE(output.quality->ssim, 1);
      EXPECT_GT(output.quality->psnr_db, 20);
      EXPECT_LT(output.quality->psnr_db, kPsnrDbMax);
    }
    if (made.front().quality) top.push_back(*made.front().quality);
  }
  const double whole = test::ssim(source.joined_video(source.plan().rungs[0].name), source.path());
  EXPECT_NEAR(mean_of(top).ssim, whole, 0.05) << "which sees BT.601 made BT.709 too";
}

TEST(Quality, OtherPicturesOrNoSegmentAreErrors) {
  EngineCase source(ClipOptions{.kind = "mp4"});
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  const std::string segment = test::read_file(source.video_file(rung, 0));
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(segment.data());
  EXPECT_FALSE(QualityMeter::open({bytes, 1000}, 0)) << "cut inside a packet";
  auto none = QualityMeter::open({bytes, segment.size()}, 0);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_FALSE(none->finish()) << "nothing was compared";
  auto more = QualityMeter::open({bytes, segment.size()}, 0);
  const FramePtr black =
      black_picture({source.plan().rungs[0].width, source.plan().rungs[0].height});
  Result<> compared;
  unsigned pictures = 0;
  for (; compared && pictures < 1000; ++pictures) compared = more->compare(*black);
  EXPECT_EQ(pictures - 1, source.video[rung][0].frames);
  EXPECT_EQ(compared.error().code, ErrorCode::kCorrupt);
}

TEST(Quality, SamplesAreSpreadOverTheWhole) {
  for (const std::uint32_t segments : {1u, 2u, 7u, 8u, 9u, 15u, 16u, 900u, 7201u}) {
    std::vector<std::uint32_t> samples;
    for (std::uint32_t i = 0; i < segments; ++i) {
      if (is_sample(i, segments)) samples.push_back(i);
    }
    EXPECT_GE(samples.size(), std::min(segments, 8u)) << segments;
    EXPECT_LE(samples.size(), 15u) << segments;
    EXPECT_LE(samples.front(), segments / 8) << segments;
    EXPECT_GE(samples.back() + segments / 8 + 1, segments) << segments;
  }
}

}  // namespace
}  // namespace sf::transcode

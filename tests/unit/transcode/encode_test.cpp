#include "encode.hpp"

#include "scale.hpp"

#include <gtest/gtest.h>

namespace sf::transcode {
namespace {

using Times = std::vector<std::int64_t>;

Times keys_of(std::int64_t begin, std::int64_t end, std::int64_t step) {
  KeyframeClock clock(begin, end);
  Times keys;
  for (std::int64_t at = begin; at < end; at += step) {
    if (clock.is_key(at)) keys.push_back(at - begin);
  }
  return keys;
}

TEST(KeyframeClock, EveryTwoSecondsButNotNearTheEnd) {
  EXPECT_EQ(keys_of(0, 360'000, 3000), (Times{0, 180'000}));
  EXPECT_EQ(keys_of(360'360, 720'720, 3003), (Times{0, 180'180}));
  EXPECT_EQ(keys_of(0, 540'000, 3000), (Times{0, 180'000, 360'000}));
  EXPECT_EQ(keys_of(0, 200'000, 3000), (Times{0}));  // 0.2 s behind a keyframe at 2 s.
  EXPECT_EQ(keys_of(0, 260'000, 3000), (Times{0}));  // 0.9 s.
  EXPECT_EQ(keys_of(0, 273'000, 3000), (Times{0, 180'000}));
  EXPECT_EQ(keys_of(0, 540'000, 150'000),
            (Times{0, 300'000, 450'000}));  // At the first frame after.
  EXPECT_EQ(keys_of(90, 540'000, 449'910), (Times{0, 449'910}));
}

TEST(WithoutSettings, OnlyUserDataGoes) {
  const std::vector<std::uint8_t> unit{0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 2, 3,
                                       0, 0, 1, 6, 5, 99,   7, 0, 0, 1, 0x65, 4, 5, 6};
  const std::vector<std::uint8_t> kept{0, 0, 0, 1, 9, 0x10, 0,    0, 0, 1, 0x67,
                                       1, 2, 3, 0, 0, 1,    0x65, 4, 5, 6};
  std::vector<std::uint8_t> scratch;
  const auto out = without_settings(unit, scratch);
  EXPECT_EQ(std::vector<std::uint8_t>(out.begin(), out.end()), kept);
  std::vector<std::uint8_t> other;
  EXPECT_EQ(without_settings(kept, other).data(), kept.data());
}

FramePtr ramp(int width, int height) {
  FramePtr frame =
      black_picture({static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)});
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      frame->data[0][y * frame->linesize[0] + x] = static_cast<std::uint8_t>(16 + x + 8 * y);
    }
  }
  return frame;
}

int luma(const AVFrame& frame, int x, int y) { return frame.data[0][y * frame.linesize[0] + x]; }

TEST(Rotate, ClockwiseQuarters) {
  const FramePtr in = ramp(20, 18);
  for (const int rotation : {90, 180, 270}) {
    const bool turned = rotation != 180;
    const FramePtr out = black_picture(turned ? Size{18, 20} : Size{20, 18});
    rotate(*in, rotation, *out);
    for (int y = 0; y < 18; ++y) {
      for (int x = 0; x < 20; ++x) {
        const int seen = rotation == 90    ? luma(*out, 17 - y, x)
                         : rotation == 180 ? luma(*out, 19 - x, 17 - y)
                                           : luma(*out, y, 19 - x);
        ASSERT_EQ(seen, luma(*in, x, y)) << rotation;
      }
    }
  }
}

TEST(Scaler, LeavesAloneWhatFits) {
  const FramePtr in = ramp(64, 32);
  Scaler same({64, 32}, 0);
  const auto out = same.scale(*in);
  ASSERT_TRUE(out);
  EXPECT_EQ((*out)->data[0], in->data[0]);
  Scaler smaller({32, 16}, 0);
  const auto half = smaller.scale(*in);
  ASSERT_TRUE(half);
  EXPECT_EQ((*half)->width, 32);
  EXPECT_NEAR(luma(**half, 10, 5), 16 + 20.5 + 8 * 10.5, 3);
}

TEST(Scaler, EachPictureIsItsOwnWhileItIsHeld) {
  const FramePtr in = ramp(64, 32);
  Scaler scaler({32, 16}, 90);
  const auto first = scaler.scale(*in);
  const auto second = scaler.scale(*in);
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->data[0], (*second)->data[0]);
}

}  // namespace
}  // namespace sf::transcode

#include "picture_types.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sf::transcode {
namespace {

constexpr Size kSize{1280, 720};

// Blocks that move `speed` pixels from a picture to the next.
FramePtr draw(int at, int speed) {
  FramePtr frame = black_picture(kSize);
  for (int y = 0; y < frame->height; ++y) {
    for (int x = 0; x < frame->width; ++x) {
      auto block = static_cast<unsigned>((x + speed * at) / 40 * 4099 + y / 40);
      block = (block ^ block >> 7) * 2654435761U;
      frame->data[0][y * frame->linesize[0] + x] =
          static_cast<std::uint8_t>(16 + (block >> 20) % 200);
    }
  }
  return frame;
}

PictureTypes opened(Size size = kSize) {
  auto types = PictureTypes::open(size);
  EXPECT_TRUE(types && *types);
  return std::move(**types);
}

// 'I', 'P' or 'B' of each.
std::string letters(const PictureTypes& types) {
  std::string out;
  for (std::size_t i = 0; i < types.decided(); ++i) out += av_get_picture_type_char(types.of(i));
  return out;
}

TEST(PictureTypes, WhatHardlyMovesHasThreeBPicturesInARow) {
  PictureTypes types = opened();
  for (int at = 0; at < 13; ++at) ASSERT_TRUE(types.put(*draw(at, 1), at == 0));
  ASSERT_TRUE(types.end());
  EXPECT_EQ(letters(types), "IBBBPBBBPBBBP");
}

// The picture before is still found, the one two before is not.
TEST(PictureTypes, WhatMovesFarHasNone) {
  PictureTypes types = opened();
  for (int at = 0; at < 12; ++at) ASSERT_TRUE(types.put(*draw(at, 70), at == 0));
  ASSERT_TRUE(types.end());
  EXPECT_EQ(letters(types), "IPPPPPPPPPPP");
}

TEST(PictureTypes, AKeyframeIsOneAndNothingBeforeItRefersToIt) {
  PictureTypes types = opened();
  for (int at = 0; at < 20; ++at) ASSERT_TRUE(types.put(*draw(at, 1), at == 0 || at == 11));
  ASSERT_TRUE(types.end());
  const std::string found = letters(types);
  ASSERT_EQ(found.size(), 20U);
  EXPECT_EQ(found[11], 'I');
  EXPECT_EQ(std::ranges::count(found, 'I'), 2);
  EXPECT_EQ(found[10], 'P');
  EXPECT_EQ(found[19], 'P');
}

// Pictures wait until theirs are decided: each more is memory.
TEST(PictureTypes, AreDecidedAFewPicturesBehind) {
  PictureTypes types = opened();
  for (std::size_t at = 0; at < 60; ++at) {
    ASSERT_TRUE(types.put(*draw(static_cast<int>(at), 1), at == 0));
    EXPECT_LE(at + 1 - types.decided(), 5U) << at;
  }
}

TEST(PictureTypes, OfOnePicture) {
  PictureTypes types = opened();
  ASSERT_TRUE(types.put(*draw(0, 1), true));
  ASSERT_TRUE(types.end());
  EXPECT_EQ(letters(types), "I");
}

TEST(PictureTypes, OfATallPictureAndAWideOne) {
  for (const Size size : {Size{720, 1280}, Size{7680, 1000}, Size{30, 2000}}) {
    PictureTypes types = opened(size);
    for (int at = 0; at < 6; ++at) ASSERT_TRUE(types.put(*draw(at, 1), at == 0));
    ASSERT_TRUE(types.end());
    EXPECT_EQ(types.decided(), 6U);
  }
}

TEST(PictureTypes, SmallPicturesHaveTheirEncoderDecide) {
  for (const Size size : {Size{639, 360}, Size{16, 16}, Size{320, 480}}) {
    auto types = PictureTypes::open(size);
    ASSERT_TRUE(types);
    EXPECT_FALSE(*types);
  }
  EXPECT_TRUE(*PictureTypes::open({640, 360}));
}

}  // namespace
}  // namespace sf::transcode

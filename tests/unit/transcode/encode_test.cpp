#include "encode.hpp"

#include "scale.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>

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

// A shape that turns and grows before a moving background: something for every part of an encoder.
void draw(AVFrame& frame, int at) {
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x) {
      const int far = (x - frame.width / 2) * (y + 7 * at) / 64 + (y - frame.height / 2) * x / 96;
      const bool shape = std::abs(x - 9 * at - y / 3) < 40 + 3 * at;
      const int value = shape ? far : (x + 5 * at) / 3 + (y ^ (x >> 3));
      frame.data[0][y * frame.linesize[0] + x] = static_cast<std::uint8_t>(16 + value % 220);
    }
  }
}

AVPictureType key_if(bool key) { return key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE; }

// One segment of so many seconds.
Plan plan_of(int seconds) {
  Plan plan;
  plan.frame_rate = {30, 1};
  plan.constant_frame_rate = true;
  plan.timeline.video = {{0, seconds * hls::kTicksPerSecond}};
  return plan;
}

RungPlan rung_of(Size size) {
  RungPlan rung;
  rung.name = "rung";
  rung.width = size.width;
  rung.height = size.height;
  rung.preset = "veryfast";
  rung.max_kbps = 800;
  rung.buffer_kbits = 1600;
  rung.level = 40;
  return rung;
}

std::vector<std::uint8_t> encoded_over(int fill, Size size) {
  ::mallopt(M_PERTURB, fill);
  auto encoder = RungEncoder::open(plan_of(1), rung_of(size), 0, {0, 1000, 2000});
  EXPECT_TRUE(encoder);
  for (int at = 0; encoder && at < 30; ++at) {
    const FramePtr frame = black_picture(size);
    draw(*frame, at);
    EXPECT_TRUE(encoder->encode(*frame, at * 3000, key_if(at == 0)));
  }
  std::vector<std::uint8_t> bytes;
  if (encoder) {
    const auto made = encoder->finish();
    EXPECT_TRUE(made);
    if (made) bytes.assign(made->begin(), made->end());
  }
  ::mallopt(M_PERTURB, 0);
  return bytes;
}

TEST(RungEncoder, SameBytesWhateverMemoryHeldBefore) {
  for (const Size size : {Size{854, 480}, {640, 360}, {406, 720}, {1280, 534}}) {
    const auto bytes = encoded_over(85, size);
    EXPECT_GT(bytes.size(), 10'000U);
    EXPECT_EQ(bytes, encoded_over(170, size)) << size.width;
  }
}

// P6: in a segment of any length, however much there would be to encode.
TEST(RungEncoder, AtTheCapASegmentWeighsAtMostAQuarterMore) {
  for (const int seconds : {2, 3, 4, 6}) {
    RungPlan rung = rung_of({320, 192});
    rung.max_kbps = 1'000;
    rung.buffer_kbits = 2'000;
    auto encoder = RungEncoder::open(plan_of(seconds), rung, 0, {0, 1000, 2000});
    ASSERT_TRUE(encoder);
    std::mt19937 random(1);
    KeyframeClock keys(0, seconds * hls::kTicksPerSecond);
    for (int at = 0; at < seconds * 30; ++at) {
      const FramePtr frame = black_picture({320, 192});
      for (int i = 0; i < frame->height * frame->linesize[0]; ++i) {
        frame->data[0][i] = static_cast<std::uint8_t>(100 + random() % 48);
      }
      ASSERT_TRUE(encoder->encode(*frame, at * 3000, key_if(keys.is_key(at * 3000))));
    }
    const auto made = encoder->finish();
    ASSERT_TRUE(made);
    const double share = static_cast<double>(made->size()) * 8 / (1e6 * seconds);
    EXPECT_GT(share, 1.02) << seconds << ": the cap was not reached";
    EXPECT_LT(share, 1.25) << seconds;
  }
}

// Else each segment would begin softer than it goes on.
TEST(RungEncoder, TheFirstKeyframeGetsAsManyBitsAsTheNext) {
  const Size size{640, 360};
  RungPlan rung = rung_of(size);
  rung.max_kbps = 4000;
  rung.buffer_kbits = 8000;
  auto encoder = RungEncoder::open(plan_of(4), rung, 0, {0, 1000, 2000});
  ASSERT_TRUE(encoder);
  const FramePtr frame = black_picture(size);
  draw(*frame, 7);  // A picture that stands still: the two are of the same.
  for (int at = 0; at < 120; ++at) {
    ASSERT_TRUE(encoder->encode(*frame, at * 3000, key_if(at % 60 == 0)));
  }
  ASSERT_TRUE(encoder->finish());
  const auto& keyframes = encoder->i_frames();
  ASSERT_EQ(keyframes.size(), 2U);
  EXPECT_GT(keyframes[0].bytes * 10, keyframes[1].bytes * 9);
}

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

TEST(Scaler, LumaAloneOfWhateverComes) {
  for (const AVPixelFormat format : {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_GBRP,
                                     AV_PIX_FMT_YUV444P10, AV_PIX_FMT_YUV420P12}) {
    const FramePtr in = new_picture({64, 32}, format);
    const auto* about = av_pix_fmt_desc_get(format);
    const bool deep = about->comp[0].depth > 8;
    const bool full = format == AV_PIX_FMT_GBRP || format == AV_PIX_FMT_YUVJ422P;
    const int grey = (full ? 128 : 126) << (about->comp[0].depth - 8);  // Half way to white.
    const int no_color = 128 << (about->comp[0].depth - 8);
    for (int plane = 0; plane < 3; ++plane) {
      const int value = plane == 0 || format == AV_PIX_FMT_GBRP ? grey : no_color;
      const int lines = plane == 0 ? 32 : AV_CEIL_RSHIFT(32, about->log2_chroma_h);
      for (int i = 0; i < lines * in->linesize[plane]; i += deep ? 2 : 1) {
        in->data[plane][i] = static_cast<std::uint8_t>(value);
        if (deep) in->data[plane][i + 1] = static_cast<std::uint8_t>(value >> 8);
      }
    }
    Scaler scaler = Scaler::of_luma({16, 8});
    const auto small = scaler.scale(*in);
    ASSERT_TRUE(small) << about->name << ' ' << small.error().message;
    EXPECT_EQ((*small)->format, AV_PIX_FMT_GRAY8);
    EXPECT_NEAR(luma(**small, 9, 5), 126, 1) << about->name;
  }
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

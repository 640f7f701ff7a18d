#include "h264.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sf::transcode {
namespace {

using Bytes = std::vector<std::uint8_t>;

// x264, 640x360, High, progressive.
const Bytes kSps{0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00,
                 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96};
const Bytes kPps{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0};

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes record() {
  return joined({{1, 0x64, 0, 0x1e, 0xff, 0xe1, 0, static_cast<std::uint8_t>(kSps.size())},
                 kSps,
                 {1, 0, static_cast<std::uint8_t>(kPps.size())},
                 kPps});
}

TEST(H264, AParameterSetSaysHowPicturesAreCoded) {
  const auto sps = parse_sps(kSps);
  ASSERT_TRUE(sps);
  EXPECT_EQ(sps->profile, 100);
  EXPECT_EQ(sps->constraints, 0);
  EXPECT_EQ(sps->level, 30);
  EXPECT_EQ(sps->chroma_format, 1U);
  EXPECT_EQ(sps->luma_depth, 8U);
  EXPECT_EQ(sps->chroma_depth, 8U);
  EXPECT_TRUE(sps->frames_only);
  EXPECT_FALSE(parse_sps(kPps));
  EXPECT_FALSE(parse_sps({}));
}

TEST(H264, OneReorderedPictureBecomesTwo) {
  // x264, 640x360, without B-pyramids: ends with 010 (one reordered), 011 (two kept), 1.
  const Bytes one{0x67, 0x64, 0x00, 0x1e, 0xac, 0xd3, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0x00,
                  0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x58, 0xb4, 0xe0};
  Bytes two = one;
  two[24] = 0xb6;
  Bytes nal = one;
  EXPECT_TRUE(allow_two_reordered(nal));
  EXPECT_EQ(nal, two);
  EXPECT_FALSE(allow_two_reordered(nal)) << "it is two by now";
  EXPECT_EQ(nal, two);
  for (const Bytes& other : {kSps, kPps, Bytes{}}) {  // The first one's encoder had pyramids.
    nal = other;
    EXPECT_FALSE(allow_two_reordered(nal));
    EXPECT_EQ(nal, other);
  }
  for (std::size_t size = 0; size + 1 < one.size(); ++size) {
    Bytes cut(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(allow_two_reordered(cut)) << size;
  }
}

TEST(H264, ParameterSetsAreFoundInBothForms) {
  const ParameterSets of_mp4 = parameter_sets(record());
  EXPECT_EQ(of_mp4.length_bytes, 4U);
  EXPECT_EQ(of_mp4.sps, std::vector<Bytes>{kSps});
  EXPECT_EQ(of_mp4.pps, std::vector<Bytes>{kPps});
  const ParameterSets of_ts =
      parameter_sets(joined({{0, 0, 0, 1}, kSps, {0, 0, 0, 1}, kPps, {0, 0}}));
  EXPECT_EQ(of_ts.length_bytes, 0U);
  EXPECT_EQ(of_ts.sps, of_mp4.sps);
  EXPECT_EQ(of_ts.pps, of_mp4.pps);
}

TEST(H264, UnitsOfBothFormsAreTheSame) {
  const Bytes lengths = joined({{0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 9, 0x41}});
  const Bytes codes{0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 1, 2, 0, 0, 0, 1, 0x41};
  const auto units = [](const Bytes& unit, std::size_t length_bytes) {
    std::vector<Bytes> out;
    each_nal_of(unit, length_bytes, [&out](std::span<const std::uint8_t> nal) {
      out.emplace_back(nal.begin(), nal.end());
      return true;
    });
    return out;
  };
  const std::vector<Bytes> expected{{9, 0xf0}, {0x65, 1, 2}, {0x41}};
  EXPECT_EQ(units(lengths, 4), expected);  // The last one is cut off.
  EXPECT_EQ(units(codes, 0), expected);
}

// Whatever the bytes are, nothing outside them is read (the sanitizers look on).
TEST(H264, WhatIsDamagedIsReadNoFurtherThanItGoes) {
  std::mt19937 random(1);
  std::uniform_int_distribution<unsigned> byte(0, 255);
  const auto take = [](const Bytes& bytes) {
    const Bytes exact(bytes);  // No room behind.
    (void)parse_sps(exact);
    const ParameterSets sets = parameter_sets(exact);
    for (const auto& set : sets.sps) (void)parse_sps(set);
    for (std::size_t length = 0; length <= 4; ++length) {
      each_nal_of(exact, length, [](std::span<const std::uint8_t>) { return true; });
    }
  };
  for (const Bytes& whole : {kSps, record()}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      take(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    for (int i = 0; i < 5'000; ++i) {
      Bytes changed = whole;
      for (int n = 0; n < 3; ++n) {
        changed[random() % changed.size()] = static_cast<std::uint8_t>(byte(random));
      }
      take(changed);
    }
  }
  take(Bytes(64, 0x00));
  take(Bytes(64, 0xff));
}

}  // namespace
}  // namespace sf::transcode

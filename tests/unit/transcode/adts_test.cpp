#include "adts.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sf::transcode {
namespace {

TEST(Adts, AHeadReadsBackAsItWasWritten) {
  for (const std::size_t payload : {1U, 9U, 371U, 8'184U}) {
    for (const std::uint32_t channels : {1U, 2U, 7U}) {
      const auto head = adts_head(payload, 44'100, channels);
      const auto read = parse_adts(head);
      ASSERT_TRUE(read);
      EXPECT_EQ(read->profile, 1);
      EXPECT_EQ(kAacRates[read->rate], 44'100U);
      EXPECT_EQ(read->channels, channels);
      EXPECT_EQ(read->more_blocks, 0);
      EXPECT_EQ(read->head_bytes, head.size());
      EXPECT_EQ(read->bytes, head.size() + payload);
    }
  }
}

TEST(Adts, ACrcIsPartOfTheHead) {
  auto head = adts_head(100, 48'000, 2);
  head[1] &= 0xfe;
  EXPECT_EQ(parse_adts(head)->head_bytes, 9U);
}

TEST(Adts, WhatIsNoHeadIsNone) {
  const auto head = adts_head(100, 48'000, 2);
  EXPECT_FALSE(parse_adts({}));
  EXPECT_FALSE(parse_adts(std::span(head).first(6)));
  EXPECT_FALSE(parse_adts(std::span(head).subspan(1)));
  EXPECT_FALSE(parse_adts(adts_head(0, 48'000, 2))) << "a head of no frame";
  auto layer = head;
  layer[1] |= 2;  // As MPEG audio has it.
  EXPECT_FALSE(parse_adts(layer));
}

}  // namespace
}  // namespace sf::transcode

#include "index_strays.hpp"

#include <streamforge/hls/timeline.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace sf::transcode {
namespace {

constexpr std::int64_t kSecond = hls::kTicksPerSecond;

std::vector<PacketEntry> decoded_at(std::initializer_list<std::int64_t> seconds) {
  std::vector<PacketEntry> packets;
  for (const std::int64_t second : seconds) {
    packets.push_back({.pts_ticks = second * kSecond, .dts_ticks = second * kSecond});
  }
  return packets;
}

TEST(Strays, WhatLeapsAndLeapsBackIsLeftOut) {
  const struct {
    std::initializer_list<std::int64_t> seconds;
    std::size_t dropped;
    const char* why;
  } cases[] = {
      {{}, 0, "nothing"},
      {{0}, 0, "one picture"},
      {{0, 1, 2, 3, 4}, 0, "a clock"},
      {{0, 60, 120, 180, 4'000, 4'060}, 0, "slides"},
      {{500, 501, 502, 503, 504, 505, 506, 507, 508, 0, 1, 2, 3}, 0, "a clock that begins anew"},
      {{0, 1, 2, 11'930, 4, 5, 6}, 1, "a stamp far ahead"},
      {{20, 21, 22, -11'930, 24, 25, 26}, 1, "a stamp far back"},
      {{0, 1, 2, 3, 900, 901, 902, 7, 8, 9, 10}, 3, "a fragment far ahead"},
      {{0, 1, 900, 3, 4, -900, 6, 7}, 2, "two on either side"},
      {{0, 1, 2, 3, 90'000, 90'001}, 2, "the last ones"},
      {{0, 1, 2, 3, 9'000, 9'001}, 0, "a pause"},
      {{900, 1, 2, 3, 4, 5}, 1, "the first of all"},
  };
  for (const auto& c : cases) {
    auto packets = decoded_at(c.seconds);
    EXPECT_EQ(drop_strays(packets), c.dropped) << c.why;
    EXPECT_EQ(packets.size(), c.seconds.size() - c.dropped) << c.why;
  }
}

TEST(Strays, PicturesAreShownSoonAfterTheyAreDecoded) {
  std::vector<PacketEntry> packets;
  for (std::int64_t i = 0; i < 60; ++i) {  // One picture a minute, three of four shown late.
    constexpr std::int64_t kLate[] = {1, 4, 2, 3};
    packets.push_back(
        {.pts_ticks = (i - i % 4 + kLate[i % 4]) * 60 * kSecond, .dts_ticks = i * 60 * kSecond});
  }
  EXPECT_EQ(drop_strays(packets), 0U);
  packets[20].pts_ticks += std::int64_t{4'000} * kSecond;
  packets[30].pts_ticks -= std::int64_t{4'000} * kSecond;
  EXPECT_EQ(drop_strays(packets), 2U);
}

}  // namespace
}  // namespace sf::transcode

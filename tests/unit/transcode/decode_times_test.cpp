#include "decode_times.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sf::transcode {
namespace {

TEST(DecodeTimes, RunAheadByTheDelay) {
  const std::vector<std::int64_t> shown{0, 3'000, 6'000, 9'000, 12'000, 15'000};
  std::vector<std::int64_t> decoded;
  for (std::size_t place = 0; place < shown.size(); ++place) {
    decoded.push_back(decode_time(shown, place, 2));
  }
  EXPECT_EQ(decoded, (std::vector<std::int64_t>{0, 1'000, 2'000, 3'000, 6'000, 9'000}));
  EXPECT_EQ(decode_time(shown, 4, 0), 12'000);
}

// The first is shown as soon as it is decoded, which players take for the begin of all tracks.
TEST(DecodeTimes, BeginWithTheFirstPictureAndRise) {
  std::mt19937 random(3);
  for (int film = 0; film < 200; ++film) {
    std::vector<std::int64_t> shown{0};
    while (shown.size() < 1 + random() % 40) {
      shown.push_back(shown.back() + 1'500 + static_cast<std::int64_t>(random() % 200'000));
    }
    const auto delay = static_cast<std::uint32_t>(random() % 17);
    std::int64_t last = -1;
    for (std::size_t place = 0; place < shown.size() + delay; ++place) {
      const std::int64_t at = decode_time(shown, place, delay);
      EXPECT_GT(at, last) << place << " of " << shown.size() << ", delay " << delay;
      last = at;
      // What is decoded `place`-th is shown no earlier than the picture `delay` before it, and none
      // but the first as early as that.
      const std::size_t earliest = std::max<std::size_t>(place > delay ? place - delay : 0, 1);
      if (place == 0) {
        EXPECT_EQ(at, 0);
      } else if (earliest < shown.size()) {
        EXPECT_LE(at, shown[earliest]);
      }
    }
  }
}

}  // namespace
}  // namespace sf::transcode

#include <streamforge/base/clock.hpp>

#include <gtest/gtest.h>

namespace sf {
namespace {

TEST(Clock, WritesRfc3339) {
  EXPECT_EQ(to_rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(1767323045678), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(to_rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, ReadsAllThreeHttpDateForms) {
  constexpr std::int64_t kExample = 784111777000;  // The date of RFC 9110 section 5.6.7.
  EXPECT_EQ(to_http_date(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), kExample);
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800000);
}

TEST(Clock, RefusesWhatIsNoHttpDate) {
  for (const char* bad : {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
                          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
                          "sun, 06 nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 GMT "}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

TEST(Clock, TheTickIsSomeMillisecondsOldAtMost) {
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t tick_ms = wall_tick_ms();
    const std::int64_t now_ms = wall_ms();
    EXPECT_LE(tick_ms, now_ms);
    if (now_ms - tick_ms <= 10) return;  // A tick is 10 ms at most; we may have been waiting.
  }
  FAIL() << "each of them was older than a tick";
}

TEST(Clock, MonotonicTimeNeverGoesBack) {
  const auto first = mono_ns();
  EXPECT_LE(first, mono_ns());
}

}  // namespace
}  // namespace sf

#include "remote.hpp"

#include <gtest/gtest.h>

#include <streamforge/base/clock.hpp>

namespace sf::tus {
namespace {

TEST(RetryAfter, IsSecondsOrADate) {
  constexpr std::int64_t kNowMs = 1'700'000'000'000;
  const auto ms = [](std::string_view field) { return retry_after_ms_of(field, kNowMs); };
  EXPECT_EQ(ms("0"), 0u);
  EXPECT_EQ(ms("120"), 120'000u);
  EXPECT_EQ(ms(to_http_date(kNowMs + 60'000)), 60'000u);
  EXPECT_EQ(ms(to_http_date(kNowMs - 60'000)), 0u);
  EXPECT_EQ(ms("soon"), 0u);
  EXPECT_EQ(ms("-5"), 0u);
  constexpr std::uint64_t kDayMs = 86'400'000;
  EXPECT_EQ(ms("99999999"), kDayMs);
  EXPECT_EQ(ms(to_http_date(kNowMs + 90'000'000)), kDayMs);
}

TEST(IdOf, IsTheLastSegment) {
  EXPECT_EQ(id_of("/files/abc"), "abc");
  EXPECT_EQ(id_of("http://host:1/files/abc"), "abc");
}

}  // namespace
}  // namespace sf::tus

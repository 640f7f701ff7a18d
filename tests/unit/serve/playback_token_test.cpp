#include "playback_token.hpp"

#include <gtest/gtest.h>

namespace sf::serve {
namespace {

constexpr std::int64_t kExpiresS = 2'000'000'000;
constexpr std::int64_t kBeforeMs = kExpiresS * 1000 - 1;

TEST(PlaybackToken, IsGoodForItsVideoUntilItsTime) {
  const PlaybackTokens tokens("key");
  const std::string token = tokens.sign("a", kExpiresS);
  const auto checked = tokens.check("a", token, kBeforeMs);
  ASSERT_TRUE(checked);
  EXPECT_EQ(*checked, kExpiresS * 1000);
  EXPECT_FALSE(tokens.check("a", token, kBeforeMs + 1));
  EXPECT_FALSE(tokens.check("b", token, kBeforeMs));
  EXPECT_FALSE(PlaybackTokens("other key").check("a", token, kBeforeMs));
}

TEST(PlaybackToken, AnyChangeIsNoticed) {
  const PlaybackTokens tokens("key");
  const std::string token = tokens.sign("a", kExpiresS);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == '1' ? '2' : '1';
    EXPECT_FALSE(tokens.check("a", other, 0)) << other;
    EXPECT_FALSE(tokens.check("a", token.substr(0, i), 0));
  }
  for (const char* text :
       {"", "-", "1-", "-1", "99999999999999999999-0", "+1-0", "1-\xff", "0x1-2"}) {
    const auto checked = tokens.check("a", text, 0);
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().code, ErrorCode::kPermissionDenied);
  }
}

}  // namespace
}  // namespace sf::serve

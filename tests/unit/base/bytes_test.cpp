#include <streamforge/base/bytes.hpp>

#include <gmock/gmock.h>

namespace sf {
namespace {

using testing::ElementsAre;

TEST(ParseDecimal, TakesDigitsOnlyUpToTheMaximum) {
  struct Row {
    std::string_view text;
    std::uint64_t max;
    std::optional<std::uint64_t> expected;
  };
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  constexpr std::uint64_t kTus = (std::uint64_t{1} << 63) - 1;
  const Row rows[] = {
      {"0", kTus, 0},
      {"007", kTus, 7},
      {"9223372036854775807", kTus, kTus},
      {"9223372036854775808", kTus, std::nullopt},
      {"18446744073709551615", kAll, kAll},
      {"18446744073709551616", kAll, std::nullopt},
      {"99999999999999999999999", kAll, std::nullopt},
      {"5", 5, 5},
      {"6", 5, std::nullopt},
      {"", kTus, std::nullopt},
      {"-1", kTus, std::nullopt},
      {"+1", kTus, std::nullopt},
      {" 1", kTus, std::nullopt},
      {"1 ", kTus, std::nullopt},
      {"0x1", kTus, std::nullopt},
      {"1e3", kTus, std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(parse_decimal(row.text, row.max), row.expected) << row.text;
}

TEST(Hex, RoundTripsAndRefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(as_bytes(std::string_view("\x00\x7f\xff", 3))), "007fff");
  const auto bytes = from_hex("00Ff");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(as_text(*bytes), std::string_view("\x00\xff", 2));
  for (const char* bad : {"0", "0g", "0x", " 0"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> rows[] = {{"", ""},
                                                      {"f", "Zg=="},
                                                      {"fo", "Zm8="},
                                                      {"foo", "Zm9v"},
                                                      {"foob", "Zm9vYg=="},
                                                      {"fooba", "Zm9vYmE="},
                                                      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : rows) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
}

TEST(Base64, DecodesStrictly) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "=g==", "Zm 9",
                          "Z===", "====", "Zm9v\n", "Zm-_"}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

TEST(PercentCoding, RoundTripsAndRefusesBrokenEscapes) {
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(percent_decode("a%20b%2f%C3%BC~"), "a b/ü~");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
  for (const char* bad : {"%", "%2", "%g0", "%0g", "a%"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(Utf8, AcceptsWellFormedTextOnly) {
  for (const char* good :
       {"", "plain", "ü", "€", "\xF0\x9F\x98\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\xFF", "\xE2\x82"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Text, ComparesTrimsAndSplitsWithoutALocale) {
  EXPECT_TRUE(equals_ignoring_case("Content-Type", "cONTENT-tYPE"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
  EXPECT_FALSE(equals_ignoring_case("@", "`"));
  EXPECT_EQ(to_lower("ÄBc"), "Äbc");
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(EqualsInConstantTime, ComparesLengthAndBytes) {
  EXPECT_TRUE(equals_in_constant_time("secret", "secret"));
  EXPECT_FALSE(equals_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equals_in_constant_time("secret", "secrets"));
  EXPECT_TRUE(equals_in_constant_time("", ""));
}

TEST(Concat, JoinsTextAndNumbers) {
  EXPECT_EQ(concat("at ", 1u, '/', -2, ' ', 0.5, ' ', std::string("x"), ~std::uint64_t{0}),
            "at 1/-2 0.5 x18446744073709551615");
}

}  // namespace
}  // namespace sf

#include "structured_fields.hpp"

#include <gtest/gtest.h>

namespace sf::tus {
namespace {

TEST(StructuredFields, ItemsByType) {
  EXPECT_EQ(parse_sf_item("5"), SfValue(std::int64_t{5}));
  EXPECT_EQ(parse_sf_item("  -5 "), SfValue(std::int64_t{-5}));
  EXPECT_EQ(parse_sf_item("999999999999999"), SfValue(std::int64_t{999'999'999'999'999}));
  EXPECT_EQ(parse_sf_item("?1"), SfValue(true));
  EXPECT_EQ(parse_sf_item("?0;a=1;b"), SfValue(false));
  EXPECT_EQ(parse_sf_item(":aGVsbG8=:"), SfValue(SfBytes{"hello"}));
  for (const char* other : {"1.5", "token", "*/x", "\"te\\\"xt\"", "@1659578233", "%\"x\""}) {
    EXPECT_EQ(parse_sf_item(other), SfValue(SfOther{})) << other;
  }
}

TEST(StructuredFields, R25_WhatIsMalformedIsNothing) {
  for (const char* bad : {"",
                          "+5",
                          "5 5",
                          "5,5",
                          "5, 5",
                          "0x5",
                          "-",
                          "1.",
                          "1.2345",
                          "9999999999999999",
                          "1234567890123.1",
                          "?",
                          "?2",
                          "? 1",
                          ":a",
                          ":!!!!:",
                          "\"open",
                          "\"\\x\"",
                          "\"\t\"",
                          "@1.5",
                          "@",
                          "%x",
                          "5;",
                          "5;A=1",
                          "(1)"}) {
    EXPECT_EQ(parse_sf_item(bad), std::nullopt) << bad;
  }
}

TEST(StructuredFields, R25_LengthsAndBooleansAreOfTheirType) {
  EXPECT_EQ(sf_length("0"), 0u);
  EXPECT_EQ(sf_length("007"), 7u);
  for (const char* bad : {"-1", "\"5\"", "5.0", "?1", "five"}) {
    EXPECT_EQ(sf_length(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(sf_length(std::nullopt), std::nullopt);
  EXPECT_EQ(sf_boolean("?1"), true);
  EXPECT_EQ(sf_boolean("?0"), false);
  for (const char* bad : {"true", "1", "?2", "\"?1\"", ""}) {
    EXPECT_EQ(sf_boolean(bad), std::nullopt) << bad;
  }
}

TEST(StructuredFields, Dictionaries) {
  const auto some = parse_sf_dictionary("a=1,b=?0;x=2 ,\tc, d=(1 \"x\");p, *e=:YQ==:, a=3");
  ASSERT_TRUE(some);
  const SfDictionary expected = {
      {"b", false}, {"c", true}, {"d", SfOther{}}, {"*e", SfBytes{"a"}}, {"a", std::int64_t{3}}};
  EXPECT_EQ(*some, expected);
  EXPECT_EQ(parse_sf_dictionary("")->size(), 0u);
  for (const char* bad : {"a=1,", "a=1 b=2", "A=1", "=1", "a=", "a=(1", "a=(1,2)", ",a", "a==1"}) {
    EXPECT_EQ(parse_sf_dictionary(bad), std::nullopt) << bad;
  }
}

TEST(StructuredFields, BytesAreWrittenAsTheyAreRead) {
  EXPECT_EQ(sf_bytes("hello"), ":aGVsbG8=:");
  EXPECT_EQ(parse_sf_item(sf_bytes("")), SfValue(SfBytes{""}));
}

}  // namespace
}  // namespace sf::tus

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/http/representation.hpp>

#include <gtest/gtest.h>

namespace sf::http {
namespace {

/// "200", "416" or the ranges as "a-b,c-d".
std::string decided(std::string_view field, std::uint64_t bytes) {
  const auto decision = decide_ranges(field, bytes);
  if (decision.verdict == RangeVerdict::kWhole) return "200";
  if (decision.verdict == RangeVerdict::kUnsatisfiable) return "416";
  std::string text;
  for (const auto range : decision.ranges) {
    if (!text.empty()) text.push_back(',');
    text.append(concat(range.first, '-', range.last));
  }
  return text;
}

struct Row {
  std::string field;
  std::uint64_t bytes;
  std::string expected;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    EXPECT_EQ(decided(row.field, row.bytes), row.expected) << row.field << " of " << row.bytes;
  }
}

TEST(Ranges, H1_OneRange) {
  expect_rows({{"bytes=0-0", 100, "0-0"},
               {"bytes=10-19", 100, "10-19"},
               {"bytes=90-", 100, "90-99"},
               {"bytes=0-", 100, "0-99"},
               {"bytes=90-1000", 100, "90-99"},
               {"bytes=99-99", 100, "99-99"},
               {"BYTES=0-0", 100, "0-0"},
               {"bytes= 0-0 ", 100, "0-0"},
               {"bytes=,0-0,,", 100, "0-0"}});
}

TEST(Ranges, H2_Suffixes) {
  expect_rows({{"bytes=-1", 100, "99-99"},
               {"bytes=-100", 100, "0-99"},
               {"bytes=-101", 100, "0-99"},
               {"bytes=-99999999999999999999", 100, "0-99"},
               {"bytes=-0", 100, "416"},
               {"bytes=-0,0-0", 100, "0-0"}});
}

TEST(Ranges, H3_BeyondTheEnd) {
  expect_rows({{"bytes=100-", 100, "416"},
               {"bytes=100-200", 100, "416"},
               {"bytes=500-600,700-", 100, "416"},
               {"bytes=500-600,1-2", 100, "1-2"},
               {"bytes=0-0", 0, "416"},
               {"bytes=0-", 0, "416"},
               {"bytes=-5", 0, "416"}});
}

TEST(Ranges, H4_SeveralRangesKeepTheirOrder) {
  expect_rows({{"bytes=0-1,4-5", 100, "0-1,4-5"},
               {"bytes=50-59, 0-9", 100, "50-59,0-9"},
               {"bytes=-10,0-9", 100, "90-99,0-9"}});
}

TEST(Ranges, H5_OverlapsAreCoalescedAndManyAreRefused) {
  expect_rows({{"bytes=0-9,5-14", 100, "0-14"},
               {"bytes=0-9,10-19", 100, "0-19"},
               {"bytes=5-14,0-9", 100, "0-14"},
               {"bytes=0-4,20-24,3-21", 100, "0-24"},
               {"bytes=0-,0-,0-,0-", 100, "0-99"},
               {"bytes=40-49,0-9,30-41,8-31", 100, "0-49"}});
  std::string many = "bytes=0-0";
  for (unsigned i = 1; i < limits::kRangesMax; ++i) many += ",0-0";
  EXPECT_EQ(decided(many, 100), "0-0");
  EXPECT_EQ(decided(many + ",0-0", 100), "200");
  for (unsigned i = 0; i < 1000; ++i) many += concat(",", 2 * i, "-", 2 * i);
  EXPECT_EQ(decided(many, 10'000), "200");
}

TEST(Ranges, H6_MalformedIsTheWhole) {
  expect_rows({{"bytes=5-2", 100, "200"},
               {"bytes=x", 100, "200"},
               {"bytes=", 100, "200"},
               {"bytes=,", 100, "200"},
               {"bytes", 100, "200"},
               {"bytes=-", 100, "200"},
               {"bytes=1", 100, "200"},
               {"bytes=1-2-3", 100, "200"},
               {"bytes=--1", 100, "200"},
               {"bytes=+1-2", 100, "200"},
               {"bytes=1 -2", 100, "200"},
               {"bytes=0x1-2", 100, "200"},
               {"bytes=0-0,x", 100, "200"},
               {"bytes=0-0;1-1", 100, "200"},
               {"items=0-5", 100, "200"},
               {"bytes 0-5", 100, "200"},
               {"", 100, "200"},
               {"=0-5", 100, "200"},
               {"bytes=18446744073709551616-", 100, "416"}});
}

TEST(Ranges, H27_NumbersNearTheEdges) {
  const std::uint64_t large = (std::uint64_t{1} << 63) + 10;
  expect_rows({{"bytes=2147483647-2147483648", large, "2147483647-2147483648"},
               {"bytes=4294967295-4294967296", large, "4294967295-4294967296"},
               {"bytes=9223372036854775807-9223372036854775808", large,
                "9223372036854775807-9223372036854775808"},
               {"bytes=9223372036854775817-", large, "9223372036854775817-9223372036854775817"},
               {"bytes=0-18446744073709551615", 100, "0-99"},
               {"bytes=0-18446744073709551616", 100, "0-99"},
               {"bytes=0-99999999999999999999999999", 100, "0-99"},
               {"bytes=18446744073709551615-18446744073709551615", 100, "416"},
               {"bytes=99999999999999999999-99999999999999999998", 100, "416"}});
}

}  // namespace
}  // namespace sf::http

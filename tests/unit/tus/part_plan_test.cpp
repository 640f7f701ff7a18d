#include <gtest/gtest.h>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

#include "part_plan.hpp"

namespace sf::tus {
namespace {

using limits::kMiB;

std::string big_endian(std::uint64_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = bytes; i-- > 0;) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}
std::string box(const char* type, std::size_t payload) {
  return big_endian(8 + payload, 4) + type + std::string(payload, 'x');
}
std::string large_box(const char* type, std::size_t payload) {
  return big_endian(1, 4) + type + big_endian(16 + payload, 8) + std::string(payload, 'x');
}
std::optional<ByteRange> late_index_of(const std::string& file) {
  const ReadAt read = [&file](std::uint64_t at, std::size_t bytes) -> Result<std::string> {
    return file.substr(at, bytes);
  };
  return late_index(read, file.size());
}

TEST(LateIndex, IsMoovBehindMedia) {
  const std::string ftyp = box("ftyp", 16);
  const auto expect = [](const std::string& before, std::size_t moov_bytes) {
    return ByteRange{before.size(), before.size() + moov_bytes};
  };
  std::string before = ftyp + box("free", 0) + box("mdat", 100);
  EXPECT_EQ(late_index_of(before + box("moov", 12)), expect(before, 20));
  EXPECT_EQ(late_index_of(before + box("moov", 12) + box("free", 50)), expect(before, 20));
  before = ftyp + large_box("mdat", 100);
  EXPECT_EQ(late_index_of(before + large_box("moov", 12)), expect(before, 28));
  EXPECT_EQ(late_index_of(before + big_endian(0, 4) + "moov to the end"), expect(before, 19));
}

TEST(LateIndex, IsNoneOfOtherFiles) {
  const std::string ftyp = box("ftyp", 16);
  const std::string mdat = box("mdat", 100);
  for (const std::string& file : {
           std::string(),
           std::string("moo"),
           ftyp + box("moov", 12) + mdat,
           ftyp + mdat,
           ftyp + mdat + box("moov", 12).substr(0, 12),  // Cut.
           ftyp + mdat + big_endian(7, 4) + "moov",      // No box is that small.
           ftyp + mdat + big_endian(1, 4) + "moov",      // Its size is missing.
           ftyp + big_endian(1, 4) + "mdat" + big_endian(~std::uint64_t{0}, 8) + box("moov", 12),
           ftyp + big_endian(0, 4) + "mdat" + box("moov", 12),  // The rest is media.
           std::string("\x1a\x45\xdf\xa3") + std::string(100, 'm'),
       }) {
    EXPECT_EQ(late_index_of(file), std::nullopt) << file.size();
  }
}

/// Sorted, the parts are the file, and all cuts are where O_DIRECT can begin.
void expect_cover(std::vector<ByteRange> parts, std::uint64_t total) {
  std::ranges::sort(parts, {}, &ByteRange::begin);
  std::uint64_t at = 0;
  for (const ByteRange& part : parts) {
    EXPECT_EQ(part.begin, at);
    EXPECT_EQ(part.begin % 4096, 0u);
    EXPECT_GT(part.end, part.begin);
    at = part.end;
  }
  EXPECT_EQ(at, total);
}

TEST(PartPlan, SmallFilesStayWhole) {
  EXPECT_TRUE(plan_parts(0, {}, 6).empty());
  EXPECT_TRUE(plan_parts(16 * kMiB - 1, {}, 6).empty());
  EXPECT_TRUE(plan_parts(4 * kMiB - 1, ByteRange{3 * kMiB, 4 * kMiB - 1}, 6).empty());
}

TEST(PartPlan, GoesFromTheHeadToTheTail) {
  for (const unsigned connections : {2u, 6u, 32u}) {
    for (const std::uint64_t total :
         {16 * kMiB, 64 * kMiB + 1, 300 * kMiB - 1, 5'000'000'001ul, 40'000'000'000'000ul}) {
      const auto parts = plan_parts(total, {}, connections);
      expect_cover(parts, total);
      EXPECT_TRUE(std::ranges::is_sorted(parts, {}, &ByteRange::begin));
      EXPECT_GE(parts.size(), connections);
      EXPECT_LE(parts.size(), 200u);
      const std::uint64_t largest = std::ranges::max(parts, {}, &ByteRange::bytes).bytes();
      EXPECT_LE(largest, std::max(16 * kMiB + 4096, total / (128 - connections) + 2 * 4096));
    }
  }
}

TEST(PartPlan, TheIndexLeavesFirst) {
  for (const std::uint64_t total :
       {4 * kMiB, 100 * kMiB + 3, 5'000'000'001ul, 40'000'000'000'000ul}) {
    for (const ByteRange index :
         {ByteRange{total - 100, total}, ByteRange{total - 5000, total},
          ByteRange{total - 3 * kMiB, total}, ByteRange{total / 2 + 1, total / 2 + 5000},
          ByteRange{100, total - 5}}) {
      const auto parts = plan_parts(total, index, 6);
      expect_cover(parts, total);
      EXPECT_LE(parts.front().begin, index.begin);
      EXPECT_GT(parts.front().begin + 4096, index.begin) << "nothing before the index's block";
      EXPECT_GE(parts.front().end, index.end);
      EXPECT_TRUE(std::ranges::is_sorted(parts.begin() + 1, parts.end(), {}, &ByteRange::begin));
      EXPECT_LE(parts.size(), 200u);
    }
  }
}

// So that what can be played grows early.
TEST(PartPlan, TheHeadLeavesInSmallParts) {
  const std::uint64_t total = 400 * kMiB;
  auto parts = plan_parts(total, ByteRange{total - 5000, total}, 8);
  parts.erase(parts.begin());
  EXPECT_EQ(plan_parts(total, {}, 8).front(), parts.front());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(parts[i].bytes(), kMiB);
  for (std::size_t i = 4; i < parts.size(); ++i) {
    EXPECT_LE(parts[i].bytes(), parts[i].begin / 4 + 2 * 4096);
    EXPECT_LE(parts[i].bytes(), 17 * kMiB);
  }
}

}  // namespace
}  // namespace sf::tus

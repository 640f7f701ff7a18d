#include "ts_reader.hpp"

#include "ts_writer.hpp"

#include <gtest/gtest.h>

namespace sf::transcode {
namespace {

std::vector<std::uint8_t> unit_of(std::size_t bytes, std::uint8_t fill) {
  std::vector<std::uint8_t> unit(bytes, fill);
  unit.back() = 0x80;  // No zero: those at the end may be padding.
  return unit;
}

TEST(TsReader, ReadsWhatTheWriterWrote) {
  for (const std::int64_t begin : {std::int64_t{0}, std::int64_t{27} * 3600 * 90'000}) {
    TsWriter writer(TsStream::kH264, 3);
    std::vector<std::vector<std::uint8_t>> units;
    for (const std::size_t bytes : {1, 150, 158, 159, 170, 184, 5'000, 70'000}) {
      units.push_back(unit_of(bytes, static_cast<std::uint8_t>(units.size() + 1)));
      const auto at = begin + static_cast<std::int64_t>(units.size()) * 3'000;
      writer.add({units.back(), at, at - 6'000, units.size() == 1});
    }
    const auto read = read_segment(writer.finish(), begin);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->size(), units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      const auto at = begin + static_cast<std::int64_t>(i + 1) * 3'000;
      std::vector<std::uint8_t> bytes = (*read)[i].bytes;
      while (i + 1 == units.size() && bytes.back() == 0) bytes.pop_back();
      EXPECT_EQ(bytes, units[i]) << i;
      EXPECT_EQ((*read)[i].pts_ticks, at);
      EXPECT_EQ((*read)[i].dts_ticks, at - 6'000);
      EXPECT_EQ((*read)[i].random_access, i == 0);
    }
  }
}

TEST(TsReader, StampsBeforeZeroStayBeforeIt) {
  TsWriter writer(TsStream::kAac, 0);
  const auto unit = unit_of(100, 7);
  writer.add({unit, -1'000, -1'000, true});
  const auto read = read_segment(writer.finish(), 0);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->front().pts_ticks, -1'000);
}

TEST(TsReader, RefusesWhatIsNoSegment) {
  TsWriter writer(TsStream::kH264, 0);
  const auto unit = unit_of(500, 7);
  writer.add({unit, 0, 0, true});
  const auto bytes = writer.finish();
  const std::vector<std::uint8_t> good(bytes.begin(), bytes.end());
  EXPECT_FALSE(read_segment({}, 0));
  EXPECT_FALSE(read_segment(std::span(good).first(good.size() - 1), 0)) << "cut";
  EXPECT_FALSE(read_segment(std::span(good).subspan(3 * kTsPacketBytes), 0)) << "no begin";
  // Whatever is changed: read or refused, and nothing outside is touched (ASan).
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int value : {0x00, 0x47, 0x80, 0xff}) {
      std::vector<std::uint8_t> bad = good;
      bad[at] = static_cast<std::uint8_t>(value);
      (void)read_segment(bad, 0).has_value();
    }
  }
  std::vector<std::uint8_t> bad = good;
  bad[kTsPacketBytes] = 0;
  EXPECT_FALSE(read_segment(bad, 0)) << "no sync byte";
}

}  // namespace
}  // namespace sf::transcode

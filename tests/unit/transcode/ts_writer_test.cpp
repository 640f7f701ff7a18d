#include "ts_writer.hpp"

#include "adts.hpp"
#include "audio.hpp"
#include "audio_copy.hpp"
#include "engine_case.hpp"
#include "ts_reader.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace sf::transcode {
namespace {

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hex(std::string_view bytes) { return to_hex(as_bytes(bytes)); }

TEST(TsWriter, TablesAndFirstPacketAreTheseBytes) {
  TsWriter writer(TsStream::kH264, 18);
  const std::vector<std::uint8_t> unit(100, 0xab);
  writer.add({.bytes = unit, .pts_ticks = 6'000, .dts_ticks = 0, .random_access = true});
  const std::string bytes = text_of(writer.finish());
  ASSERT_EQ(bytes.size(), 188U * 18);
  // Counter 18 mod 16 = 2; PAT: program 1 at PID 0x1000; CRC of ISO 13818-1.
  EXPECT_EQ(hex(bytes.substr(0, 21)),
            "4740001200"
            "00b00d0001c10000"
            "0001f000"
            "2ab104b2");
  EXPECT_EQ(hex(bytes.substr(188, 26)),
            "4750001200"
            "02b0120001c10000"
            "e100f000"
            "1be100f000"
            "15bd4d56");
  EXPECT_EQ(bytes.substr(21, 167), std::string(167, '\xff'));
  // PCR 900000 - 63000 = 837000; PES with PTS 906000 and DTS 900000.
  const std::string first = bytes.substr(376, 188);
  EXPECT_EQ(hex(first.substr(0, 4)), "47410030");
  EXPECT_EQ(hex(first.substr(5, 7)),
            "50"
            "000662c47e00");
  const std::string payload = first.substr(5 + static_cast<unsigned char>(first[4]));
  EXPECT_EQ(hex(payload.substr(0, 9)),
            "000001e0"
            "0071"
            "84c00a");
  EXPECT_EQ(hex(payload.substr(9, 10)),
            "310037a621"
            "1100377741");
  EXPECT_EQ(ts_faults(bytes), "");
}

TEST(TsWriter, CountersRunOnAcrossSegmentsOfAnySize) {
  std::string all;
  for (std::uint32_t segment = 0; segment < 40; ++segment) {
    TsWriter writer(TsStream::kH264, segment);
    for (std::uint32_t unit = 0; unit <= segment % 5; ++unit) {
      const std::vector<std::uint8_t> bytes(1 + (segment * 977 + unit * 331) % 5000, 0x55);
      const std::int64_t at = segment * 360'000 + unit * 3000;
      writer.add({.bytes = bytes, .pts_ticks = at, .dts_ticks = at, .random_access = unit == 0});
    }
    const std::string bytes = text_of(writer.finish());
    EXPECT_EQ((bytes.size() / 188 - 2) % 16, 0U);
    all += bytes;
  }
  EXPECT_EQ(ts_faults(all), "");
}

// Takes the payloads out again, as a player does.
TEST(TsWriter, EveryByteArrives) {
  for (const std::size_t size : {1U, 2U, 15U, 140U, 157U, 158U, 159U, 160U, 162U, 163U, 168U, 341U,
                                 342U, 343U, 5000U, 70'000U}) {
    TsWriter writer(TsStream::kH264, 0);
    std::vector<std::uint8_t> unit(size);
    std::iota(unit.begin(), unit.end(), std::uint8_t{1});
    const std::uint64_t offset = writer.next_offset();
    writer.add({.bytes = unit, .pts_ticks = 90'000, .dts_ticks = 87'000, .random_access = false});
    const std::string bytes = text_of(writer.finish());
    std::string payload;
    for (std::size_t at = offset; at < bytes.size(); at += 188) {
      const auto control = static_cast<unsigned char>(bytes[at + 3]) >> 4;
      const std::size_t field =
          (control & 2U) != 0 ? static_cast<unsigned char>(bytes[at + 4]) + 1U : 0;
      ASSERT_LT(field, 184U);
      payload += bytes.substr(at + 4 + field, 184 - field);
    }
    ASSERT_GE(payload.size(), 19 + size);
    EXPECT_EQ(hex(payload.substr(0, 4)), "000001e0");
    EXPECT_EQ(payload.substr(19, size), text_of(unit)) << size;
    EXPECT_EQ(payload.substr(19 + size).find_first_not_of('\0'), std::string::npos);
  }
}

// A frame of digital silence alone is shorter than the packets that are to be filled: what fills
// them is no sound to libav, and nothing to our own reader.
TEST(TsWriter, WhatFillsTheLastPacketsIsNoFrame) {
  const AudioPlan track{.sample_rate = 48'000, .channels = 1};
  const auto raw = silent_aac_frame(track.channels);
  const auto head = adts_head(raw.size(), track.sample_rate, track.channels);
  std::vector<std::uint8_t> frame(head.begin(), head.end());
  frame.insert(frame.end(), raw.begin(), raw.end());
  const test::TempDir folder;
  std::string all;
  for (std::uint32_t segment = 0; segment < 7; ++segment) {
    const std::vector<std::vector<std::uint8_t>> frames(12 + segment, frame);
    std::int64_t first = 0;
    for (std::uint32_t before = 0; before < segment; ++before) first += (12 + before) * 1024;
    const auto bytes = write_audio_segment(frames, segment, first, track.sample_rate);
    const auto units = read_segment(bytes, 0);
    ASSERT_TRUE(units) << segment;
    std::size_t read = 0;
    for (const TsUnit& unit : *units) read += unit.bytes.size();
    EXPECT_EQ(read, frames.size() * frame.size()) << segment;
    all += text_of(bytes);
  }
  EXPECT_EQ(ts_faults(all), "");
  test::write_file(folder.path() / "silent.ts", all);
  EXPECT_EQ(test::decode_errors(folder.file("silent.ts")), "");
  EXPECT_EQ(test::probe_packets(folder.file("silent.ts"), 'a').size(), 7U * 15);
}

}  // namespace
}  // namespace sf::transcode

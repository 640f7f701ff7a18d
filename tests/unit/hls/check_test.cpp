#include <streamforge/hls/check.hpp>

#include "check_subtitles.hpp"
#include "check_track.hpp"
#include "m3u8.hpp"
#include "ts_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sf::hls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Files = std::map<std::string, std::string>;

std::map<unsigned, CheckedRow> checked(const Files& files, bool headers = false) {
  const auto rows =
      check_stream("master.m3u8", [&](const std::string& uri, bool) -> Result<Fetched> {
        const auto file = files.find(uri);
        if (file == files.end()) return fail(ErrorCode::kNotFound, "there is no such file");
        Fetched answer;
        answer.headers = headers;
        answer.body = file->second;
        return answer;
      });
  std::map<unsigned, CheckedRow> found;
  for (const CheckedRow& row : rows) found[row.number] = row;
  return found;
}

const std::string kList =
    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n"
    "#EXTINF:4.000000,\n0.ts\n#EXT-X-ENDLIST\n";
const std::string kMaster =
    "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"One\",LANGUAGE=\"en\",URI=\"a/index.m3u8\"\n"
    "#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS=\"avc1.64001e,mp4a.40.2\","
    "RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO=\"a\"\n360p/index.m3u8\n";

TEST(M3u8, ReadsWhatPlaylistsSay) {
  const M3u8 master = read_m3u8(kMaster);
  EXPECT_TRUE(master.faults.empty());
  EXPECT_TRUE(master.independent);
  ASSERT_EQ(master.variants.size(), 1U);
  EXPECT_EQ(master.variants[0].uri, "360p/index.m3u8");
  EXPECT_EQ(attribute(master.variants[0].attributes, "CODECS"), "avc1.64001e,mp4a.40.2");
  EXPECT_EQ(number_attribute(master.variants[0].attributes, "BANDWIDTH"), 900'000U);
  ASSERT_EQ(master.media.size(), 1U);
  EXPECT_EQ(attribute(master.media[0], "URI"), "a/index.m3u8");

  const M3u8 list = read_m3u8(
      "#EXTM3U\r\n#EXT-X-TARGETDURATION:6\r\n#EXT-X-START:TIME-OFFSET=0\r\n#EXTINF:4,a\r\n"
      "#EXT-X-BYTERANGE:10@5\r\nall.ts\r\n#EXTINF:2.5,\r\n#EXT-X-BYTERANGE:7\r\n"
      "#EXT-X-DISCONTINUITY\r\nall.ts\r\n#EXT-X-ENDLIST\r\n");
  EXPECT_TRUE(list.faults.empty());
  EXPECT_EQ(list.start_seconds, 0.0);
  ASSERT_EQ(list.segments.size(), 2U);
  EXPECT_EQ(list.segments[0].range->offset, 5U);
  EXPECT_EQ(list.segments[1].range->offset, 15U) << "where the one before ended";
  EXPECT_TRUE(list.segments[1].discontinuity);
  EXPECT_DOUBLE_EQ(list.seconds(), 6.5);
  EXPECT_TRUE(list.ended);
}

TEST(VttScan, ReadsTimesAndTheMap) {
  const VttScan scan = scan_webvtt(
      "\xef\xbb\xbfWEBVTT - anybody's\r\nX-TIMESTAMP-MAP=LOCAL:00:00:02.000,MPEGTS:900000\r\n\r\n"
      "1\r\n00:01.500 --> 01:00:02.000 line:0 align:start\r\nText\r\n");
  EXPECT_THAT(scan.faults, ElementsAre());
  EXPECT_TRUE(scan.mapped);
  EXPECT_EQ(scan.shift_ticks, 900'000 - 180'000);
  ASSERT_EQ(scan.cues.size(), 1U);
  EXPECT_EQ(scan.cues[0].begin_ticks, 135'000);
  EXPECT_EQ(scan.cues[0].end_ticks, 3'602 * 90'000);
}

TEST(VttScan, NamesWhatIsWrong) {
  const struct {
    const char* text;
    const char* fault;
  } cases[] = {
      {"", "is no WebVTT"},
      {"WEBVTTX\n", "is no WebVTT"},
      {"<html>", "is no WebVTT"},
      {"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:1\n", "says nothing"},
      {"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:x,LOCAL:00:00:00.000\n", "says nothing"},
      {"WEBVTT\n\n1 --> 2\n", "a cue without times"},
      {"WEBVTT\n\n00:02.000 --> 00:02.000\n", "a cue without times"},
      {"WEBVTT\n\n00:00:01,000 --> 00:00:02,000\n", "a cue without times"},
      {"WEBVTT\n\n-->\n", "a cue without times"},
  };
  for (const auto& c : cases) {
    const VttScan scan = scan_webvtt(c.text);
    ASSERT_EQ(scan.faults.size(), 1U) << c.text;
    EXPECT_THAT(scan.faults[0], HasSubstr(c.fault)) << c.text;
  }
  EXPECT_FALSE(scan_webvtt("WEBVTT\n\nX-TIMESTAMP-MAP=MPEGTS:1,LOCAL:00:00.000\n").mapped)
      << "behind the header it is none";
}

TEST(M3u8, NamesWhatBreaksTheSyntax) {
  const struct {
    const char* text;
    const char* fault;
  } cases[] = {
      {"", "the first line is not #EXTM3U"},
      {"\xef\xbb\xbf#EXTM3U\n", "it begins with a BOM"},
      {"#EXTM3U\n\x01\n", "it holds control characters"},
      {"#EXTM3U\n\xff\n", "it is not UTF-8"},
      {"#EXTM3U\n#EXTINF:x,\na.ts\n", "EXTINF is malformed"},
      {"#EXTM3U\na.ts\n", "a segment without EXTINF"},
      {"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", "EXT-X-STREAM-INF without a URI"},
      {"#EXTM3U\n#EXT-X-MEDIA:TYPE=\"AUDIO\n", "a quote that does not end"},
      {"#EXTM3U\n#EXT-X-TARGETDURATION:-1\n", "EXT-X-TARGETDURATION is no number"},
  };
  for (const auto& c : cases) {
    const auto faults = read_m3u8(c.text).faults;
    ASSERT_FALSE(faults.empty()) << c.text;
    EXPECT_THAT(testing::PrintToString(faults), HasSubstr(c.fault)) << c.text;
  }
}

TEST(M3u8, ResolvesReferences) {
  const struct {
    const char* base;
    const char* reference;
    const char* result;
  } cases[] = {
      {"http://h:1/v/a/master.m3u8?t=1", "720p/index.m3u8", "http://h:1/v/a/720p/index.m3u8"},
      {"http://h/v/a/720p/index.m3u8", "../audio/0.ts?x=/y", "http://h/v/a/audio/0.ts?x=/y"},
      {"http://h/v/index.m3u8", "/b/1.ts", "http://h/b/1.ts"},
      {"http://h/v/index.m3u8", "http://other/1.ts", "http://other/1.ts"},
      {"master.m3u8", "360p/index.m3u8", "360p/index.m3u8"},
      {"360p/index.m3u8", "./0.ts", "360p/0.ts"},
      {"360p/index.m3u8", "../1.ts", "1.ts"},
  };
  for (const auto& c : cases) EXPECT_EQ(resolve_uri(c.base, c.reference), c.result) << c.reference;
}

TEST(Check, WhatCannotBeHadIsAVerdict) {
  const auto rows = checked({{"master.m3u8", kMaster}});
  EXPECT_EQ(rows.size(), 45U);
  EXPECT_EQ(rows.at(1).verdict, RowVerdict::kBroken);
  EXPECT_THAT(rows.at(1).detail, HasSubstr("there is no such file"));
  EXPECT_EQ(rows.at(2).verdict, RowVerdict::kHolds);
  EXPECT_EQ(rows.at(9).verdict, RowVerdict::kNotFollowed) << "a should";
  EXPECT_EQ(rows.at(41).verdict, RowVerdict::kNotSeen);
  EXPECT_EQ(rows.at(41).detail, "needs HTTP");
  EXPECT_EQ(checked({}).at(1).verdict, RowVerdict::kBroken);
}

TEST(Check, ASegmentThatIsNoneIsFound) {
  const Files files{{"master.m3u8", kMaster},
                    {"360p/index.m3u8", kList},
                    {"a/index.m3u8", kList},
                    {"360p/0.ts", "hello"},
                    {"a/0.ts", std::string(188, 'x')}};
  const auto rows = checked(files, true);
  EXPECT_EQ(rows.at(24).verdict, RowVerdict::kBroken);
  EXPECT_EQ(rows.at(34).verdict, RowVerdict::kHolds);
  EXPECT_EQ(rows.at(41).verdict, RowVerdict::kBroken) << "no content type";
  EXPECT_EQ(rows.at(44).verdict, RowVerdict::kBroken);
}

TEST(TsScan, NamesWhatIsWrong) {
  EXPECT_THAT(scan_ts({}).faults, ElementsAre("its size is no multiple of 188", "it has no PAT"));
  const std::vector<std::uint8_t> none(188, 0);
  EXPECT_THAT(scan_ts(none).faults, ElementsAre("a packet without its sync byte", "it has no PAT"));
}

}  // namespace
}  // namespace sf::hls

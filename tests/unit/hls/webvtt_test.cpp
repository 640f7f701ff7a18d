#include <streamforge/hls/webvtt.hpp>

#include <streamforge/base/limits.hpp>
#include <streamforge/hls/subtitle_pack.hpp>

#include <gtest/gtest.h>

namespace sf::hls {
namespace {

constexpr std::int64_t kSecond = kTicksPerSecond;
constexpr std::string_view kHeader = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n";

std::vector<SegmentSpan> three_segments() {
  return {{0, 4 * kSecond}, {4 * kSecond, 8 * kSecond}, {8 * kSecond, 9 * kSecond}};
}

std::string pack_of(std::vector<Cue> cues) {
  SubtitlePack pack(three_segments());
  pack.add(std::move(cues));
  return std::move(pack).take();
}

std::string segment_of(const std::string& pack, std::uint32_t track, std::uint32_t segment) {
  const auto text = packed_segment(pack, track, segment);
  EXPECT_TRUE(text) << text.error().message;
  return text ? std::string(*text) : std::string();
}

std::vector<PackedTrack> tracks_of(const std::string& pack) {
  const auto head = read_pack_head(as_bytes(pack));
  EXPECT_TRUE(head);
  const auto tracks = read_pack_tracks(*head, as_bytes(std::string_view(pack).substr(
                                                  kPackHeadBytes, head->tracks * kPackTrackBytes)));
  EXPECT_TRUE(tracks);
  return *tracks;
}

TEST(WebVtt, TimesAreRoundedToMilliseconds) {
  EXPECT_EQ(webvtt_time(0), "00:00:00.000");
  EXPECT_EQ(webvtt_time(44), "00:00:00.000");
  EXPECT_EQ(webvtt_time(45), "00:00:00.001");
  EXPECT_EQ(webvtt_time(kSecond * 3'723 + 90 * 456), "01:02:03.456");
  EXPECT_EQ(webvtt_time(kSecond * 360'000), "100:00:00.000");
}

TEST(WebVtt, WritesHeaderMapAndCues) {
  const std::vector<Cue> cues{{kSecond, 3 * kSecond, "One\nTwo", false},
                              {3 * kSecond, 3 * kSecond + 10, "A blink", true}};
  EXPECT_EQ(webvtt_file(cues), std::string(kHeader) +
                                   "00:00:01.000 --> 00:00:03.000\nOne\nTwo\n\n"
                                   "00:00:03.000 --> 00:00:03.001 line:0\nA blink\n\n");
}

TEST(WebVtt, NamesOfSegmentsAreReadBack) {
  EXPECT_EQ(subtitle_segment_name(12), "12.vtt");
  EXPECT_EQ(subtitle_segment_number("12.vtt"), 12u);
  for (const char* name : {"", ".vtt", "01.vtt", "-1.vtt", "1.ts", "1.vtt.vtt", "4294967296.vtt"}) {
    EXPECT_FALSE(subtitle_segment_number(name)) << name;
  }
}

TEST(SubtitlePack, ACueIsInEverySegmentThatItTouches) {
  const std::string pack = pack_of({{7 * kSecond, 100 * kSecond, "To the end", false},
                                    {3 * kSecond, 5 * kSecond, "Across", false},
                                    {2 * kSecond, 4 * kSecond, "Up to the border", false},
                                    {9 * kSecond, 10 * kSecond, "Beyond", false}});
  const std::string head(kHeader);
  EXPECT_EQ(segment_of(pack, 0, 0), head +
                                        "00:00:02.000 --> 00:00:04.000\nUp to the border\n\n"
                                        "00:00:03.000 --> 00:00:05.000\nAcross\n\n");
  EXPECT_EQ(segment_of(pack, 0, 1), head +
                                        "00:00:03.000 --> 00:00:05.000\nAcross\n\n"
                                        "00:00:07.000 --> 00:01:40.000\nTo the end\n\n");
  EXPECT_EQ(segment_of(pack, 0, 2), head + "00:00:07.000 --> 00:01:40.000\nTo the end\n\n");
}

TEST(SubtitlePack, SegmentsWithoutACueAreWebVttAndCostNothing) {
  SubtitlePack pack(three_segments());
  pack.add({});
  pack.add(TrackFault::kUnreadable);
  const std::string bytes = std::move(pack).take();
  for (std::uint32_t track = 0; track < 2; ++track) {
    for (std::uint32_t segment = 0; segment < 3; ++segment) {
      EXPECT_EQ(segment_of(bytes, track, segment), kHeader);
    }
  }
  EXPECT_EQ(bytes.size(),
            kPackHeadBytes + 2 * kPackTrackBytes + 6 * kPackEntryBytes + kHeader.size());
  EXPECT_FALSE(packed_segment(bytes, 2, 0));
  EXPECT_FALSE(packed_segment(bytes, 0, 3));
}

TEST(SubtitlePack, TellsOfEachTrack) {
  SubtitlePack pack(three_segments());
  pack.add({{0, kSecond, "a", false}, {0, kSecond, "b", false}});
  pack.add(TrackFault::kUnreadable);
  const auto tracks = tracks_of(std::move(pack).take());
  ASSERT_EQ(tracks.size(), 2u);
  EXPECT_EQ(tracks[0].cues, 2u);
  EXPECT_EQ(tracks[0].fault, TrackFault::kNone);
  EXPECT_EQ(tracks[1].fault, TrackFault::kUnreadable);
}

// A long text shown all the time would be in each segment of a day.
TEST(SubtitlePack, ATrackThatWeighsTooMuchIsLeftOutAlone) {
  std::vector<SegmentSpan> day;
  for (std::int64_t at = 0; at < 86'400; at += 4) day.push_back({at * kSecond, (at + 4) * kSecond});
  SubtitlePack pack(day);
  pack.add({{0, 86'400 * kSecond, std::string(limits::kSubtitleCueBytesMax, 'x'), false}});
  pack.add({{0, kSecond, "small", false}});
  const std::string bytes = std::move(pack).take();
  EXPECT_LT(bytes.size(), limits::kMiB);
  const auto tracks = tracks_of(bytes);
  EXPECT_EQ(tracks[0].fault, TrackFault::kTooLarge);
  EXPECT_EQ(tracks[0].cues, 0u);
  EXPECT_EQ(segment_of(bytes, 0, 0), kHeader);
  EXPECT_NE(segment_of(bytes, 1, 0).find("small"), std::string::npos);
}

// A worker may have been taken over by what it decoded.
TEST(SubtitlePack, RefusesWhatIsNone) {
  const std::string good = pack_of({{0, kSecond, "a", false}});
  EXPECT_FALSE(read_pack_head(as_bytes(good.substr(0, kPackHeadBytes - 1))));
  for (const std::size_t at : {0uz, 5uz, 11uz, 15uz}) {
    std::string bad = good;
    bad[at] = '\xff';  // The magic, the version, a number of tracks, of segments.
    EXPECT_FALSE(read_pack_head(as_bytes(bad))) << at;
  }
  std::string bad = good;
  bad[kPackHeadBytes + 4] = 9;  // A fault that is none.
  const PackHead head{1, 3};
  EXPECT_FALSE(read_pack_tracks(
      head, as_bytes(std::string_view(bad).substr(kPackHeadBytes, kPackTrackBytes))));
  EXPECT_FALSE(read_pack_tracks(head, {}));
  // The texts of segments without a cue come first, that of the first segment last.
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string part = good.substr(0, size);
    EXPECT_FALSE(packed_segment(part, 0, 0)) << size;
  }
  const std::string far("\xff\xff\xff\xff\x01\x00\x00\x00", kPackEntryBytes);
  std::string outside = good;
  outside.replace(pack_entry_at(head, 0, 0), kPackEntryBytes, far);
  EXPECT_FALSE(packed_segment(outside, 0, 0));
  EXPECT_FALSE(read_pack_entry(as_bytes(std::string("\0\0\0\0\xff\xff\xff\xff", 8))));
}

}  // namespace
}  // namespace sf::hls

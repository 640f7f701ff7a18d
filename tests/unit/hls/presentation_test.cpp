#include <streamforge/hls/presentation.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sf::hls {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Presentation ten_seconds() {
  Presentation shown;
  shown.timeline.video = {{0, 360'000}, {360'000, 720'000}, {720'000, 900'000}};
  shown.timeline.audio = {{0, 359'040}, {359'040, 720'000}, {720'000, 901'120}};
  shown.frame_rate = 30;
  shown.video = {{"720p", 1280, 720, "avc1.64001f", {2'800'000, 0, 0}},
                 {"360p", 640, 360, "avc1.64001e", {800'000, 0, 0}}};
  shown.audio = {{"0", "en", "English", "mp4a.40.2", 2, {128'000, 0, 0}}};
  return shown;
}

Presentation must_parse(std::string_view text) {
  auto parsed = parse_presentation(text);
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : Presentation{};
}

std::string first_variant(const std::string& master) {
  const auto line = master.find("#EXT-X-STREAM-INF");
  const auto uri = master.find('\n', line) + 1;
  return master.substr(uri, master.find('\n', uri) - uri);
}

TEST(Presentation, SerializesAndReadsBack) {
  Presentation shown = ten_seconds();
  EXPECT_TRUE(must_parse(serialize(shown)).run_up_ms.empty());
  shown.run_up_ms = {0, 4'000, 8'000};
  const auto again = parse_presentation(serialize(shown));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->run_up_ms, shown.run_up_ms);
  EXPECT_EQ(serialize(*again), serialize(shown));
  EXPECT_EQ(again->timeline.audio.back().end_ticks, 901'120);
  EXPECT_EQ(again->video.front().rates.max_bps, 2'800'000u);
  EXPECT_EQ(again->audio.front().language, "en");
}

TEST(Presentation, RefusesWhatCannotBe) {
  const struct {
    const char* text;
    ErrorCode code;
  } cases[] = {
      {"", ErrorCode::kCorrupt},
      {"[]", ErrorCode::kCorrupt},
      {R"({"schema":2})", ErrorCode::kUnsupported},
      {R"({"schema":1})", ErrorCode::kCorrupt},
      {R"({"schema":1,"video":[],"audio":[]})", ErrorCode::kCorrupt},
      {R"({"schema":1,"video":[],"audio":[],"video_ticks":[0,0],"audio_ticks":[]})",
       ErrorCode::kCorrupt},
      {R"({"schema":1,"video":[],"audio":[],"video_ticks":[-1,5],"audio_ticks":[]})",
       ErrorCode::kCorrupt},
      {R"({"schema":1,"video":[],"audio":[],"video_ticks":[0,9223372036854775807],)"
       R"("audio_ticks":[]})",
       ErrorCode::kCorrupt},
  };
  for (const auto& c : cases) {
    const auto parsed = parse_presentation(c.text);
    ASSERT_FALSE(parsed) << c.text;
    EXPECT_EQ(parsed.error().code, c.code) << c.text;
  }
}

TEST(Presentation, P13_NamesSubtitlesOnceNothingGrows) {
  Presentation shown = ten_seconds();
  shown.subtitles = {{"0", "en", "English", false, false, false},
                     {"1", "en", "English", true, false, true},
                     {"3", "de", "", true, true, false},
                     {"4", "und", "", false, false, false},
                     {"5", "en", "Another", false, false, false}};
  const std::string master = master_playlist(shown, "?token=t");
  EXPECT_THAT(master,
              HasSubstr("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subtitles\",NAME=\"English\","
                        "LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,"
                        "URI=\"subtitles/0/index.m3u8?token=t\"\n"));
  EXPECT_THAT(master,
              HasSubstr("NAME=\"English (2)\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,"
                        "CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,"
                        "public.accessibility.describes-music-and-sound\","
                        "URI=\"subtitles/1/index.m3u8?token=t\"\n"));
  EXPECT_THAT(master,
              HasSubstr("NAME=\"de\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,"))
      << "of two defaults the first counts";
  EXPECT_THAT(master, HasSubstr("NAME=\"Subtitles 4\",LANGUAGE=\"und\""));
  EXPECT_THAT(master, HasSubstr("NAME=\"Another\",LANGUAGE=\"en\",DEFAULT=NO,AUTOSELECT=NO"))
      << "RFC 8216 section 4.3.4.1.1: what is selected by itself must be told apart";
  std::size_t variants = 0;
  for (auto at = master.find(",SUBTITLES=\"subtitles\""); at != std::string::npos;
       at = master.find(",SUBTITLES=\"subtitles\"", at + 1)) {
    ++variants;
  }
  EXPECT_EQ(variants, 2u);

  const auto list = media_playlist(shown, "subtitles/3", "?token=t");
  ASSERT_TRUE(list);
  EXPECT_EQ(*list,
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n"
            "#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4.000000,\n0.vtt?token=t\n#EXTINF:4.000000,\n"
            "1.vtt?token=t\n#EXTINF:2.000000,\n2.vtt?token=t\n#EXT-X-ENDLIST\n");
  EXPECT_FALSE(media_playlist(shown, "subtitles/2"));
  EXPECT_FALSE(media_playlist(shown, "subtitles/"));
  EXPECT_FALSE(live_playlist(shown, "subtitles/0"));
  EXPECT_TRUE(must_parse(serialize(shown)).subtitles.empty()) << "the record tells of them";

  shown.growing = true;
  EXPECT_THAT(master_playlist(shown), Not(HasSubstr("SUBTITLES")));
}

TEST(Presentation, SubtitlesOfSoundAloneAreOnItsSegments) {
  Presentation shown = ten_seconds();
  shown.video.clear();
  shown.timeline.video.clear();
  shown.subtitles = {{"0", "en", "", false, false, false}};
  EXPECT_THAT(master_playlist(shown), HasSubstr("SUBTITLES=\"subtitles\""));
  EXPECT_THAT(*media_playlist(shown, "subtitles/0"), HasSubstr("#EXTINF:3.989333,\n0.vtt"));
}

TEST(Presentation, DeclaresCapsUntilMeasured) {
  Presentation shown = ten_seconds();
  // Cap + 6 % + 20 kbit/s each: 2 988 000 + 155 680.
  EXPECT_THAT(master_playlist(shown), HasSubstr("BANDWIDTH=3143680"));
  EXPECT_EQ(first_variant(master_playlist(shown)), "360p/index.m3u8") << "cheapest to begin with";

  EXPECT_TRUE(shown.measure("720p", "avc1.64001f", 2'500'000, 1'900'000));
  EXPECT_TRUE(shown.measure("360p", "", 700'000, 500'000));
  EXPECT_TRUE(shown.measure("audio/0", "", 140'000, 130'000));
  EXPECT_FALSE(shown.measure("1080p", "", 1, 1));
  EXPECT_FALSE(shown.measure("audio/7", "", 1, 1));
  const std::string master = master_playlist(shown);
  EXPECT_THAT(master, HasSubstr("BANDWIDTH=2640000"));
  EXPECT_THAT(master, HasSubstr("AVERAGE-BANDWIDTH=2030000"));
  EXPECT_THAT(master, HasSubstr(R"(CODECS="avc1.64001f,mp4a.40.2")"));
  EXPECT_EQ(first_variant(master), "720p/index.m3u8") << "nearest to 2 Mbit/s";
}

TEST(Presentation, ACopiedRungIsListedFirstUntilAllIsMeasured) {
  Presentation shown = ten_seconds();
  shown.video.front().copied = true;
  EXPECT_EQ(first_variant(master_playlist(shown)), "720p/index.m3u8") << "costs nothing to make";
  EXPECT_EQ(first_rung(shown), 0U);
  EXPECT_TRUE(parse_presentation(serialize(shown))->video.front().copied);
  shown.video.front().rates.max_bps = 5'000'000;
  EXPECT_EQ(first_variant(master_playlist(shown)), "360p/index.m3u8") << "more than is believed";
  EXPECT_EQ(first_rung(shown), 1U);
  EXPECT_EQ(first_rung({}), std::nullopt);
  shown.measure("720p", "", 6'500'000, 6'000'000);
  shown.measure("360p", "", 700'000, 500'000);
  EXPECT_EQ(first_variant(master_playlist(shown)), "360p/index.m3u8") << "nearest to 2 Mbit/s";
}

// P9: byte ranges of the rung's own segments, named in the master once they are known.
TEST(Presentation, IFramesAreRangesOfTheSegments) {
  Presentation shown = ten_seconds();
  const std::vector<std::vector<KeyPicture>> pictures{
      {{0, {9'400, 376}}, {180'000, {4'700, 94'000}}},
      {{360'000, {9'400, 376}}},
      {{720'000, {940, 376}}}};
  const IFrameList list = i_frame_list(shown, pictures);
  EXPECT_EQ(list.text,
            "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n"
            "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n"
            "#EXT-X-MAP:URI=\"0.ts\",BYTERANGE=\"376@0\"\n"
            "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:9400@376\n0.ts\n"
            "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:4700@94000\n0.ts\n"
            "#EXTINF:4.000000,\n#EXT-X-BYTERANGE:9400@376\n1.ts\n"
            "#EXTINF:2.000000,\n#EXT-X-BYTERANGE:940@376\n2.ts\n#EXT-X-ENDLIST\n");
  EXPECT_EQ(list.peak_bps, 28'200u);  // 14,100 bytes in the first 4 s.
  EXPECT_THAT(master_playlist(shown), Not(HasSubstr("I-FRAME")));
  EXPECT_TRUE(shown.offer_i_frames("720p", list.peak_bps));
  EXPECT_FALSE(shown.offer_i_frames("1080p", 1));
  EXPECT_THAT(master_playlist(shown, "?token=t"),
              HasSubstr("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=28200,CODECS=\"avc1.64001f\","
                        "RESOLUTION=1280x720,URI=\"720p/iframes.m3u8?token=t\"\n"));
}

TEST(Presentation, AverageNeverExceedsPeak) {
  Presentation shown = ten_seconds();
  shown.measure("360p", "", 600'000, 600'001);
  EXPECT_EQ(shown.video.back().rates.declared_average_bps(), 600'000u);
}

TEST(Presentation, MediaPlaylistsNameEverySegment) {
  const Presentation shown = ten_seconds();
  const auto video = media_playlist(shown, "720p");
  ASSERT_TRUE(video);
  EXPECT_THAT(*video, HasSubstr("\n0.ts\n"));
  EXPECT_THAT(*video, HasSubstr("\n2.ts\n"));
  EXPECT_THAT(*video, HasSubstr("#EXT-X-ENDLIST"));
  EXPECT_THAT(*video, HasSubstr("#EXTINF:2.000000,"));
  const auto audio = media_playlist(shown, "audio/0", "?token=t");
  ASSERT_TRUE(audio);
  EXPECT_THAT(*audio, HasSubstr("\n2.ts?token=t\n"));
  EXPECT_FALSE(media_playlist(shown, "audio"));
  EXPECT_FALSE(media_playlist(shown, "audio/"));
  EXPECT_FALSE(media_playlist(shown, "0"));
  EXPECT_FALSE(media_playlist(shown, "1080p"));
  EXPECT_EQ(shown.segment_count("360p"), 3u);
}

TEST(Presentation, SoundAloneIsTheVariant) {
  Presentation shown = ten_seconds();
  shown.video.clear();
  shown.timeline.video.clear();
  shown.frame_rate = 0;
  const std::string master = master_playlist(shown);
  EXPECT_EQ(first_variant(master), "audio/0/index.m3u8");
  EXPECT_THAT(master, Not(HasSubstr("EXT-X-MEDIA:")));
  shown.audio.push_back({"1", "de", "", "mp4a.40.2", 2, {128'000, 0, 0}});
  EXPECT_THAT(master_playlist(shown), HasSubstr("EXT-X-MEDIA:"));
}

TEST(Presentation, AudioNamesAreUniqueAndPresent) {
  Presentation shown = ten_seconds();
  shown.audio.push_back({"1", "en", "English", "mp4a.40.2", 2, {128'000, 0, 0}});
  shown.audio.push_back({"2", "und", "", "mp4a.40.2", 1, {64'000, 0, 0}});
  const std::string master = master_playlist(shown);
  EXPECT_THAT(master, HasSubstr(R"(NAME="English")"));
  EXPECT_THAT(master, HasSubstr(R"x(NAME="English (2)")x"));
  EXPECT_THAT(master, HasSubstr(R"(NAME="Audio 2")"));
}

TEST(Presentation, SuffixGoesBehindEveryUri) {
  const std::string master = master_playlist(ten_seconds(), "?token=t");
  EXPECT_THAT(master, HasSubstr("360p/index.m3u8?token=t\n"));
  EXPECT_THAT(master, HasSubstr(R"(URI="audio/0/index.m3u8?token=t")"));
}

// P28, P33, P37, P39: longer each time, never changed, ended when all is known.
TEST(Presentation, AGrowingListIsAnEventThatEnds) {
  Presentation shown = ten_seconds();
  shown.growing = true;
  EXPECT_TRUE(must_parse(serialize(shown)).growing);
  const std::string one = *live_playlist(shown, "360p", 1);
  const std::string three = *live_playlist(shown, "360p");
  EXPECT_EQ(one,
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n"
            "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n#EXTINF:4.000000,\n0.ts\n");
  EXPECT_TRUE(three.starts_with(one));
  EXPECT_THAT(three, Not(HasSubstr("ENDLIST")));
  EXPECT_THAT(master_playlist(shown), HasSubstr("\n360p/live.m3u8\n"));
  EXPECT_THAT(master_playlist(shown), HasSubstr("URI=\"audio/0/live.m3u8\""));
  shown.growing = false;
  EXPECT_EQ(*live_playlist(shown, "360p"), three + "#EXT-X-ENDLIST\n");
  EXPECT_THAT(*live_playlist(shown, "360p", 2), Not(HasSubstr("ENDLIST")));
  EXPECT_THAT(master_playlist(shown), HasSubstr("\n360p/index.m3u8\n"));
  EXPECT_FALSE(live_playlist(shown, "144p"));
}

}  // namespace
}  // namespace sf::hls

/// GET /v/{id}/subtitles/{track}/…; docs/protocols/hls.md, "Subtitles".

#include "hls_case.hpp"

#include <filesystem>

namespace sf::test {
namespace {

class HlsSubtitles : public HlsCase {
 protected:
  [[nodiscard]] std::string source() const override {
    return clip({.kind = "subtitles", .seconds = 9, .size = "128x96"});
  }
  [[nodiscard]] std::string video() const { return get(concat("/api/v1/videos/", id_)).body; }
};

constexpr std::string_view kHeader = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n";
constexpr std::string_view kBorder = "00:00:03.500 --> 00:00:05.000\nAcross the border\n\n";

TEST_P(HlsSubtitles, P13_TheMasterNamesWhatIsText) {
  const auto master = get(path("master.m3u8")).body;
  EXPECT_NE(master.find("#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subtitles\",NAME=\"English\","
                        "LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO,"
                        "URI=\"subtitles/0/index.m3u8\"\n"),
            std::string::npos)
      << master;
  EXPECT_NE(master.find("NAME=\"de\",LANGUAGE=\"de\",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES,"
                        "URI=\"subtitles/1/index.m3u8\"\n"),
            std::string::npos)
      << master;
  EXPECT_NE(master.find(",SUBTITLES=\"subtitles\","), std::string::npos);
  EXPECT_EQ(master.find("\"fr\""), std::string::npos) << "pictures are left out: " << master;
}

TEST_P(HlsSubtitles, TheVideoTellsOfEachTrackAndWhyOneIsLeftOut) {
  const auto about = video();
  EXPECT_NE(about.find(R"("subtitles":[{"name":"0","language":"en","label":"English",)"
                       R"("codec":"subrip","default":true,"forced":false,)"
                       R"("hearing_impaired":false,"ready":true,"why":""},)"),
            std::string::npos)
      << about;
  EXPECT_NE(about.find(R"({"name":"2","language":"fr","label":"","codec":"hdmv_pgs_subtitle",)"
                       R"("default":false,"forced":false,"hearing_impaired":false,"ready":false,)"
                       R"("why":"it is made of pictures, not of text"}])"),
            std::string::npos)
      << about;
}

TEST_P(HlsSubtitles, SegmentsAreOnTheTimelineOfThePicture) {
  const auto picture = get(path("360p/index.m3u8")).body;
  const auto list = get(path("subtitles/0/index.m3u8"));
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list["content-type"], "application/vnd.apple.mpegurl");
  std::string expected = picture;
  for (auto at = expected.find(".ts\n"); at != std::string::npos; at = expected.find(".ts\n")) {
    expected.replace(at, 3, ".vtt");
  }
  EXPECT_EQ(list.body, expected);

  const auto first = get(path("subtitles/0/0.vtt"));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first["content-type"], "text/vtt");
  EXPECT_EQ(first["cache-control"], "public, max-age=31536000, immutable");
  EXPECT_EQ(first["access-control-allow-origin"], "*");
  EXPECT_EQ(first.body, concat(kHeader,
                               "00:00:01.000 --> 00:00:03.000\n"
                               "Hello <b>bold</b> &amp; <i>world</i>\nx &lt; y\n\n"));
  EXPECT_EQ(get(path("subtitles/0/1.vtt")).body, concat(first.body, kBorder));
  EXPECT_EQ(get(path("subtitles/0/2.vtt")).body, concat(kHeader, kBorder));
  EXPECT_EQ(get(path("subtitles/0/3.vtt")).body, kHeader) << "empty, and WebVTT";
  EXPECT_EQ(
      get(path("subtitles/1/1.vtt")).body,
      concat(kHeader, "00:00:02.000 --> 00:00:04.500 line:0\n<i>Grüß</i> Gott\nZweite Zeile\n\n"));
  EXPECT_EQ(get(path("subtitles/0/0.vtt"), concat("If-None-Match: ", first["etag"], "\r\n")).status,
            304);
  EXPECT_EQ(get(path("subtitles/0/0.vtt"), "Accept-Encoding: gzip\r\n")["content-encoding"],
            "gzip");
  // Zero of the cues is the picture's first PTS.
  TempDir folder;
  write_file(folder.path() / "0.ts", get(path("360p/0.ts")).body);
  EXPECT_EQ(probe_packets(folder.file("0.ts"), 'v').front().pts, 900'000);
}

TEST_P(HlsSubtitles, WhatIsNotThereIs404) {
  for (const char* file :
       {"subtitles/0/5.vtt", "subtitles/0/00.vtt", "subtitles/0/0.ts", "subtitles/0/live.m3u8",
        "subtitles/2/index.m3u8", "subtitles/2/0.vtt", "subtitles/3/0.vtt", "subtitles/00/0.vtt",
        "subtitles/x/index.m3u8", "subtitles/4294967296/0.vtt", "subtitles.pack", "subtitles/0"}) {
    const auto none = get(path(file));
    EXPECT_EQ(none.status, 404) << file;
    EXPECT_EQ(none["cache-control"], "no-store") << file;
  }
  EXPECT_NE(get(path("subtitles/2/0.vtt")).body.find("it is made of pictures, not of text"),
            std::string::npos);
}

TEST_P(HlsSubtitles, SurviveARestartAndGoWithTheirVideo) {
  const auto before = get(path("subtitles/0/0.vtt")).body;
  server_.kill9();
  server_.start();
  EXPECT_EQ(get(path("subtitles/0/0.vtt")).body, before);
  EXPECT_NE(get(path("master.m3u8")).body.find("TYPE=SUBTITLES"), std::string::npos);
  EXPECT_EQ(ask("DELETE", concat("/api/v1/videos/", id_)).status, 204);
  EXPECT_EQ(get(path("subtitles/0/0.vtt")).status, 404);
}

TEST_P(HlsSubtitles, AreAsPrivateAsSegments) {
  set_visibility("private");
  EXPECT_EQ(get(path("subtitles/0/0.vtt"))["cache-control"], "private, no-store");
  const auto link = ask("POST", concat("/api/v1/videos/", id_, "/playback-url"));
  const auto from = link.body.find("?token=");
  const std::string token = link.body.substr(from, link.body.find('"', from) - from);
  restart_with_accounts();
  for (const char* file : {"subtitles/0/index.m3u8", "subtitles/0/0.vtt"}) {
    EXPECT_EQ(get(path(file)).status, 404) << file;
    EXPECT_EQ(get(path(file) + token).status, 200) << file;
  }
  EXPECT_NE(get(path("master.m3u8") + token).body.find("subtitles/0/index.m3u8" + token),
            std::string::npos);
  EXPECT_NE(get(path("subtitles/0/index.m3u8") + token).body.find("\n0.vtt" + token + "\n"),
            std::string::npos);
}

// libav does not know X-TIMESTAMP-MAP and takes subtitles of a master as an experiment: it sees
// that they are there, and reads each segment as what it is, and all of a list as one text.
TEST_P(HlsSubtitles, FfmpegReadsThemWithoutComplaint) {
  const auto url = concat("http://127.0.0.1:", server_.port(), path(""));
  const auto seen =
      run_program({"ffprobe", "-loglevel", "error", "-strict", "experimental", "-show_entries",
                   "stream=codec_name", "-of", "csv=p=0", concat(url, "master.m3u8")});
  EXPECT_EQ(seen.err, "");
  EXPECT_NE(seen.out.find("webvtt\nwebvtt\n"), std::string::npos) << seen.out;
  const auto read = run_program({"ffmpeg", "-nostdin", "-loglevel", "warning", "-i",
                                 concat(url, "subtitles/0/1.vtt"), "-f", "srt", "-"});
  EXPECT_EQ(read.exit, 0);
  EXPECT_EQ(read.err, "");
  EXPECT_EQ(read.out,
            "1\n00:00:01,000 --> 00:00:03,000\nHello <b>bold</b> & <i>world</i>\r\nx < y\n\n"
            "2\n00:00:03,500 --> 00:00:05,000\nAcross the border\n\n");
  const auto list = run_program({"ffmpeg", "-nostdin", "-loglevel", "error", "-i",
                                 concat(url, "subtitles/0/index.m3u8"), "-f", "srt", "-"});
  EXPECT_EQ(list.err, "");
  EXPECT_EQ(list.out, read.out) << "each cue once, and no header in one";
}

SF_ON_BOTH_BACKENDS(HlsSubtitles);

}  // namespace
}  // namespace sf::test

/// GET /v/{id}/poster.jpg, storyboard.vtt and its sheets; docs/protocols/hls.md, "Pictures".

#include "hls_case.hpp"

#include <filesystem>

namespace sf::test {
namespace {

using HlsPictures = HlsCase;

TEST_P(HlsPictures, AReadyVideoHasAPoster) {
  const auto video = get(concat("/api/v1/videos/", id_)).body;
  EXPECT_NE(video.find(concat("\"poster_url\":\"", path("poster.jpg"), '"')), std::string::npos);
  EXPECT_NE(video.find(concat("\"storyboard_url\":\"", path("storyboard.vtt"), '"')),
            std::string::npos);
  auto client = connect();
  const auto request = concat("GET ", path("poster.jpg"), " HTTP/1.1\r\nHost: a\r\n");
  for (unsigned round = 0; round < 2; ++round) {
    const auto poster = client.exchange(request + "\r\n");
    ASSERT_EQ(poster.status, 200) << poster.body;
    EXPECT_EQ(poster["content-type"], "image/jpeg");
    EXPECT_EQ(poster["cache-control"], "public, max-age=3600");
    EXPECT_EQ(poster["access-control-allow-origin"], "*");
    EXPECT_EQ(
        client.exchange(concat(request, "If-None-Match: ", poster["etag"], "\r\n\r\n")).status,
        304);
    TempDir folder;
    write_file(folder.path() / "a.jpg", poster.body);
    EXPECT_EQ(probe(folder.file("a.jpg"), 'v', "width"), "128");
    EXPECT_EQ(probe(folder.file("a.jpg"), 'v', "height"), "96");
    EXPECT_EQ(decode_errors(folder.file("a.jpg")), "");
  }
}

TEST_P(HlsPictures, EveryCueOfTheStoryboardIsOnASheet) {
  const auto list = get(path("storyboard.vtt"));
  ASSERT_EQ(list.status, 200) << list.body;
  EXPECT_EQ(list["content-type"], "text/vtt");
  EXPECT_EQ(list["cache-control"], "public, max-age=60");
  EXPECT_EQ(list.body.substr(0, 7), "WEBVTT\n");
  EXPECT_NE(list.body.find("\n00:00:00.000 --> "), std::string::npos);
  EXPECT_NE(list.body.find("\nstoryboard/0.jpg#xywh=0,0,128,96\n"), std::string::npos);
  EXPECT_EQ(get(path("storyboard.vtt"), "Accept-Encoding: gzip\r\n")["content-encoding"], "gzip");
  const auto sheet = get(path("storyboard/0.jpg"));
  ASSERT_EQ(sheet.status, 200);
  EXPECT_EQ(sheet["content-type"], "image/jpeg");
  EXPECT_EQ(sheet["cache-control"], "public, max-age=31536000, immutable");
  for (const char* file :
       {"storyboard/1.jpg", "storyboard/00.jpg", "storyboard/0.ts", "storyboard/x", "storyboard"}) {
    const auto none = get(path(file));
    EXPECT_EQ(none.status, 404) << file;
    EXPECT_EQ(none["cache-control"], "no-store") << file;
  }
}

TEST_P(HlsPictures, AreAsPrivateAsSegments) {
  set_visibility("private");
  EXPECT_EQ(get(path("poster.jpg"))["cache-control"], "private, no-store");
  EXPECT_EQ(get(path("storyboard/0.jpg"))["cache-control"], "private, no-store");
  const auto link = ask("POST", concat("/api/v1/videos/", id_, "/playback-url"));
  const auto from = link.body.find("?token=");
  const std::string token = link.body.substr(from, link.body.find('"', from) - from);
  restart_with_accounts();
  for (const char* file : {"poster.jpg", "storyboard.vtt", "storyboard/0.jpg"}) {
    EXPECT_EQ(get(path(file)).status, 404) << file;
    EXPECT_EQ(get(path(file) + token).status, 200) << file;
  }
  EXPECT_NE(get(path("storyboard.vtt") + token).body.find("storyboard/0.jpg" + token + "#xywh="),
            std::string::npos);
}

TEST_P(HlsPictures, BeforeThereIsOneTheAnswerSaysWhen) {
  const auto created = ask("POST", "/files", "Tus-Resumable: 1.0.0\r\nUpload-Length: 10\r\n");
  ASSERT_EQ(created.status, 201);
  const auto location = created["location"];
  const auto id = location.substr(location.rfind('/') + 1);
  for (const char* file : {"poster.jpg", "storyboard.vtt", "storyboard/0.jpg"}) {
    const auto answer = get(concat("/v/", id, '/', file));
    EXPECT_EQ(answer.status, 404);
    EXPECT_NE(answer.body.find("drawn while the video is processed"), std::string::npos);
    EXPECT_EQ(answer["cache-control"], "no-store");
  }
}

SF_ON_BOTH_BACKENDS(HlsPictures);

}  // namespace
}  // namespace sf::test

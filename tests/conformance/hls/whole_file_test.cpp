/// GET /v/{id}/{rung}.mp4: a rung as one file; docs/protocols/hls.md, "A rung as one file".

#include "hls_case.hpp"

#include <algorithm>
#include <filesystem>

namespace sf::test {
namespace {

namespace fs = std::filesystem;

class HlsWholeFile : public HlsCase {
 protected:
  [[nodiscard]] fs::path kept(std::string_view name = "360p.mp4") const {
    return server_.data() / "processed" / id_ / name;
  }
  [[nodiscard]] std::string write(const std::string& bytes) const {
    write_file(folder_.path() / "a.mp4", bytes);
    return folder_.file("a.mp4");
  }
  TempDir folder_;
};

TEST_P(HlsWholeFile, IsMadeOnceAndKept) {
  EXPECT_FALSE(fs::exists(kept())) << "nobody has asked for it";
  const auto first = get(path("360p.mp4"));
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first["content-type"], "video/mp4");
  EXPECT_EQ(first["cache-control"], "public, max-age=31536000, immutable");
  EXPECT_EQ(first["accept-ranges"], "bytes");
  EXPECT_EQ(first["content-length"], concat(first.body.size()));
  EXPECT_EQ(first["access-control-allow-origin"], "*");
  EXPECT_EQ(first.find("content-disposition"), std::nullopt);
  ASSERT_TRUE(fs::exists(kept()));
  EXPECT_EQ(first.body, read_file(kept()));
  EXPECT_EQ(first.body.find("moov"), first.body.find("ftyp") + 28 + 4) << "the header is in front";
  const auto made = fs::last_write_time(kept());
  const auto second = get(path("360p.mp4"));
  EXPECT_EQ(second["etag"], first["etag"]);
  EXPECT_EQ(fs::last_write_time(kept()), made);

  const std::string file = write(first.body);
  EXPECT_EQ(decode_errors(file), "");
  EXPECT_EQ(count_frames(file), 150u) << "5 s of 30 a second";
  EXPECT_EQ(probe(file, 'v', "width"), "128");
  EXPECT_EQ(std::stod(probe(file, 'v', "duration")), 5.0);
  EXPECT_NEAR(std::stod(probe(file, 'a', "duration")), 5.0, 0.03);
}

TEST_P(HlsWholeFile, RangesHeadAndConditions) {
  const auto whole = get(path("360p.mp4"));
  ASSERT_EQ(whole.status, 200) << whole.body;
  for (unsigned round = 0; round < 2; ++round) {
    const auto head = ask("HEAD", path("360p.mp4"));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head["content-length"], concat(whole.body.size()));
    EXPECT_EQ(head["etag"], whole["etag"]);
    const auto part = get(path("360p.mp4"), "Range: bytes=100-199\r\n");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, whole.body.substr(100, 100));
    EXPECT_EQ(part["content-range"], concat("bytes 100-199/", whole.body.size()));
    const auto parts = get(path("360p.mp4"), "Range: bytes=0-9,1000-1009\r\n");
    EXPECT_EQ(parts.status, 206);
    EXPECT_EQ(parts["content-type"].substr(0, 31), "multipart/byteranges; boundary=");
    EXPECT_NE(parts.body.find(whole.body.substr(1000, 10)), std::string::npos);
    EXPECT_EQ(get(path("360p.mp4"), "Range: bytes=99999999-\r\n").status, 416);
    EXPECT_EQ(get(path("360p.mp4"), concat("If-None-Match: ", whole["etag"], "\r\n")).status, 304);
    const auto other = get(path("360p.mp4"), "Range: bytes=0-9\r\nIf-Range: \"other\"\r\n");
    EXPECT_EQ(other.status, 200);
    EXPECT_EQ(other.body.size(), whole.body.size());
  }
}

TEST_P(HlsWholeFile, ADownloadIsNamedByItsTitle) {
  const auto patched =
      ask("PATCH", concat("/api/v1/videos/", id_), "Content-Type: application/json\r\n",
          R"({"title":"Käse / \"Brot\"\r\nX: y"})");
  ASSERT_EQ(patched.status, 200) << patched.body;
  const auto download = get(path("360p.mp4?download"));
  EXPECT_EQ(download.status, 200);
  EXPECT_EQ(download["content-disposition"],
            "attachment; filename=\"K_se    Brot   X  y 360p.mp4\"; "
            "filename*=UTF-8''K%C3%A4se%20%20%20%20Brot%20%20%20X%20%20y%20360p.mp4");
  EXPECT_EQ(get(path("360p.mp4")).find("content-disposition"), std::nullopt);
  EXPECT_EQ(get(path("360p.mp4?download"), "Range: bytes=0-1\r\n").status, 206);
}

TEST_P(HlsWholeFile, WhatIsNoRungIsNoFile) {
  for (const char* file :
       {"1080p.mp4", "audio.mp4", ".mp4", "0.mp4", "plan.mp4", "360p.mov", "plan", "timeline"}) {
    const auto answer = get(path(file));
    EXPECT_EQ(answer.status, 404) << file;
    EXPECT_EQ(answer["cache-control"], "no-store") << file;
  }
  EXPECT_EQ(get(concat("/v/", std::string(26, '0'), "/360p.mp4")).status, 404);
}

TEST_P(HlsWholeFile, IsAsPrivateAsItsSegments) {
  set_visibility("private");
  EXPECT_EQ(get(path("360p.mp4"))["cache-control"], "private, no-store");
  const auto link = ask("POST", concat("/api/v1/videos/", id_, "/playback-url"));
  ASSERT_EQ(link.status, 200) << link.body;
  const auto from = link.body.find("?token=");
  const std::string token = link.body.substr(from, link.body.find('"', from) - from);
  restart_with_accounts();
  EXPECT_EQ(get(path("360p.mp4")).status, 404);
  EXPECT_EQ(get(path("360p.mp4?token=1-bad")).status, 403);
  const auto let_in = get(concat(path("360p.mp4"), token, "&download"));
  EXPECT_EQ(let_in.status, 200);
  EXPECT_EQ(let_in["cache-control"], "private, no-store");
}

TEST_P(HlsWholeFile, ManyWhoAskGetOneFile) {
  std::vector<std::thread> askers;
  std::vector<HttpResponse> answers(8);
  for (HttpResponse& answer : answers) {
    askers.emplace_back([this, &answer] { answer = get(path("360p.mp4")); });
  }
  for (std::thread& asker : askers) asker.join();
  for (const HttpResponse& answer : answers) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer["etag"], answers.front()["etag"]);
  }
}

TEST_P(HlsWholeFile, SurvivesARestartAndGoesWithTheVideo) {
  const auto before = get(path("360p.mp4"));
  ASSERT_EQ(before.status, 200);
  server_.kill9();
  server_.start();
  const auto after = get(path("360p.mp4"));
  EXPECT_EQ(after["etag"], before["etag"]);
  EXPECT_EQ(after.body, before.body);
  EXPECT_EQ(ask("DELETE", concat("/files/", id_), "Tus-Resumable: 1.0.0\r\n").status, 204);
  EXPECT_EQ(get(path("360p.mp4")).status, 404);
  EXPECT_FALSE(fs::exists(kept()));
}

TEST_P(HlsWholeFile, AMissingSegmentIsSaidAndHealsWhenItIsBack) {
  const fs::path segment = server_.data() / "processed" / id_ / "360p" / "0.ts";
  const std::string bytes = read_file(segment);
  fs::remove(segment);
  EXPECT_EQ(get(path("360p.mp4")).status, 404);
  write_file(segment, bytes.substr(0, bytes.size() / 2 + 1));
  EXPECT_EQ(get(path("360p.mp4")).status, 500) << "damaged";
  EXPECT_FALSE(fs::exists(kept()));
  write_file(segment, bytes);
  EXPECT_EQ(get(path("360p.mp4")).status, 200);
}

TEST_P(HlsWholeFile, BeforeTheVideoIsReadyItIsToldHowFarItIs) {
  std::ifstream file(clip({.kind = "mp4", .seconds = 5, .size = "128x96"}), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto created = ask("POST", "/files",
                           concat("Tus-Resumable: 1.0.0\r\nUpload-Length: ", bytes.size() + 1,
                                  "\r\nContent-Type: application/offset+octet-stream\r\n"),
                           bytes);
  ASSERT_EQ(created.status, 201) << created.body;
  const auto location = created["location"];
  const auto uploading = get(concat("/v/", location.substr(location.rfind('/') + 1), "/360p.mp4"));
  EXPECT_EQ(uploading.status, 409) << uploading.body;
  EXPECT_NE(uploading.body.find("still being uploaded"), std::string::npos);

  // Nobody works at it: it waits as long as for a segment, then says so.
  ASSERT_EQ(server_.terminate(), 0);
  server_.options().flags = {"--transcoders", "0"};
  server_.start();
  const auto other = ask("POST", "/files",
                         concat("Tus-Resumable: 1.0.0\r\nUpload-Length: ", bytes.size(),
                                "\r\nContent-Type: application/offset+octet-stream\r\n"),
                         bytes);
  ASSERT_EQ(other.status, 201) << other.body;
  const std::string id = other["location"].substr(other["location"].rfind('/') + 1);
  ASSERT_EQ(ask("POST", concat("/api/v1/videos/", id, "/pause")).status, 200);
  const auto processing = get(concat("/v/", id, "/360p.mp4"));
  EXPECT_EQ(processing.status, 503) << processing.body;
  EXPECT_FALSE(processing["retry-after"].empty());
  EXPECT_NE(processing.body.find("\"progress_percent\":"), std::string::npos);
  EXPECT_EQ(processing["cache-control"], "no-store");
}

SF_ON_BOTH_BACKENDS(HlsWholeFile);

}  // namespace
}  // namespace sf::test

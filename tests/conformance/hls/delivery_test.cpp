/// Rows P41 to P44: types, compression, caching and CORS of what players read. Each request is made
/// twice on one connection, since the second is answered without a handler.

#include "hls_case.hpp"

namespace sf::test {
namespace {

using HlsDelivery = HlsCase;

TEST_P(HlsDelivery, P41_Types) {
  for (const auto& [file, type] :
       {std::pair{"master.m3u8", "application/vnd.apple.mpegurl"},
        std::pair{"360p/index.m3u8", "application/vnd.apple.mpegurl"},
        std::pair{"audio/0/index.m3u8", "application/vnd.apple.mpegurl"},
        std::pair{"360p/0.ts", "video/mp2t"}, std::pair{"audio/0/0.ts", "video/mp2t"}}) {
    auto client = connect();
    const auto request = concat("GET ", path(file), " HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto first = client.exchange(request);
    EXPECT_EQ(first.status, 200) << file;
    EXPECT_EQ(first["content-type"], type) << file;
    auto second = client.exchange(request);
    EXPECT_EQ(second.body, first.body);
    ASSERT_EQ(second.fields.size(), first.fields.size());
    for (std::size_t i = 0; i < first.fields.size(); ++i) {
      if (first.fields[i].first == "Date") continue;
      EXPECT_TRUE(second.find(first.fields[i].first) == first.fields[i].second)
          << first.fields[i].first;
    }
  }
}

TEST_P(HlsDelivery, P42_PlaylistsAreCompressedForWhoAccepts) {
  for (const char* file : {"master.m3u8", "360p/index.m3u8"}) {
    auto client = connect();
    const auto head = concat("GET ", path(file), " HTTP/1.1\r\nHost: a\r\n");
    for (unsigned round = 0; round < 2; ++round) {
      const auto plain = client.exchange(head + "\r\n");
      const auto packed = client.exchange(head + "Accept-Encoding: gzip\r\n\r\n");
      const auto refused = client.exchange(head + "Accept-Encoding: gzip;q=0, br\r\n\r\n");
      EXPECT_EQ(plain.find("content-encoding"), std::nullopt);
      EXPECT_EQ(refused.find("content-encoding"), std::nullopt);
      EXPECT_EQ(refused.body, plain.body);
      EXPECT_EQ(plain.body.substr(0, 7), "#EXTM3U");
      EXPECT_EQ(packed["content-encoding"], "gzip");
      EXPECT_EQ(packed.body.substr(0, 2), "\x1f\x8b");
      EXPECT_EQ(plain["vary"], "Accept-Encoding");
      EXPECT_EQ(packed["vary"], "Accept-Encoding");
      EXPECT_NE(plain["etag"], packed["etag"]);
      EXPECT_EQ(plain["etag"].substr(0, 1), "\"") << "strong";
      const auto same = client.exchange(
          concat(head, "Accept-Encoding: gzip\r\nIf-None-Match: ", packed["etag"], "\r\n\r\n"));
      EXPECT_EQ(same.status, 304);
      EXPECT_EQ(same["etag"], packed["etag"]);
      EXPECT_EQ(same["vary"], "Accept-Encoding");
      const auto other = client.exchange(
          concat(head, "Accept-Encoding: gzip\r\nIf-None-Match: ", plain["etag"], "\r\n\r\n"));
      EXPECT_EQ(other.status, 200) << "another representation's tag";
    }
  }
  const auto segment = get(path("360p/0.ts"), "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(segment.find("content-encoding"), std::nullopt);
  EXPECT_EQ(segment.find("vary"), std::nullopt);
}

TEST_P(HlsDelivery, P42_CompressedPlaylistsUnpackToThePlainOnes) {
  const auto run = run_program(
      {"curl", "--silent", "--fail", "--compressed", server_.url() + path("360p/index.m3u8")});
  ASSERT_EQ(run.exit, 0) << run.err;
  EXPECT_EQ(run.out, get(path("360p/index.m3u8")).body);
}

TEST_P(HlsDelivery, P43_SegmentsForGoodPlaylistsForAMomentErrorsNever) {
  const auto segment = get(path("360p/0.ts"));
  EXPECT_EQ(segment["cache-control"], "public, max-age=31536000, immutable");
  EXPECT_EQ(get(path("360p/index.m3u8"))["cache-control"], "public, max-age=60");
  const auto missing = get(path("360p/999.ts"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing["cache-control"], "no-store");
  set_visibility("private");
  for (const char* file : {"360p/0.ts", "360p/index.m3u8", "master.m3u8"}) {
    EXPECT_EQ(get(path(file))["cache-control"], "private, no-store") << file;
  }
}

TEST_P(HlsDelivery, P44_CorsOnEveryAnswer) {
  auto client = connect();
  const auto expect_open = [](const HttpResponse& response, int status) {
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response["access-control-allow-origin"], "*");
    EXPECT_EQ(response.count("access-control-allow-origin"), 1u);
    for (const char* name : {"Content-Length", "Content-Range", "ETag", "Accept-Ranges", "Date"}) {
      EXPECT_NE(response["access-control-expose-headers"].find(name), std::string::npos) << name;
    }
  };
  const auto head = concat("GET ", path("360p/0.ts"), " HTTP/1.1\r\nHost: a\r\n");
  for (unsigned round = 0; round < 2; ++round) {
    const auto whole = client.exchange(head + "Origin: https://b\r\n\r\n");
    expect_open(whole, 200);
    expect_open(client.exchange(head + "Range: bytes=1-5\r\n\r\n"), 206);
    expect_open(client.exchange(concat(head, "If-None-Match: ", whole["etag"], "\r\n\r\n")), 304);
    expect_open(client.exchange(head + "If-Match: \"no\"\r\n\r\n"), 412);
    expect_open(client.exchange(head + "Range: bytes=999999999-\r\n\r\n"), 416);
    expect_open(client.exchange(concat("HEAD ", path("360p/0.ts"), " HTTP/1.1\r\nHost: a\r\n\r\n")),
                200);
    expect_open(client.exchange("GET /v/none/master.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n"), 404);
    expect_open(client.exchange(concat("POST ", path("360p/0.ts"),
                                       " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")),
                405);
  }
  const auto preflight = ask("OPTIONS", path("360p/0.ts"),
                             "Origin: https://b\r\nAccess-Control-Request-Method: GET\r\n"
                             "Access-Control-Request-Headers: range, if-none-match\r\n");
  expect_open(preflight, 204);
  EXPECT_NE(preflight["access-control-allow-headers"].find("Range"), std::string::npos);
  EXPECT_NE(preflight["access-control-allow-headers"].find("If-None-Match"), std::string::npos);
  EXPECT_FALSE(preflight["access-control-max-age"].empty());
}

TEST_P(HlsDelivery, H10_TagsAreStableOverARestart) {
  const auto segment = get(path("360p/0.ts"));
  const auto playlist = get(path("master.m3u8"));
  ASSERT_EQ(server_.terminate(), 0);
  server_.start();
  EXPECT_EQ(get(path("360p/0.ts"))["etag"], segment["etag"]);
  EXPECT_EQ(get(path("master.m3u8"))["etag"], playlist["etag"]);
}

TEST_P(HlsDelivery, WhatIsDeletedIsGoneAtOnce) {
  auto client = connect();
  const auto request = concat("GET ", path("360p/0.ts"), " HTTP/1.1\r\nHost: a\r\n\r\n");
  for (unsigned round = 0; round < 3; ++round) EXPECT_EQ(client.exchange(request).status, 200);
  EXPECT_EQ(ask("DELETE", concat("/api/v1/videos/", id_)).status, 204);
  EXPECT_EQ(client.exchange(request).status, 404);
  EXPECT_EQ(ask("POST", concat("/api/v1/videos/", id_, "/restore")).status, 200);
  EXPECT_EQ(client.exchange(request).status, 200);
}

TEST_P(HlsDelivery, RangesOfASegmentAreItsBytes) {
  auto client = connect();
  const auto head = concat("GET ", path("360p/0.ts"), " HTTP/1.1\r\nHost: a\r\n");
  const auto whole = client.exchange(head + "\r\n");
  ASSERT_EQ(whole.body.size() % 188, 0u);
  for (const auto& [first, last] :
       {std::pair{0u, 0u}, std::pair{188u, 375u}, std::pair{1u, 4000u}}) {
    const auto part = client.exchange(concat(head, "Range: bytes=", first, '-', last, "\r\n\r\n"));
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, whole.body.substr(first, last - first + 1));
  }
  const auto parts = client.exchange(head + "Range: bytes=0-1,5-6\r\n\r\n");
  EXPECT_EQ(parts.status, 206);
  EXPECT_EQ(parts["content-type"].substr(0, 31), "multipart/byteranges; boundary=");
}

SF_ON_BOTH_BACKENDS(HlsDelivery);

}  // namespace
}  // namespace sf::test

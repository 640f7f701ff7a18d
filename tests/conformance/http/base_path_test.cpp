/// A server below a path of its host: requests come with it, and what answers name has it.

#include <streamforge/base/json.hpp>

#include "http_case.hpp"
#include "support/process.hpp"

namespace sf::test {
namespace {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

class HttpBasePath : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions below(std::string path, std::vector<std::string> more = {}) {
    ServerOptions options;
    options.io = GetParam();
    options.flags = {"--transcoders", "0", "--base-path", std::move(path)};
    options.flags.insert(options.flags.end(), more.begin(), more.end());
    return options;
  }
  /// The path of the script that a page loads; its name depends on the page that is built in.
  static std::string script_of(const HttpResponse& page, std::string_view base_path) {
    constexpr std::string_view kBefore = " src=\"";
    const auto begin = page.body.find(concat(kBefore, base_path, "/assets/"));
    if (begin == std::string::npos) return "none";
    const auto path = page.body.substr(begin + kBefore.size());
    return path.substr(0, path.find('"'));
  }
  static std::string text_at(const HttpResponse& answer, std::string_view member) {
    const auto body = json::parse(answer.body);
    return body && body->is_object() ? body->string_at(member) : answer.body;
  }
  static HttpResponse upload(const TestServer& server, HttpFields fields, std::string body = {}) {
    fields.insert(fields.begin(), {"Tus-Resumable", "1.0.0"});
    fields.emplace_back("Content-Length", concat(body.size()));
    return fetch(server.port(), "POST", "/media/files", fields, body);
  }
};

TEST_P(HttpBasePath, ThePageIsThereAndNamesWhatItLoads) {
  const TestServer server(below("/media"));
  const std::string script = script_of(fetch(server.port(), "GET", "/media/"), "/media");
  for (const auto* path : {"/media/", "/media", "/media/watch/a", "/media/index.html"}) {
    SCOPED_TRACE(path);
    const auto page = fetch(server.port(), "GET", path);
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.body.find(" data-base=\"/media/\">"), std::string::npos) << page.body;
    EXPECT_EQ(script_of(page, "/media"), script);
    EXPECT_EQ(fetch(server.port(), "GET", path, {{"If-None-Match", page["etag"]}}).status, 304);
    const auto packed = fetch(server.port(), "GET", path, {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(packed["content-encoding"], "gzip");
    EXPECT_NE(packed["etag"], page["etag"]);
  }
  const auto loaded = fetch(server.port(), "GET", script);
  EXPECT_EQ(loaded.status, 200);
  EXPECT_NE(loaded["cache-control"].find("immutable"), std::string::npos);
  const auto framed = fetch(server.port(), "GET", "/media/embed/a");
  EXPECT_NE(framed["content-security-policy"].find("frame-ancestors *"), std::string::npos);
  const auto dead = fetch(server.port(), "GET", "/media/none", {{"Accept", "text/html"}});
  EXPECT_EQ(dead.status, 404);
  EXPECT_NE(dead.body.find("/media/assets/"), std::string::npos);
}

TEST_P(HttpBasePath, AtTheRootThePageIsAsItWasBuilt) {
  const TestServer server(below("/"));
  const auto page = fetch(server.port(), "GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find(" data-base=\"/\">"), std::string::npos);
  EXPECT_EQ(fetch(server.port(), "GET", script_of(page, "")).status, 200);
}

TEST_P(HttpBasePath, BesideItIsNothingAndTheWayIsTold) {
  const TestServer server(below("/media"));
  for (const auto* path : {"/", "/watch/a", "/files/a", "/api/v1/videos", "/mediatheque"}) {
    SCOPED_TRACE(path);
    const auto answer = fetch(server.port(), "GET", path, {{"Accept", "text/html"}});
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer["content-type"], "application/problem+json");
    EXPECT_EQ(text_at(answer, "hint"), "This server is at /media/.");
  }
  EXPECT_EQ(fetch(server.port(), "GET", "/media/media/api/v1/videos").status, 404);
}

TEST_P(HttpBasePath, HealthAndMetricsAreAtTheRootToo) {
  const TestServer server(below("/media"));
  for (const auto* path : {"/healthz", "/readyz", "/metrics"}) {
    EXPECT_EQ(fetch(server.port(), "GET", path).status, 200) << path;
    EXPECT_EQ(fetch(server.port(), "GET", concat("/media", path)).status, 200) << path;
  }
}

TEST_P(HttpBasePath, UploadsAndTheirVideosAreNamedBelowIt) {
  const TestServer server(below("/media"));
  const auto whole = upload(server, {{"Upload-Length", "5"}});
  ASSERT_EQ(whole.status, 201) << whole.body;
  const std::string location = whole["location"];
  ASSERT_TRUE(location.starts_with("/media/files/")) << location;
  const std::string id = location.substr(location.rfind('/') + 1);
  const HttpFields tus = {{"Tus-Resumable", "1.0.0"}};
  EXPECT_EQ(fetch(server.port(), "HEAD", location, tus)["upload-offset"], "0");
  const auto link =
      fetch(server.port(), "POST", concat("/media/api/v1/videos/", id, "/playback-url"),
            {{"Content-Length", "0"}});
  EXPECT_TRUE(text_at(link, "url").starts_with(concat("/media/v/", id, "/master.m3u8?token=")))
      << link.body;
  EXPECT_EQ(fetch(server.port(), "DELETE", location, tus).status, 204);
}

TEST_P(HttpBasePath, WhatIsJoinedOfPartsIsNamedBelowIt) {
  const TestServer server(below("/media"));
  const HttpFields part = {{"Upload-Length", "0"}, {"Upload-Concat", "partial"}};
  const std::string first = upload(server, part)["location"];
  const std::string second = upload(server, part)["location"];
  const auto joined = upload(server, {{"Upload-Concat", concat("final;", first, ' ', second)}});
  EXPECT_EQ(joined.status, 201) << joined.body;
  EXPECT_TRUE(joined["location"].starts_with("/media/files/")) << joined["location"];
}

TEST_P(HttpBasePath, TheDraftsAnswersNamePathsBelowIt) {
  const TestServer server(below("/media"));
  RawHttp client(server.port());
  client.send(
      "POST /media/files HTTP/1.1\r\nHost: x\r\nUpload-Draft-Interop-Version: 8\r\n"
      "Upload-Complete: ?1\r\nContent-Length: 5\r\n\r\nhello");
  const auto interim = client.read_response();
  EXPECT_EQ(interim.status, 104);
  EXPECT_TRUE(interim["location"].starts_with("/media/files/")) << interim["location"];
  auto answer = client.read_response();
  for (int more = 0; answer.status == 104 && more < 100; ++more) answer = client.read_response();
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_TRUE(answer["location"].starts_with("/media/files/")) << answer["location"];
  EXPECT_TRUE(text_at(answer, "video").starts_with("/media/api/v1/videos/")) << answer.body;
  EXPECT_TRUE(text_at(answer, "watch").starts_with("/media/watch/")) << answer.body;
}

TEST_P(HttpBasePath, CookiesAreForItAlone) {
  const TestServer server(below("/media/"));
  const auto left = fetch(server.port(), "DELETE", "/media/api/v1/session");
  EXPECT_NE(left["set-cookie"].find("; Path=/media; "), std::string::npos) << left["set-cookie"];
}

TEST_P(HttpBasePath, ARedirectToTlsKeepsIt) {
  const TestServer server(below(
      "/media", {"--tls-listen", "127.0.0.1:0", "--tls-self-signed", "--tls-redirect", "true"}));
  const auto moved = fetch(server.port(), "GET", "/media/watch/a?t=1");
  EXPECT_EQ(moved.status, 308);
  EXPECT_TRUE(moved["location"].starts_with("https://")) << moved["location"];
  EXPECT_TRUE(moved["location"].ends_with("/media/watch/a?t=1")) << moved["location"];
}

TEST(BasePathSetting, WhatIsNoPathIsRefusedAtOnce) {
  const TempDir data;
  const std::string long_one = concat('/', std::string(100, 'a'));
  for (const char* path : {"media", "https://example.org/media", "/a//b", "/a/../b", "/a b", "/a;b",
                           "/\"", "/%41", "/{id}", "//", long_one.c_str()}) {
    const auto said = run_program({binary(), "serve", "--data", data.path().string(), "--listen",
                                   "127.0.0.1:0", "--base-path", path});
    EXPECT_EQ(said.exit, 2) << path;
    EXPECT_NE(said.err.find("/media"), std::string::npos) << path << ": " << said.err;
  }
}

SF_ON_BOTH_BACKENDS(HttpBasePath);

}  // namespace
}  // namespace sf::test

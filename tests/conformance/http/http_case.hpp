#pragma once

/// What the black-box cases of spec/http share: the real server on one I/O backend, and short ways
/// to say a request. Row numbers in test names are those of docs/protocols/http.md.

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

#include <string>

#include "support/raw_http.hpp"
#include "support/server.hpp"

namespace sf::test {

class HttpCase : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] RawHttp connect() const { return RawHttp(server_.port()); }
  /// On a connection of its own.
  [[nodiscard]] HttpResponse ask(std::string_view request) const {
    return connect().exchange(request);
  }
  /// Refused with `status`, the connection closed, and nothing behind it executed: `request` and
  /// what follows it try to make uploads.
  void expect_refused(const std::string& request, int status) const {
    SCOPED_TRACE(testing::PrintToString(request.substr(0, 300)));
    auto client = connect();
    client.send(request + create_upload());
    const auto response = client.read_response();
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response["connection"], "close");
    EXPECT_EQ(response["content-type"], "application/problem+json");
    client.half_close();
    EXPECT_EQ(client.read_to_end(), "") << "something behind the refused request was answered";
  }
  void expect_no_uploads() const {
    const auto videos = ask(get("/api/v1/videos"));
    EXPECT_EQ(videos.status, 200);
    EXPECT_NE(videos.body.find("\"items\":[]"), std::string::npos) << videos.body;
  }

  static std::string get(std::string_view target, std::string_view fields = {}) {
    return concat("GET ", target, " HTTP/1.1\r\nHost: localhost\r\n", fields, "\r\n");
  }
  /// A POST that makes an upload of 5 bytes when it is executed.
  static std::string create_upload(std::string_view fields = {}) {
    return concat("POST /files HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n",
                  "Upload-Length: 5\r\nContent-Length: 0\r\n", fields, "\r\n");
  }
  /// The same without framing fields: the subject adds its own.
  static std::string create_upload_framed(std::string_view fields, std::string_view rest = {}) {
    return concat("POST /files HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n",
                  "Upload-Length: 5\r\n", fields, "\r\n", rest);
  }
  /// A new upload of `bytes` bytes: its path.
  [[nodiscard]] std::string make_upload(std::size_t bytes) const {
    const auto created =
        ask(concat("POST /files HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n",
                   "Upload-Length: ", bytes, "\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(created.status, 201) << created.body;
    const auto location = created["location"];
    return location.substr(std::min(location.find("/files/"), location.size()));
  }
  static std::string patch_head(std::string_view path, std::string_view fields) {
    return concat("PATCH ", path, " HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n",
                  "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n", fields,
                  "\r\n");
  }

  TestServer server_{[] {
    ServerOptions options;
    options.io = GetParam();
    return options;
  }()};
};

}  // namespace sf::test

/// On both I/O backends.
#define SF_ON_BOTH_BACKENDS(Case)                                            \
  INSTANTIATE_TEST_SUITE_P(Io, Case, testing::ValuesIn(sf::test::kBackends), \
                           [](const auto& run) { return std::string(run.param); })

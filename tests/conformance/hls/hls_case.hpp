#pragma once

/// What the black-box cases of playback share: the real server on one I/O backend, with one short
/// video that is ready. Row numbers in test names are those of docs/protocols/hls.md.

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/clips.hpp"
#include "support/process.hpp"
#include "support/raw_http.hpp"
#include "support/server.hpp"

namespace sf::test {

class HlsCase : public testing::TestWithParam<const char*> {
 protected:
  explicit HlsCase(std::vector<std::string> flags = {}) : server_(options_with(std::move(flags))) {}

  void SetUp() override {
    std::ifstream file(source(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const auto created = ask("POST", "/files",
                             concat("Tus-Resumable: 1.0.0\r\nUpload-Length: ", bytes.size(),
                                    "\r\nContent-Type: application/offset+octet-stream\r\n"),
                             bytes);
    ASSERT_EQ(created.status, 201) << created.body;
    const auto location = created["location"];
    id_ = location.substr(location.rfind('/') + 1);
    wait_until_ready();
  }

  /// What is uploaded.
  [[nodiscard]] virtual std::string source() const {
    return clip({.kind = "mp4", .seconds = 5, .size = "128x96"});
  }
  [[nodiscard]] RawHttp connect() const { return RawHttp(server_.port()); }
  /// On a connection of its own.
  [[nodiscard]] HttpResponse ask(std::string_view method, std::string_view target,
                                 std::string_view fields = {}, std::string_view body = {}) const {
    auto client = connect();
    const std::string length =
        body.empty() && method != "POST" ? "" : concat("Content-Length: ", body.size(), "\r\n");
    return client.exchange(concat(method, ' ', target, " HTTP/1.1\r\nHost: localhost\r\n", length,
                                  fields, "\r\n", body));
  }
  [[nodiscard]] HttpResponse get(std::string_view target, std::string_view fields = {}) const {
    return ask("GET", target, fields);
  }
  /// "/v/ID/" and what is below it.
  [[nodiscard]] std::string path(std::string_view below) const {
    return concat("/v/", id_, '/', below);
  }
  void set_visibility(std::string_view visibility) const {
    const auto answer =
        ask("PATCH", concat("/api/v1/videos/", id_), "Content-Type: application/json\r\n",
            concat("{\"visibility\":\"", visibility, "\"}"));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  /// The server ends and starts again without --open: whoever asks is nobody.
  void restart_with_accounts() {
    ASSERT_EQ(server_.terminate(), 0);
    server_.options().open = false;
    server_.start();
  }

  std::string id_;
  TestServer server_;

 private:
  static ServerOptions options_with(std::vector<std::string> flags) {
    ServerOptions options;
    options.io = GetParam();
    options.flags = std::move(flags);
    return options;
  }
  void wait_until_ready() const {
    for (unsigned tries = 0; tries < 1200; ++tries) {
      const auto video = get(concat("/api/v1/videos/", id_)).body;
      if (video.find("\"status\":\"ready\"") != std::string::npos) return;
      if (video.find("\"status\":\"failed\"") != std::string::npos) throw std::runtime_error(video);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("the video was not ready within a minute");
  }
};

}  // namespace sf::test

/// On both I/O backends.
#define SF_ON_BOTH_BACKENDS(Case)                                            \
  INSTANTIATE_TEST_SUITE_P(Io, Case, testing::ValuesIn(sf::test::kBackends), \
                           [](const auto& run) { return std::string(run.param); })

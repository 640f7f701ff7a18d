#pragma once

/// What the black-box cases of spec/tus share: the real server on one I/O backend, and short ways
/// to say a tus request. Row numbers in test names are those of docs/protocols/tus.md.

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/eventually.hpp"
#include "support/raw_http.hpp"
#include "support/server.hpp"

namespace sf::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kBodyType = "application/offset+octet-stream";
/// Of "hello world".
inline constexpr const char* kHelloSha1 = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";

class TusCase : public testing::TestWithParam<const char*> {
 protected:
  explicit TusCase(std::vector<std::string> flags = {}) : server_(options_with(std::move(flags))) {}

  [[nodiscard]] RawHttp connect() const { return RawHttp(server_.port()); }

  /// One request with exactly these fields.
  HttpResponse bare(std::string_view method, std::string_view target, const Fields& fields = {},
                    std::string_view body = {}) const {
    return fetch(server_.port(), method, target, fields, body);
  }
  /// The same with Tus-Resumable. Row C1 holds for every answer of every test.
  HttpResponse tus(std::string_view method, std::string_view target, Fields fields = {},
                   std::string_view body = {}) const {
    fields.emplace_back("Tus-Resumable", "1.0.0");
    auto answer = bare(method, target, fields, body);
    EXPECT_EQ(answer["Tus-Resumable"], "1.0.0") << "C1: " << method << ' ' << target;
    return answer;
  }
  HttpResponse post(Fields fields, std::string_view body = {}) const {
    return tus("POST", "/files", std::move(fields), body);
  }
  HttpResponse patch(const std::string& path, std::string_view offset, std::string_view body,
                     Fields fields = {}) const {
    fields.emplace_back("Upload-Offset", offset);
    fields.emplace_back("Content-Type", kBodyType);
    return tus("PATCH", path, std::move(fields), body);
  }
  HttpResponse head(const std::string& path) const { return tus("HEAD", path); }
  [[nodiscard]] std::string offset(const std::string& path) const {
    return head(path)["Upload-Offset"];
  }
  /// A new upload: its path.
  [[nodiscard]] std::string create(std::uint64_t length, Fields fields = {}) const {
    fields.emplace_back("Upload-Length", std::to_string(length));
    const auto answer = post(std::move(fields));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer["Location"];
  }
  /// Waits until the server, since it started, has taken so many bytes of bodies: those of a PATCH
  /// that goes on then hold their upload.
  void await_taken(std::uint64_t bytes) const {
    constexpr std::string_view kName = "\nstreamforge_upload_bytes_total ";
    const bool taken = eventually([&] {
      const std::string text = bare("GET", "/metrics").body;
      const std::size_t at = text.find(kName);
      return at != std::string::npos &&
             std::stod(text.substr(at + kName.size())) >= static_cast<double>(bytes);
    });
    if (!taken) throw std::runtime_error(concat("the server took no ", bytes, " bytes"));
  }
  /// The video of an upload, as the API tells it.
  [[nodiscard]] HttpResponse video(const std::string& path) const {
    return bare("GET", "/api/v1/videos/" + path.substr(path.rfind('/') + 1));
  }

  /// The head of a request whose body is sent by hand.
  static std::string head_of(std::string_view method, std::string_view target,
                             std::string_view fields) {
    return concat(method, ' ', target, " HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n", fields,
                  "\r\n");
  }
  static std::string patch_head(std::string_view target, std::uint64_t at,
                                std::string_view fields) {
    return head_of("PATCH", target,
                   concat("Content-Type: ", kBodyType, "\r\nUpload-Offset: ", at, "\r\n", fields));
  }
  /// Bytes without a period that a misplaced block could hide behind.
  static std::string noise(std::size_t bytes, std::uint64_t seed = 1) {
    std::string out(bytes, '\0');
    std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (char& c : out) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      c = static_cast<char>(state);
    }
    return out;
  }
  static ServerOptions options_with(std::vector<std::string> flags) {
    ServerOptions options;
    options.io = GetParam();
    options.flags = std::move(flags);
    return options;
  }

  TestServer server_;
};

}  // namespace sf::test

/// On both I/O backends.
#define SF_ON_BOTH_BACKENDS(suite)                                              \
  INSTANTIATE_TEST_SUITE_P(Io, suite, testing::ValuesIn(::sf::test::kBackends), \
                           [](const auto& run) { return std::string(run.param); })

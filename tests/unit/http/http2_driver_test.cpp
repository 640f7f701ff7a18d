#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "live_server.hpp"
#include "support/raw_http.hpp"

namespace sf::http::test {
namespace {

using sf::test::RawHttp;

constexpr char kHeaders = 1;
constexpr char kReset = 3;
constexpr char kSettings = 4;
constexpr char kGoaway = 7;
constexpr unsigned char kEndStream = 1;
constexpr unsigned char kEndHeaders = 4;

std::string number(std::uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(value >> shift));
  }
  return text;
}

std::string frame(char type, unsigned char flags, std::uint32_t stream,
                  const std::string& payload) {
  return number(static_cast<std::uint32_t>(payload.size()), 3) + type + static_cast<char>(flags) +
         number(stream, 4) + payload;
}

std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

std::string request(const std::string& method, const std::string& path) {
  return field(":method", method) + field(":path", path) + field(":scheme", "http") +
         field(":authority", "x");
}

/// The preface; streams begin with so much of a window.
std::string greeting(std::uint32_t window = 65'535) {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
         frame(kSettings, 0, 0, number(4, 2) + number(window, 4));
}

struct Frame {
  char type = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

std::vector<Frame> frames_of(const std::string& bytes) {
  const auto at = [&bytes](std::size_t place) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[place]));
  };
  std::vector<Frame> frames;
  for (std::size_t i = 0; i + 9 <= bytes.size();) {
    const std::size_t size = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    frames.push_back({bytes[i + 3], at(i + 7) << 8 | at(i + 8), bytes.substr(i + 9, size)});
    i += 9 + size;
  }
  return frames;
}

const Frame* find(const std::vector<Frame>& frames, char type) {
  for (const Frame& each : frames) {
    if (each.type == type) return &each;
  }
  return nullptr;
}

class Http2Driver : public testing::TestWithParam<io::BackendKind> {};
INSTANTIATE_TEST_SUITE_P(Io, Http2Driver,
                         testing::Values(io::BackendKind::kUring, io::BackendKind::kEpoll));

TEST_P(Http2Driver, AnIdleConnectionIsLeftWithAWord) {
  ServerOptions options = LiveServer::quiet();
  options.idle_timeout_ms = 100;
  LiveServer live(GetParam(), options);
  RawHttp client(live.port());
  client.send(greeting() + frame(kHeaders, kEndStream | kEndHeaders, 1, request("GET", "/hello")));
  const auto frames = frames_of(client.read_to_end());
  ASSERT_TRUE(find(frames, kHeaders));
  const Frame* goaway = find(frames, kGoaway);
  ASSERT_TRUE(goaway);
  EXPECT_EQ(goaway->payload.substr(0, 8), number(1, 4) + number(0, 4));
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Http2Driver, ABodyThatStallsIsAnswered) {
  ServerOptions options = LiveServer::quiet();
  options.body_stall_timeout_ms = 100;
  options.idle_timeout_ms = 200;
  LiveServer live(GetParam(), options);
  RawHttp client(live.port());
  client.send(greeting() + frame(kHeaders, kEndHeaders, 1, request("POST", "/echo")));
  const auto frames = frames_of(client.read_to_end());
  EXPECT_TRUE(find(frames, kHeaders));
  const Frame* reset = find(frames, kReset);  // What is left of the body is not wanted.
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->payload, number(0, 4));
  EXPECT_EQ(live.world().body_error, static_cast<int>(ErrorCode::kTimedOut));
}

TEST_P(Http2Driver, AStreamWithoutAWindowIsLeft) {
  for (const auto* path : {"/large", "/file", "/pieces"}) {
    ServerOptions options = LiveServer::quiet();
    options.send_stall_timeout_ms = 100;
    options.idle_timeout_ms = 200;
    LiveServer live(GetParam(), options);
    RawHttp client(live.port());
    client.send(greeting(10) + frame(kHeaders, kEndStream | kEndHeaders, 1, request("GET", path)));
    const auto frames = frames_of(client.read_to_end());
    const Frame* reset = find(frames, kReset);
    ASSERT_TRUE(reset) << path;
    EXPECT_EQ(reset->payload, number(8, 4));  // CANCEL
    EXPECT_TRUE(live.settles_at(0));
  }
}

TEST_P(Http2Driver, AFileThatIsTooShortEndsTheConnection) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  const std::uint32_t window = 0x7fffffff;
  client.send(greeting(window) + frame(8, 0, 0, number(window - 65'535, 4)) +
              frame(kHeaders, kEndStream | kEndHeaders, 1, request("GET", "/truncated")));
  std::string body;
  for (const Frame& each : frames_of(client.read_to_end())) {
    if (each.type == 0) body += each.payload;
  }
  EXPECT_LE(body.size(), kLargeBytes);
  EXPECT_TRUE(live.world().large.starts_with(body));
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Http2Driver, AProducerThatFailsOrThrowsHurtsItsStreamOnly) {
  ServerOptions options = LiveServer::quiet();
  options.idle_timeout_ms = 200;
  LiveServer live(GetParam(), options);
  RawHttp client(live.port());
  std::string asked = greeting();
  std::uint32_t stream = 1;
  for (const auto* path : {"/half", "/throw", "/hello"}) {
    asked += frame(kHeaders, kEndStream | kEndHeaders, stream, request("GET", path));
    stream += 2;
  }
  client.send(asked);
  unsigned heads = 0;
  std::string bodies;
  for (const Frame& each : frames_of(client.read_to_end())) {
    if (each.type == kHeaders) ++heads;
    if (each.type == kReset) {
      EXPECT_EQ(each.stream, 1u);
      EXPECT_EQ(each.payload, number(2, 4));  // INTERNAL_ERROR
    }
    if (each.type == 0 && each.stream == 5) bodies += each.payload;
  }
  EXPECT_EQ(heads, 3u);
  EXPECT_EQ(bodies, "hello");
}

}  // namespace
}  // namespace sf::http::test

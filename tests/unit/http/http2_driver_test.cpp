#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>

#include <array>
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
constexpr char kPing = 6;
constexpr char kGoaway = 7;
constexpr unsigned char kAck = 1;
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

/// Adds to `received` until a frame of that type is whole in it.
void read_until(RawHttp& client, std::string& received, char type) {
  std::array<char, 4096> piece;
  while (!find(frames_of(received), type)) {
    ::pollfd polled{client.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&polled, 1, 10'000), 1);
    const ::ssize_t count = ::recv(client.fd(), piece.data(), piece.size(), 0);
    ASSERT_GT(count, 0);
    received.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::vector<std::string> goaways_in(const std::string& received) {
  std::vector<std::string> payloads;
  for (const Frame& each : frames_of(received)) {
    if (each.type == kGoaway) payloads.push_back(each.payload);
  }
  return payloads;
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

/// What comes until the answer to a first request, after which the server is told to stop.
void ask_then_stop(LiveServer& live, RawHttp& client, std::string& received) {
  client.send(greeting() + frame(kHeaders, kEndStream | kEndHeaders, 1, request("GET", "/hello")));
  read_until(client, received, kHeaders);
  live.server().begin_drain();
}

/// RFC 9113 section 6.8: "at least one round-trip time".
TEST_P(Http2Driver, AStopAnswersWhatCrossesItsFirstWord) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  std::string received;
  ask_then_stop(live, client, received);
  read_until(client, received, kPing);
  const auto frames = frames_of(received);
  ASSERT_TRUE(find(frames, kPing));
  const std::string ping = find(frames, kPing)->payload;
  EXPECT_EQ(goaways_in(received), std::vector<std::string>{number(0x7fffffff, 4) + number(0, 4)});

  client.send(frame(kHeaders, kEndStream | kEndHeaders, 3, request("GET", "/hello")) +
              frame(kPing, kAck, 0, ping));
  received += client.read_to_end();
  EXPECT_EQ(live.world().handled, 2u);
  EXPECT_EQ(goaways_in(received).back(), number(3, 4) + number(0, 4));
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Http2Driver, AStopDoesNotWaitForWhoSaysNothing) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  std::string received;
  ask_then_stop(live, client, received);
  received += client.read_to_end();
  ASSERT_EQ(goaways_in(received).size(), 2u);
  EXPECT_EQ(goaways_in(received).back(), number(1, 4) + number(0, 4));
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

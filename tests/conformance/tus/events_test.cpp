/// What the events stream tells of an upload while it runs.

#include <streamforge/base/clock.hpp>

#include <sys/socket.h>

#include <array>

#include "tus_case.hpp"

namespace sf::test {
namespace {

using TusEvents = TusCase;

/// What the stream tells until `end` has been told; all of it when that never comes.
std::string read_until(RawHttp& stream, const std::string& end) {
  std::string text;
  std::array<char, 4096> bytes{};
  while (text.find(end) == std::string::npos && stream.has_bytes_within(10'000)) {
    const auto got = ::recv(stream.fd(), bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST_P(TusEvents, StepsAreToldAsTheyHappenButFewASecond) {
  constexpr std::size_t kSteps = 150;
  auto stream = connect();
  stream.send("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(stream.has_bytes_within(10'000));
  const std::string path = create(kSteps + 1);
  const auto begun_ns = mono_ns();
  for (std::size_t at = 0; at < kSteps; ++at) {
    ASSERT_EQ(patch(path, std::to_string(at), "x").status, 204);
  }
  const std::string last = concat("\"received_bytes\":", kSteps, ',');
  const std::string told = read_until(stream, last);
  const double seconds = static_cast<double>(mono_ns() - begun_ns) / 1e9;
  EXPECT_NE(told.find(last), std::string::npos) << "what happened last is always told";
  const auto steps = static_cast<double>(count(told, "event: video.progress"));
  EXPECT_LE(steps, seconds * 4 + 2);
}

SF_ON_BOTH_BACKENDS(TusEvents);

}  // namespace
}  // namespace sf::test

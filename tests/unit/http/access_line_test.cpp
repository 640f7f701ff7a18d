#include <gtest/gtest.h>

#include "access_line.hpp"

namespace sf::http {
namespace {

constexpr std::int64_t kMorning = 1795402800123;

AccessLine usual() {
  return {.wall_time_ms = kMorning,
          .method = "GET",
          .target = "/v/1/720p.m3u8",
          .version = Version::kHttp11,
          .status = 200,
          .bytes = 714,
          .took_ns = 12'345,
          .peer = "192.0.2.7:4711",
          .request_id = "01jd-7",
          .ended = "whole"};
}

std::string text_of(log::Format format, const AccessLine& line) {
  std::string out(access_line_bytes_max(line), '\0');
  const char* end = put_access_line(out.data(), format, line);
  EXPECT_LE(end, out.data() + out.size());
  out.resize(static_cast<std::size_t>(end - out.data()));
  return out;
}

/// What stands between `key` and the next field.
std::string value_of(log::Format format, const AccessLine& line, std::string_view key,
                     std::string_view next) {
  const std::string text = text_of(format, line);
  const auto begin = text.find(key) + key.size();
  return text.substr(begin, text.find(next) - begin);
}

TEST(AccessLine, Text) {
  EXPECT_EQ(text_of(log::Format::kText, usual()),
            "2026-11-23T03:00:00.123Z INFO  http  request method=GET target=/v/1/720p.m3u8 "
            "protocol=HTTP/1.1 status=200 bytes=714 ms=0.012 peer=192.0.2.7:4711 "
            "request_id=01jd-7 ended=whole\n");
}

TEST(AccessLine, Json) {
  EXPECT_EQ(text_of(log::Format::kJson, usual()),
            R"({"time":"2026-11-23T03:00:00.123Z","level":"info","room":"http",)"
            R"("message":"request","method":"GET","target":"/v/1/720p.m3u8",)"
            R"("protocol":"HTTP/1.1","status":200,"bytes":714,"ms":0.012,)"
            R"("peer":"192.0.2.7:4711","request_id":"01jd-7","ended":"whole"})"
            "\n");
}

TEST(AccessLine, NothingInATargetBreaksTheLine) {
  struct Case {
    std::string_view target, text, json;
  };
  const std::string controls(3, '\x01');
  for (const Case& each : std::initializer_list<Case>{
           {"/a?b=c", R"("/a?b=c")", R"("/a?b=c")"},
           {"/a\"b", R"("/a\"b")", R"("/a\"b")"},
           {"/a\\b", R"(/a\b)", R"("/a\\b")"},
           {"/a b", R"("/a b")", R"("/a b")"},
           {"/a\r\nb", R"("/a\r\nb")", R"("/a\r\nb")"},
           {"/\xC3\xA9", "/\xC3\xA9", "\"/\xC3\xA9\""},
           {"/\x7F", "\"/\x7F\"", "\"/\x7F\""},
           {controls, R"("\u0001\u0001\u0001")", R"("\u0001\u0001\u0001")"}}) {
    AccessLine line = usual();
    line.target = each.target;
    EXPECT_EQ(value_of(log::Format::kText, line, " target=", " protocol="), each.text);
    EXPECT_EQ(value_of(log::Format::kJson, line, R"("target":)", R"(,"protocol")"), each.json);
  }
}

TEST(AccessLine, TheLongestTargetHasRoom) {
  const std::string target(100'000, '\x01');
  AccessLine line = usual();
  line.target = target;
  EXPECT_GT(text_of(log::Format::kJson, line).size(), 600'000u);
}

TEST(AccessLine, MillisecondsHaveNoZerosAtTheirEnd) {
  for (const auto& [ns, text] : std::initializer_list<std::pair<std::uint64_t, std::string_view>>{
           {0, "0"},
           {999, "0"},
           {1'000, "0.001"},
           {100'000, "0.1"},
           {120'000, "0.12"},
           {1'000'000, "1"},
           {1'010'999, "1.01"},
           {100'000'000'000, "100000"}}) {
    AccessLine line = usual();
    line.took_ns = ns;
    EXPECT_EQ(value_of(log::Format::kText, line, " ms=", " peer="), text);
  }
}

TEST(AccessLine, WhatIsNoRequestIsRefused) {
  AccessLine line = usual();
  line.method = "-";
  line.target = "";
  line.status = 400;
  EXPECT_TRUE(text_of(log::Format::kText, line)
                  .contains("Z INFO  http  refused method=- target=\"\" protocol=HTTP/1.1 "
                            "status=400 "));
}

}  // namespace
}  // namespace sf::http

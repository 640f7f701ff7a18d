#pragma once

/// Bytes through the parser in every way they can arrive; for tests.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "parser.hpp"

namespace sf::http::test {

struct Message {
  RequestHead head;
  std::string body;
  Headers trailers;
};

/// What became of some bytes: messages, then perhaps a fault. Nothing follows a fault.
struct Parsed {
  std::vector<Message> messages;
  bool inside_message = false;  ///< A head came without its end.
  ParseFault fault;
};

/// Feeds `bytes` in pieces of `step`, offering again what was not consumed.
inline Parsed parse_in_steps(std::string_view bytes, std::size_t step) {
  Parser parser;
  Parsed parsed;
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    waiting.append(bytes.substr(at, step));
    for (;;) {
      const auto taken = parser.next(as_bytes(waiting));
      if (taken.event == Parser::Event::kHead) {
        parsed.messages.push_back({parser.take_head(), {}, {}});
        parsed.inside_message = true;
      } else if (taken.event == Parser::Event::kBody) {
        parsed.messages.back().body.append(as_text(taken.body));
      } else if (taken.event == Parser::Event::kEnd) {
        parsed.messages.back().trailers = parser.trailers();
        parsed.inside_message = false;
      } else if (taken.event == Parser::Event::kFault) {
        parsed.fault = parser.fault();
        return parsed;
      }
      waiting.erase(0, taken.consumed);
      if (taken.event == Parser::Event::kMore) {
        EXPECT_TRUE(waiting.empty());
        break;
      }
    }
  }
  return parsed;
}

/// The same outcome whole, split in two at every byte, and byte by byte; the outcome.
inline Parsed parse_every_way(const std::string& bytes) {
  auto whole = parse_in_steps(bytes, std::max<std::size_t>(bytes.size(), 1));
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
    const auto split = parse_in_steps(bytes, step);
    EXPECT_EQ(split.fault.status, whole.fault.status) << "in steps of " << step;
    EXPECT_EQ(split.fault.code, whole.fault.code) << "in steps of " << step;
    EXPECT_EQ(split.messages.size(), whole.messages.size()) << "in steps of " << step;
    if (split.messages.size() != whole.messages.size()) return whole;
    for (std::size_t i = 0; i < whole.messages.size(); ++i) {
      EXPECT_EQ(split.messages[i].body, whole.messages[i].body) << "in steps of " << step;
      EXPECT_EQ(split.messages[i].head.target, whole.messages[i].head.target);
      EXPECT_EQ(split.messages[i].head.headers.all(), whole.messages[i].head.headers.all());
      EXPECT_EQ(split.messages[i].trailers.all(), whole.messages[i].trailers.all());
    }
    EXPECT_EQ(split.inside_message, whole.inside_message);
  }
  return whole;
}

/// Refused with `status` every way, alone and behind a good request, whose answer stands; and
/// whatever follows it is never read.
inline void expect_refused(const std::string& bytes, int status) {
  SCOPED_TRACE(testing::PrintToString(bytes));
  static const std::string kGood = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto alone = parse_every_way(bytes);
  EXPECT_EQ(alone.fault.status, status) << alone.fault.detail;
  EXPECT_FALSE(alone.fault.code.empty());
  const auto behind = parse_every_way(kGood + bytes + kGood);
  EXPECT_EQ(behind.fault.status, status) << behind.fault.detail;
  for (std::size_t i = 1; i < behind.messages.size(); ++i) {
    EXPECT_NE(behind.messages[i].head.target, "/good") << "a request was read after the fault";
  }
}

/// Refused before anything could be acted on.
inline void expect_head_refused(const std::string& bytes, int status) {
  expect_refused(bytes, status);
  EXPECT_TRUE(parse_in_steps(bytes, bytes.size()).messages.empty()) << bytes;
}

}  // namespace sf::http::test

/// Requests from strangers: whatever the bytes and however they are split, the parser gives the
/// same messages, never reads past its input, and no path that could leave its root.
/// build/debug/tests/fuzz_http_parser tests/fuzz/corpus/http_parser

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <cstdint>
#include <string>

#include "parser.hpp"

namespace {

using sf::http::Parser;

struct Outcome {
  std::string transcript;  ///< Messages as text, then a fault's status.
  std::size_t body_bytes = 0;
};

void check_path(const sf::http::RequestHead& head) {
  if (head.path == "*") return;
  SF_ASSERT(head.path.starts_with('/'));
  SF_ASSERT(head.path.find('\0') == std::string::npos && sf::is_utf8(head.path));
  const auto segments = sf::split(std::string_view(head.path).substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    SF_ASSERT(segments[i] != "." && segments[i] != "..");
    SF_ASSERT(!segments[i].empty() || i + 1 == segments.size());
  }
}

void append_head(const sf::http::RequestHead& head, std::string& transcript) {
  check_path(head);
  SF_ASSERT(head.target.size() <= sf::limits::kRequestTargetBytesMax);
  SF_ASSERT(head.headers.all().size() <= sf::limits::kHeaderCountMax);
  transcript += sf::concat("HEAD ", sf::http::name_of(head.method), ' ', head.target, ' ',
                           head.authority, ' ', head.content_length, '\n');
  for (const auto& [name, value] : head.headers.all()) {
    SF_ASSERT(!name.empty() && value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
    transcript += name + ":" + value + "\n";
  }
}

Outcome parse(std::string_view bytes, std::size_t step) {
  Parser parser;
  Outcome outcome;
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    waiting.append(bytes.substr(at, step));
    for (;;) {
      const auto taken = parser.next(sf::as_bytes(waiting));
      SF_ASSERT(taken.consumed <= waiting.size());
      if (taken.event == Parser::Event::kHead) append_head(parser.take_head(), outcome.transcript);
      if (taken.event == Parser::Event::kBody) {
        SF_ASSERT(!taken.body.empty());
        outcome.transcript.append(sf::as_text(taken.body));
        outcome.body_bytes += taken.body.size();
      }
      if (taken.event == Parser::Event::kEnd) {
        for (const auto& [name, value] : parser.trailers().all()) {
          outcome.transcript += name + "=" + value + "\n";
        }
        outcome.transcript += "END\n";
      }
      if (taken.event == Parser::Event::kFault) {
        outcome.transcript += sf::concat("FAULT ", parser.fault().status);
        return outcome;
      }
      waiting.erase(0, taken.consumed);
      if (taken.event == Parser::Event::kMore) {
        SF_ASSERT(waiting.empty());
        break;
      }
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = data[0] % 32 + 1;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = parse(bytes, bytes.size());
  const auto split = parse(bytes, step);
  SF_ASSERT(whole.body_bytes <= bytes.size());
  SF_ASSERT(whole.transcript == split.transcript);
  return 0;
}

#include "head_scanner.hpp"

#include <streamforge/base/limits.hpp>

#include "characters.hpp"

namespace sf::http {

namespace {

constexpr unsigned kBlankLinesMax = 4;  ///< Before a request line; old clients send one.
constexpr std::size_t kMethodBytesMax = 32;
/// " HTTP/1.1" after the target.
constexpr std::size_t kVersionBytes = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

HeadScanner::Verdict HeadScanner::scan(std::string_view bytes) {
  while (cursor_ < bytes.size()) {
    const Verdict verdict = step(bytes);
    if (verdict != Verdict::kMore) return verdict;
  }
  return Verdict::kMore;
}

HeadScanner::Verdict HeadScanner::step(std::string_view bytes) {
  const char c = bytes[cursor_];
  switch (state_) {
    case State::kBlank:
      if (c == '\r') {
        if (++blank_lines_ > kBlankLinesMax) {
          return refuse(400, "bad_request_line", "too many empty lines before the request line");
        }
        state_ = State::kBlankLf;
        ++cursor_;
        return Verdict::kMore;
      }
      begin_ = cursor_;
      state_ = State::kRequestLine;
      return Verdict::kMore;
    case State::kBlankLf:
      return expect_lf(c, State::kBlank);
    case State::kRequestLine:
      return scan_request_line(bytes);
    case State::kRequestLineLf:
      return expect_lf(c, State::kLineStart);
    case State::kLineStart:
      if (c == '\r') {
        state_ = State::kEndLf;
        ++cursor_;
        return Verdict::kMore;
      }
      if (c == ' ' || c == '\t') {
        return refuse(400, "folded_field", "field lines may not be folded");
      }
      if (++fields_ > limits::kHeaderCountMax) {
        return refuse(431, "header_too_large", "the request has too many header fields");
      }
      name_begin_ = cursor_;
      state_ = State::kName;
      return Verdict::kMore;
    case State::kName:
      return scan_name(bytes);
    case State::kValue:
      return scan_value(bytes);
    case State::kValueLf:
      return expect_lf(c, State::kLineStart);
    case State::kEndLf:
      if (c != '\n') return expect_lf(c, State::kEndLf);
      ++cursor_;
      return Verdict::kComplete;
  }
  return refuse(400, "bad_request_line", "the request cannot be read");
}

HeadScanner::Verdict HeadScanner::scan_request_line(std::string_view bytes) {
  while (cursor_ < bytes.size()) {
    const char c = bytes[cursor_];
    if (c == '\r') {
      request_line_end_ = cursor_++;
      state_ = State::kRequestLineLf;
      return end_request_line(bytes);
    }
    if (c != ' ' && !is_of(c, kTargetChar)) {
      return refuse(400, "bad_request_line", "the request line holds a byte that may not be there");
    }
    ++cursor_;
    if (cursor_ - begin_ > kMethodBytesMax + limits::kRequestTargetBytesMax + kVersionBytes) {
      // A line without any space is no request for a long target but something else altogether.
      const auto method = bytes.substr(begin_, kMethodBytesMax + 1);
      if (method.find(' ') == std::string_view::npos) {
        return refuse(400, "bad_request_line", "the request line has no method");
      }
      return refuse(414, "target_too_long", "the request target is too long");
    }
  }
  return Verdict::kMore;
}

/// Faults of the request line are told at its end, without waiting for fields that a client which
/// speaks another protocol may never send.
HeadScanner::Verdict HeadScanner::end_request_line(std::string_view bytes) {
  const auto line = request_line(bytes);
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || first == last || last == first + 1 ||
      line.find(' ', first + 1) != last) {
    return refuse(400, "bad_request_line", "the request line is not METHOD SP TARGET SP VERSION");
  }
  const auto version = line.substr(last + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7])) {
    return refuse(400, "bad_request_line", "the request line has no HTTP version");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return refuse(505, "version_not_supported", "this server speaks HTTP/1.1 and HTTP/1.0");
  }
  if (last - first - 1 > limits::kRequestTargetBytesMax) {
    return refuse(414, "target_too_long", "the request target is too long");
  }
  if (!all_of_class(line.substr(0, first), kTokenChar)) {
    return refuse(400, "bad_request_line", "the method is not a token");
  }
  return Verdict::kMore;
}

HeadScanner::Verdict HeadScanner::scan_name(std::string_view bytes) {
  while (cursor_ < bytes.size() && is_of(bytes[cursor_], kTokenChar)) ++cursor_;
  if (block_too_large()) {
    return refuse(431, "header_too_large", "the header fields are too large");
  }
  if (cursor_ == bytes.size()) return Verdict::kMore;
  if (bytes[cursor_] != ':') {
    return refuse(400, "bad_field", "a field name holds a byte that may not be there");
  }
  if (cursor_ == name_begin_) return refuse(400, "bad_field", "a field has no name");
  ++cursor_;
  state_ = State::kValue;
  return Verdict::kMore;
}

HeadScanner::Verdict HeadScanner::scan_value(std::string_view bytes) {
  while (cursor_ < bytes.size() && is_of(bytes[cursor_], kValueChar)) ++cursor_;
  if (block_too_large()) {
    return refuse(431, "header_too_large", "the header fields are too large");
  }
  if (cursor_ == bytes.size()) return Verdict::kMore;
  if (bytes[cursor_] != '\r') {
    return refuse(400, "bad_field", "a field value holds a byte that may not be there");
  }
  ++cursor_;
  state_ = State::kValueLf;
  return Verdict::kMore;
}

HeadScanner::Verdict HeadScanner::expect_lf(char c, State next) {
  if (c != '\n') return refuse(400, "bare_cr", "a line ends in CR without LF");
  ++cursor_;
  state_ = next;
  return Verdict::kMore;
}

HeadScanner::Verdict HeadScanner::refuse(int status, std::string_view code,
                                         std::string_view detail) {
  fault_ = {status, code, detail};
  return Verdict::kFault;
}

bool HeadScanner::block_too_large() const noexcept {
  return cursor_ - request_line_end_ > limits::kHeaderBlockBytesMax;
}

}  // namespace sf::http

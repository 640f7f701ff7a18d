#pragma once

/// The guard before llhttp: finds where a request's head ends and refuses, byte by byte, what no
/// head may hold: bare CR or LF, control characters, folded lines, a space before the colon, empty
/// names, a request line without a version, and anything over the limits. llhttp (8.1 lets some of
/// these through) only ever sees heads that passed. Pure; one message per object, then `restart`.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sf::http {

/// Why a message is refused. The texts are literals.
struct ParseFault {
  int status = 0;
  std::string_view code;
  std::string_view detail;
};

class HeadScanner {
 public:
  enum class Verdict : std::uint8_t { kMore, kComplete, kFault };

  /// `bytes` is everything since the message's beginning; what was looked at is not looked at
  /// again.
  Verdict scan(std::string_view bytes);
  void restart() noexcept { *this = HeadScanner(); }

  /// Whether anything but blank lines was seen.
  [[nodiscard]] bool started() const noexcept { return state_ > State::kBlankLf; }
  /// Blank lines before the request line are skipped (RFC 9112 section 2.2): the head begins here.
  [[nodiscard]] std::size_t begin() const noexcept { return begin_; }
  /// One past the empty line, after kComplete.
  [[nodiscard]] std::size_t end() const noexcept { return cursor_; }
  /// The request line without CRLF, by position.
  [[nodiscard]] std::string_view request_line(std::string_view bytes) const noexcept {
    return bytes.substr(begin_, request_line_end_ - begin_);
  }
  /// All behind the request line's CRLF, the empty line included, after kComplete.
  [[nodiscard]] std::string_view block(std::string_view bytes) const noexcept {
    return bytes.substr(request_line_end_ + 2, cursor_ - request_line_end_ - 2);
  }
  [[nodiscard]] unsigned fields() const noexcept { return fields_; }
  [[nodiscard]] const ParseFault& fault() const noexcept { return fault_; }

 private:
  enum class State : std::uint8_t {
    kBlank,
    kBlankLf,
    kRequestLine,
    kRequestLineLf,
    kLineStart,
    kName,
    kValue,
    kValueLf,
    kEndLf,
  };

  Verdict step(std::string_view bytes);
  Verdict scan_request_line(std::string_view bytes);
  Verdict end_request_line(std::string_view bytes);
  Verdict scan_name(std::string_view bytes);
  Verdict scan_value(std::string_view bytes);
  Verdict expect_lf(char c, State next);
  Verdict refuse(int status, std::string_view code, std::string_view detail);
  [[nodiscard]] bool block_too_large() const noexcept;

  State state_ = State::kBlank;
  std::size_t cursor_ = 0;
  std::size_t begin_ = 0;
  std::size_t request_line_end_ = 0;
  std::size_t name_begin_ = 0;
  unsigned blank_lines_ = 0;
  unsigned fields_ = 0;
  ParseFault fault_;
};

}  // namespace sf::http

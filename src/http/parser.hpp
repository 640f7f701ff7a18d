#pragma once

/// HTTP/1.1 requests without I/O: bytes in, events out. llhttp reads, HeadScanner and FramingGuard
/// refuse what it would let through, and the framing of a body is decided here, from the fields, by
/// rules that know no second reading (RFC 9112 sections 6 and 11.2). One object per connection;
/// it holds at most one head (limits.hpp), never a body. One thread.

#include <streamforge/base/bytes.hpp>
#include <streamforge/http/message.hpp>

#include <memory>

#include "head_scanner.hpp"

namespace sf::http {

enum class Framing : std::uint8_t { kNone, kSized, kChunked };

struct RequestHead {
  Method method = Method::kGet;
  std::string target;
  std::string path;
  std::string query;
  std::string authority;
  unsigned minor_version = 1;
  Headers headers;
  Framing framing = Framing::kNone;
  std::uint64_t content_length = 0;  ///< Of a sized body.
  bool expects_continue = false;
  bool keep_alive = true;
};

class QuickAnswers;

/// RFC 9110 section 6.5.1: fields that frame, route, authenticate, or say how to read the content
/// mean nothing in trailers and are dropped.
[[nodiscard]] bool is_forbidden_trailer(std::string_view name);

class Parser {
 public:
  enum class Event : std::uint8_t {
    kKnown,  ///< A whole message that QuickAnswers has recognised.
    kMore,   ///< All input was taken; more is needed.
    kHead,   ///< A head is complete: `take_head`.
    kBody,   ///< `Step::body` is a piece of the body, inside the input that was given.
    kEnd,    ///< The message is complete; `trailers` is what it ended with.
    kFault,  ///< `fault` says what to answer; the connection must then end.
  };
  struct Step {
    Event event = Event::kMore;
    std::size_t consumed = 0;  ///< Bytes of the input that need not be given again.
    ByteSpan body;
  };

  /// `known`, which may be null, is asked before a head is parsed.
  explicit Parser(QuickAnswers* known = nullptr);
  ~Parser();
  Parser(const Parser&) = delete;

  /// The next event of `input`, the bytes that follow those consumed so far. Every kHead is
  /// followed by kBody's and one kEnd, or by kFault.
  [[nodiscard]] Step next(ByteSpan input);

  /// After kHead, once.
  [[nodiscard]] RequestHead take_head() noexcept {
    const std::unique_ptr<RequestHead> head = std::move(head_);
    return std::move(*head);
  }
  [[nodiscard]] const Headers& trailers() const noexcept { return trailers_; }
  [[nodiscard]] const ParseFault& fault() const noexcept { return fault_; }
  /// A head that came in pieces, while it is being read or when it was refused.
  [[nodiscard]] std::string_view partial_head() const noexcept { return partial_head_; }
  /// Whether part of a head was seen.
  [[nodiscard]] bool inside_head() const noexcept {
    return phase_ == Phase::kHead && scanner_.started();
  }
  /// Bytes of a sized body that are still to come.
  [[nodiscard]] std::uint64_t body_remaining() const noexcept { return body_remaining_; }
  /// `bytes` of a sized body went another way (straight into the handler's memory).
  void skip_body(std::uint64_t bytes) noexcept;

 private:
  enum class Phase : std::uint8_t { kHead, kSized, kChunked, kFault };
  struct Llhttp;

  Step next_head(ByteSpan input);
  Step next_chunked(ByteSpan input);
  Step finish(std::size_t consumed) noexcept;
  Step refuse(int status, std::string_view code, std::string_view detail) noexcept;
  Step refuse(const ParseFault& fault) noexcept;
  [[nodiscard]] bool read_head(std::string_view text);
  [[nodiscard]] bool read_request_line(std::string_view line);
  [[nodiscard]] bool read_host();
  [[nodiscard]] bool read_framing();
  [[nodiscard]] bool read_connection();
  [[nodiscard]] bool wrong(int status, std::string_view code, std::string_view detail) noexcept;

  QuickAnswers* const known_;
  std::unique_ptr<Llhttp> llhttp_;  ///< Made for the first head that has to be parsed.
  HeadScanner scanner_;
  Phase phase_ = Phase::kHead;
  std::string partial_head_;  ///< A head that did not come in one piece.
  // What only a request being read needs is made with it: idle connections are many.
  std::unique_ptr<RequestHead> head_;
  Headers trailers_;
  ParseFault fault_;
  std::uint64_t body_remaining_ = 0;
};

}  // namespace sf::http

#pragma once

/// One request over HTTP/2 and its answer: the head while it comes, the body, what is sent. Owned
/// by the driver until its handler has ended and the stream is closed. One reactor's thread.

#include <streamforge/http/message.hpp>

#include <coroutine>
#include <optional>

#include "head_scanner.hpp"
#include "http2_body.hpp"
#include "http2_source.hpp"

namespace sf::http {

class Http2Stream final : private Exchange {
 public:
  Http2Stream(Http2Driver& driver, std::int32_t id);
  Http2Stream(const Http2Stream&) = delete;

  [[nodiscard]] std::int32_t id() const noexcept { return id_; }
  [[nodiscard]] Request& request() noexcept { return request_; }
  [[nodiscard]] Http2Body& body() noexcept { return body_; }
  [[nodiscard]] Http2Source& source() noexcept { return source_; }

  // The head, field by field; nghttp2 has checked what RFC 9113 section 8 says of them.
  void add_field(std::string_view name, std::string_view value);
  void add_trailer(std::string_view name, std::string_view value);
  void refuse(int status, std::string_view code, std::string_view detail) noexcept;
  /// All fields are here; `whole`: and no body follows.
  void end_head(bool whole);
  /// Why no handler is asked; with status 0 nothing is wrong.
  [[nodiscard]] const ParseFault& fault() const noexcept { return fault_; }
  /// What the client's Priority field says (RFC 9218 section 4), or its defaults.
  struct Priority {
    unsigned urgency = 3;
    bool incremental = false;
  };
  [[nodiscard]] Priority priority() const;

  /// The peer has reset it, or both sides have said all, or the connection is gone.
  void close(bool whole) noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] bool closed_whole() const noexcept { return whole_; }
  /// `co_await stream.changed()`: until it is closed or what it had to send is taken.
  struct Change {
    Http2Stream& stream;
    bool await_ready() const noexcept { return stream.closed_; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { stream.waiter_ = waiter; }
    void await_resume() const noexcept {}
  };
  [[nodiscard]] Change changed() noexcept { return {*this}; }
  /// Resumes who waits and has something to see.
  void wake();

  /// Bytes of the answer's body that have become frames, and when the last did.
  void took(std::uint64_t bytes, std::uint64_t now_ms) noexcept {
    source_.take(bytes);
    sent_bytes_ += bytes;
    moved_ms_ = now_ms;
  }
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  /// Whether it has bytes that the peer has not let us send for so long.
  [[nodiscard]] bool stalled(std::uint64_t now_ms, std::uint32_t bound_ms) const noexcept {
    return !closed_ && !source_.drained() && now_ms - moved_ms_ > bound_ms;
  }
  void answer_begins(std::uint64_t now_ms) noexcept { moved_ms_ = now_ms; }
  bool answered = false;  ///< The last frame of the answer has been made.
  bool receiving = true;  ///< The client has not said its last.

 private:
  [[nodiscard]] const net::Address& peer() const noexcept override;
  [[nodiscard]] bool takes_now() const noexcept override;
  [[nodiscard]] bool peer_gone() const noexcept override;
  io::Task<Result<>> send_informational(int status, Headers fields) override;

  void add_pseudo_field(std::string_view name, std::string_view value);
  [[nodiscard]] bool read_target();
  [[nodiscard]] bool read_authority();

  Http2Driver& driver_;
  const std::int32_t id_;
  Request request_;
  Http2Body body_;
  Http2Source source_;
  std::string method_;
  std::size_t head_bytes_ = 0;
  unsigned fields_ = 0;
  ParseFault fault_;
  bool closed_ = false;
  bool whole_ = false;
  std::coroutine_handle<> waiter_;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t moved_ms_ = 0;
};

}  // namespace sf::http

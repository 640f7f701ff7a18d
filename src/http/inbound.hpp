#pragma once

#include <streamforge/net/connection.hpp>

#include <algorithm>
#include <utility>

#include "parser.hpp"

namespace sf::http {

/// The receiving half of a connection: the parser and the bytes it has not seen yet, which stay in
/// the connection's buffer until the next receive.
class Inbound {
 public:
  Inbound(net::Connection& connection, QuickAnswers* known)
      : connection_(connection), parser_(known) {}

  [[nodiscard]] Parser& parser() noexcept { return parser_; }
  [[nodiscard]] const Parser& parser() const noexcept { return parser_; }
  [[nodiscard]] bool has_pending() const noexcept { return !pending_.empty(); }
  [[nodiscard]] std::uint64_t bytes_received() const noexcept { return bytes_received_; }

  /// The next event in what was received.
  [[nodiscard]] Parser::Step next() {
    const auto step = parser_.next(pending_);
    pending_ = pending_.subspan(step.consumed);
    return step;
  }

  /// After kFault of the first head: all that was received.
  [[nodiscard]] std::string refused() const {
    const std::string_view in_pieces = parser_.partial_head();
    return std::string(in_pieces.empty() ? as_text(pending_) : in_pieces);
  }

  /// What the connection gave when it was read for `next`.
  void take(ByteSpan got) noexcept {
    SF_ASSERT(pending_.empty());
    pending_ = got;
    bytes_received_ += got.size();
  }

  /// More bytes for `next`, after it has said kMore; 0 is the peer's FIN.
  io::Task<Result<std::size_t>> receive(std::uint32_t timeout_ms) {
    SF_ASSERT(pending_.empty());
    auto got = co_await connection_.read(timeout_ms);
    if (!got) co_return fail(std::move(got.error()));
    pending_ = *got;
    bytes_received_ += pending_.size();
    co_return pending_.size();
  }

  /// Bytes of a sized body that go past the parser, at most as many as the body still has.
  io::Task<Result<std::size_t>> receive_into(MutableByteSpan into, std::uint32_t timeout_ms,
                                             bool all) {
    SF_ASSERT(pending_.empty());
    const std::uint64_t left = parser_.body_remaining();
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left));
    const MutableByteSpan room = into.first(bytes);
    auto receive =
        all ? connection_.fill(room, timeout_ms) : connection_.read_into(room, timeout_ms);
    co_return skip(co_await std::move(receive));
  }
  /// The same into a pipe.
  io::Task<Result<std::size_t>> splice(const io::Pipe& into, std::size_t bytes,
                                       std::uint32_t timeout_ms) {
    SF_ASSERT(pending_.empty());
    const std::uint64_t left = parser_.body_remaining();
    bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, left));
    co_return skip(co_await connection_.splice(into, bytes, timeout_ms));
  }

 private:
  Result<std::size_t> skip(Result<std::size_t> got) {
    if (!got) return got;
    parser_.skip_body(*got);
    bytes_received_ += *got;
    return got;
  }

  net::Connection& connection_;
  Parser parser_;
  ByteSpan pending_;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace sf::http

#pragma once

/// The sending half of an exchange: what a Response becomes on the wire (RFC 9112 section 6, RFC
/// 9110 sections 6.6.1, 8.6). One per connection.

#include <streamforge/http/message.hpp>

#include "quick_answers.hpp"
#include "server_state.hpp"

namespace sf::http {

/// RFC 9110 section 6.6.1, as a line; made once a second per reactor.
[[nodiscard]] const std::string& date_field();
/// RFC 9110 section 6.4.1: whatever the request was.
[[nodiscard]] bool has_no_content(int status) noexcept;
/// Fields that say how the message is framed are the sender's own.
[[nodiscard]] bool is_framing_field(std::string_view name) noexcept;
/// A CR or LF in a value would let whoever chose it write our responses (RFC 9110 section 5.5).
/// False, and told to the log: the field is to be dropped.
[[nodiscard]] bool may_be_sent(std::string_view name, std::string_view value);

class ResponseSender {
 public:
  /// What of the request decides how the answer looks.
  struct Context {
    bool to_head = false;
    bool knows_chunks = true;  ///< Not HTTP/1.0.
  };

  ResponseSender(net::Connection& connection, const ServerState& state) noexcept
      : connection_(connection), state_(state) {}

  /// Whether the body's end can only be told by closing.
  [[nodiscard]] static bool ends_by_close(const Response& response, Context context) noexcept;
  /// Head and body; `keep_alive` is what the Connection field says. After an error the response is
  /// incomplete and the connection must go.
  io::Task<Result<>> send(Response& response, Context context, bool keep_alive);
  /// An answer that is kept: what of it the socket takes at once. True when that is all; else
  /// `send_rest` sends what is left.
  [[nodiscard]] bool send_now(const QuickMatch& match, bool keep_alive);
  io::Task<Result<>> send_rest(const QuickMatch& match);
  /// Nothing is being sent: gives back what it holds.
  void release_memory() noexcept {
    head_.clear();
    if (head_.capacity() > kHeadBytesKept) head_.shrink_to_fit();
  }
  io::Task<Result<>> send_informational(int status, const Headers& fields);

  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  friend class StreamWriter;
  void write_head(const Response& response, Context context, bool keep_alive);
  io::Task<Result<>> send_head();
  io::Task<Result<>> send_in_memory(ByteSpan body);
  io::Task<Result<>> send_slice(const FileSlice& slice);
  io::Task<Result<>> send_slices(const Response& response);
  io::Task<Result<>> send_stream(const BodyProducer& producer, bool chunked);
  io::Task<Result<>> write(std::span<const ByteSpan> pieces, bool more_follows);

  net::Connection& connection_;
  const ServerState& state_;
  static constexpr std::size_t kHeadBytesKept = 64;
  static constexpr std::size_t kHeadBytesUsual = 448;
  std::string head_;              ///< Of the answer being sent.
  std::size_t sent_at_once_ = 0;  ///< Of a kept answer's head and body in memory.
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace sf::http

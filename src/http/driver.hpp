#pragma once

/// The life of one connection: head, handler, answer, again. One reactor's thread.

#include <array>

#include "inbound.hpp"
#include "request_body.hpp"
#include "response_sender.hpp"
#include "server_state.hpp"

namespace sf::http {

/// A connection that began as HTTP/2 does (RFC 9113 section 3.3), and what it has sent so far.
struct Http2Begin {
  std::unique_ptr<net::Connection> connection;
  std::string bytes;
};

class Driver final : public Served, private Exchange {
 public:
  Driver(const ServerState& state, ReactorShare& share,
         std::unique_ptr<net::Connection> connection);
  Driver(const Driver&) = delete;
  ~Driver() override;

  io::Task<void> run();
  /// After `run`: the connection, open, when its peer speaks HTTP/2; null when it was served to its
  /// end.
  [[nodiscard]] std::unique_ptr<Http2Begin> take_http2();
  void end_if_idle() noexcept override;

 private:
  [[nodiscard]] const net::Address& peer() const noexcept override { return connection_->peer(); }
  [[nodiscard]] bool takes_now() const noexcept override { return connection_->takes_now(); }
  [[nodiscard]] bool peer_gone() const noexcept override { return connection_->peer_gone(); }
  io::Task<Result<>> send_informational(int status, Headers fields) override;
  io::Task<bool> await_head();
  [[nodiscard]] std::uint32_t head_timeout_ms();
  [[nodiscard]] ParseFault refusal() const noexcept;
  [[nodiscard]] bool begins_http2() const;
  io::Task<void> refuse();
  io::Task<bool> exchange();
  /// The same for a request that needs no handler; false when it could not be sent whole at once.
  [[nodiscard]] bool answer_at_once();
  io::Task<bool> finish_quick();
  void prepare(Request& request, RequestHead head);
  [[nodiscard]] std::string next_request_id();
  using RequestIdText = std::array<char, 64>;
  /// Put into `text`, for the log needs no string of it.
  [[nodiscard]] std::string_view present_request_id(RequestIdText& text);
  void count(int status, std::uint64_t begun_ns, std::uint64_t bytes);
  void account(const Request& request, const Response& response, std::uint64_t begun_ns,
               std::uint64_t bytes_before, const Result<>& sent);
  std::string_view peer_words();
  void account_quick(std::uint64_t bytes_before, const Result<>& sent);

  const ServerState& state_;
  std::unique_ptr<net::Connection> connection_;
  Inbound inbound_;
  ResponseSender sender_;
  std::string id_;         ///< Of the connection, once it is needed; request ids begin with it.
  std::string peer_text_;  ///< For the access log, once it is needed.
  unsigned exchanges_ = 0;
  unsigned exchanges_at_wait_ = 0;      ///< How many there had been when we last waited for bytes.
  std::uint64_t head_deadline_ms_ = 0;  ///< 0: the head has not begun.
  std::uint64_t received_before_ = 0;
  QuickMatch quick_;  ///< With an answer: the request is one that we have given before.
  std::uint64_t quick_begun_ns_ = 0;
  bool idle_ = false;
  bool linger_ = false;
  bool head_timed_out_ = false;
  bool is_http2_ = false;  ///< What was received begins as such a connection does.
};

}  // namespace sf::http

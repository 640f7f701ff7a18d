#pragma once

/// The life of one connection: head, handler, answer, again. One reactor's thread.

#include "inbound.hpp"
#include "request_body.hpp"
#include "response_sender.hpp"
#include "server_state.hpp"

namespace sf::http {

class Driver final : public Served, private Exchange {
 public:
  Driver(const ServerState& state, ReactorShare& share,
         std::unique_ptr<net::Connection> connection);
  Driver(const Driver&) = delete;
  ~Driver() override;

  io::Task<void> run();
  /// After `run`: the connection, open, when its peer speaks HTTP/2 (RFC 9113 section 3.3) and has
  /// begun with `begun`; null when it was served to its end.
  [[nodiscard]] std::unique_ptr<net::Connection> take_http2(std::string& begun);
  void end_if_idle() noexcept override;

 private:
  [[nodiscard]] const net::Address& peer() const noexcept override { return connection_->peer(); }
  [[nodiscard]] bool takes_now() const noexcept override { return connection_->takes_now(); }
  io::Task<Result<>> send_informational(int status, Headers fields) override;
  io::Task<bool> await_head();
  [[nodiscard]] std::uint32_t head_timeout_ms();
  [[nodiscard]] bool begins_http2();
  io::Task<void> refuse(ParseFault fault);
  io::Task<bool> exchange();
  /// The same for a request that needs no handler; false when it could not be sent whole at once.
  [[nodiscard]] bool answer_at_once();
  io::Task<bool> finish_quick();
  void prepare(Request& request, RequestHead head);
  [[nodiscard]] std::string next_request_id();
  [[nodiscard]] std::string present_request_id();
  void count(int status, std::uint64_t begun_ns, std::uint64_t bytes);
  void account(const Request& request, const Response& response, std::uint64_t begun_ns,
               std::uint64_t bytes_before, const Result<>& sent);
  std::string_view peer_words();
  void account_quick(std::uint64_t bytes_before, const Result<>& sent);

  const ServerState& state_;
  ReactorShare& share_;
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
  ParseFault refusal_;         ///< With a status: why the connection ends.
  std::string http2_preface_;  ///< With bytes: what was received is the begin of one.
  bool idle_ = false;
  bool linger_ = false;
};

}  // namespace sf::http

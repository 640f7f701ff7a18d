#pragma once

/// The life of one HTTP/2 connection (RFC 9113): nghttp2 knows the protocol, this moves the bytes.
/// One coroutine reads; each request is a coroutine of its own; frames leave in batches, made as
/// the socket takes them, so that what is sent next is decided late and by priority (RFC 9218). One
/// reactor's thread.
///
/// nghttp2 is never called from within its own callbacks but to submit, and no handler runs there:
/// what a callback has to tell a coroutine is noted (`wake_soon`) and told afterwards.

#include <nghttp2/nghttp2.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "http2_budget.hpp"
#include "http2_output.hpp"
#include "http2_stream.hpp"
#include "server_state.hpp"

namespace sf::http {

class Http2Driver final : public Served {
 public:
  Http2Driver(const ServerState& state, ReactorShare& share,
              std::unique_ptr<net::Connection> connection);
  Http2Driver(const Http2Driver&) = delete;
  ~Http2Driver() override;

  /// `begun` was received already.
  io::Task<void> run(std::string begun);
  void end_if_idle() noexcept override;

  // For its streams.
  [[nodiscard]] const ServerOptions& options() const noexcept { return state_.options; }
  [[nodiscard]] bool draining() const noexcept { return state_.is_draining(); }
  [[nodiscard]] io::Reactor& reactor() const noexcept { return connection_->reactor(); }
  [[nodiscard]] const net::Address& peer() const noexcept { return connection_->peer(); }
  [[nodiscard]] bool secure() const noexcept { return connection_->secure(); }
  [[nodiscard]] bool peer_gone() const noexcept { return connection_->peer_gone(); }
  [[nodiscard]] bool takes_now() const noexcept { return !writing_ && connection_->takes_now(); }
  [[nodiscard]] std::string next_request_id();
  /// The stream's coroutine goes on as soon as nothing else runs.
  void wake_soon(std::int32_t stream);
  void consume(std::int32_t stream, std::size_t bytes);
  void grow_window(std::int32_t stream);
  void send_continue(std::int32_t stream);
  void send_informational(std::int32_t stream, int status, const Headers& fields);

 private:
  friend struct Http2Callbacks;
  friend class Http2StreamWriter;
  /// Held by each coroutine of the connection's but `run`, which outlives them.
  class Running;
  struct Quiet;
  struct SessionDeleter {
    void operator()(::nghttp2_session* session) const noexcept { ::nghttp2_session_del(session); }
  };

  // The session.
  void start_session();
  void receive(ByteSpan bytes);
  void begin_goaway() noexcept;
  void finish_goaway() noexcept;
  void end_session(std::uint32_t error_code);
  /// The peer keeps us busy with nothing, unless it can pay.
  void charge(int cost);
  [[nodiscard]] bool over() const noexcept;
  [[nodiscard]] std::uint32_t next_timeout_ms() const noexcept;
  void check_times();
  io::Task<void> read_on();
  io::Task<void> wind_up();

  // Streams.
  [[nodiscard]] Http2Stream* find(std::int32_t id) noexcept;
  void begin_stream(std::int32_t id);
  void head_complete(std::int32_t id, bool whole);
  void start_ready();
  io::Task<void> serve(Http2Stream& stream, Running running);
  void submit(Http2Stream& stream, const Response& response);
  io::Task<Result<>> send_body(Http2Stream& stream, const Response& response);
  void reset(std::int32_t id, std::uint32_t error_code);
  void forget(Http2Stream& stream);
  void wake_noted();
  io::Task<void> wake_later(Running running);

  // Frames out.
  void collect();
  /// Sends what there is; what cannot be sent at once is the writer's.
  void kick();
  io::Task<void> write_on(Running running);
  void fail_connection(const Error& error);

  const ServerState& state_;
  std::unique_ptr<net::Connection> connection_;
  std::unique_ptr<::nghttp2_session, SessionDeleter> session_;
  std::unordered_map<std::int32_t, std::unique_ptr<Http2Stream>> streams_;
  std::vector<std::int32_t> ready_;  ///< Heads that are complete; their handlers have not begun.
  std::vector<std::int32_t> noted_;  ///< To be woken.
  Http2Output output_;
  Http2Budget budget_;
  std::int64_t overhead_bytes_ = 0;  ///< Received, no body, and not charged yet.
  std::string id_;
  std::string peer_text_;  ///< For the access log, once it is needed.
  unsigned requests_ = 0;

  unsigned running_ = 0;
  std::coroutine_handle<> quiet_;  ///< `run`, when it waits for all the others to end.
  bool inside_ = false;            ///< A call to nghttp2 is on the stack.
  bool wake_posted_ = false;
  bool writing_ = false;  ///< The writer runs.
  bool reading_ = false;  ///< `run` waits for bytes.
  bool nudged_ = false;   ///< That wait was ended by us.
  bool failed_ = false;   ///< Nothing can be sent or received any more.
  bool flooded_ = false;
  bool preface_done_ = false;
  bool goaway_done_ = false;
  bool linger_ = true;
  std::uint64_t head_began_ms_;  ///< Of the preface, then of a header block; 0: none is open.
  std::uint64_t idle_since_ms_;
  std::uint64_t checked_ms_;
  std::uint64_t goaway_due_ms_ = 0;  ///< Its second step, at the latest; 0: it has not begun.
};

}  // namespace sf::http

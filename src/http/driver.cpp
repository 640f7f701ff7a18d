#include "driver.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <charconv>

#include "serving.hpp"
#include "yield.hpp"

namespace sf::http {

Driver::Driver(const ServerState& state, ReactorShare& share,
               std::unique_ptr<net::Connection> connection)
    : Served(share),
      state_(state),
      connection_(std::move(connection)),
      inbound_(*connection_, state.options.quick_answers_max > 0 ? &share.answers : nullptr),
      sender_(*connection_, state) {
  share.metrics.connections.add(1);
}

Driver::~Driver() { share().metrics.connections.add(-1); }

io::Task<void> Driver::run() {
  for (;;) {
    const bool head = co_await await_head();
    if (!head) {
      if (begins_http2()) {
        is_http2_ = true;
        co_return;
      }
      if (refusal().status != 0) co_await refuse();
      break;
    }
    bool keep_alive = false;
    if (!quick_.answer) {
      keep_alive = co_await exchange();
    } else if (answer_at_once()) {
      keep_alive = !linger_;
    } else {
      keep_alive = co_await finish_quick();
    }
    if (!keep_alive) break;
    // Many pipelined requests in one buffer must not keep the reactor from everyone else.
    if (exchanges_ - exchanges_at_wait_ >= limits::kPipelineDepthMax) {
      exchanges_at_wait_ = exchanges_;
      Yield yield{connection_->reactor()};
      co_await yield;
    }
  }
  co_await connection_->close(linger_);
}

/// Of what came where a head should be; with a status, it is to be told.
ParseFault Driver::refusal() const noexcept {
  if (!head_timed_out_) return inbound_.parser().fault();
  return {408, "head_timed_out", "the request's head took too long to arrive"};
}

/// Asked when no head came, so that it costs no request anything.
bool Driver::begins_http2() const {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0";  // It may come in pieces.
  return exchanges_ == 0 && !connection_->is_tls() && inbound_.parser().fault().status != 0 &&
         inbound_.refused().starts_with(kPreface);
}

std::unique_ptr<Http2Begin> Driver::take_http2() {
  if (!is_http2_) return nullptr;
  std::string bytes = inbound_.refused();
  return std::make_unique<Http2Begin>(std::move(connection_), std::move(bytes));
}

void Driver::end_if_idle() noexcept {
  if (idle_) connection_->abort();
}

/// True when a head is there; false when the connection is to end. Most connections spend most of
/// their time in here, so its frame is kept small and reads without another between.
io::Task<bool> Driver::await_head() {
  head_deadline_ms_ = 0;
  for (;;) {
    const auto event = inbound_.next().event;
    if (event == Parser::Event::kHead) co_return true;
    if (event == Parser::Event::kKnown) {
      quick_ = share().answers.take();
      co_return true;
    }
    if (event == Parser::Event::kFault) co_return false;
    SF_ASSERT(event == Parser::Event::kMore);
    if (!inbound_.parser().inside_head() && state_.is_draining()) co_return false;
    exchanges_at_wait_ = exchanges_;
    const std::uint32_t timeout_ms = head_timeout_ms();
    idle_ = !inbound_.parser().inside_head();
    auto got = co_await connection_->read(timeout_ms);
    head_timed_out_ = !got && got.error().code == ErrorCode::kTimedOut && !idle_;
    idle_ = false;
    if (!got || got->empty()) co_return false;
    inbound_.take(*got);
  }
}

/// A head may take its time from its first byte to its last, not from byte to byte.
std::uint32_t Driver::head_timeout_ms() {
  if (!inbound_.parser().inside_head()) {
    sender_.release_memory();
    return state_.options.idle_timeout_ms;
  }
  const std::uint64_t now_ms = connection_->reactor().now_ms();
  if (head_deadline_ms_ == 0) head_deadline_ms_ = now_ms + state_.options.head_timeout_ms;
  return now_ms < head_deadline_ms_ ? static_cast<std::uint32_t>(head_deadline_ms_ - now_ms) : 0;
}

/// Answers what is no request and leaves. Nothing of it is acted on.
io::Task<void> Driver::refuse() {
  const ParseFault fault = refusal();
  const std::uint64_t begun_ns = mono_ns();
  const std::uint64_t bytes_before = sender_.bytes_sent();
  Request request;
  request.request_id = next_request_id();
  auto response = problem(request, Problem{.status = fault.status,
                                           .code = std::string(fault.code),
                                           .detail = std::string(fault.detail)});
  const ResponseSender::Context context;
  const auto sent = co_await sender_.send(response, context, false);
  linger_ = sent.has_value();
  account(request, response, begun_ns, bytes_before, sent);
}

/// Mostly the socket takes head and body in one call, and no coroutine is needed. Afterwards
/// `linger_` says whether the connection is to end.
bool Driver::answer_at_once() {
  quick_begun_ns_ = mono_ns();
  ++exchanges_;
  linger_ = !quick_.keep_alive || state_.is_draining();
  const std::uint64_t bytes_before = sender_.bytes_sent();
  if (!sender_.send_now(quick_, !linger_)) return false;
  account_quick(bytes_before, {});
  return true;
}

io::Task<bool> Driver::finish_quick() {
  const bool keep_alive = !linger_;
  linger_ = false;
  const std::uint64_t bytes_before = sender_.bytes_sent();
  const auto sent = co_await sender_.send_rest(quick_);
  account_quick(bytes_before, sent);
  linger_ = sent.has_value() && !keep_alive;
  co_return sent.has_value() && keep_alive;
}

/// One request and its answer; true when the connection can take another.
io::Task<bool> Driver::exchange() {
  const std::uint64_t begun_ns = mono_ns();
  const std::uint64_t bytes_before = sender_.bytes_sent();
  RequestHead head = inbound_.parser().take_head();
  const bool client_keeps_alive = head.keep_alive;
  const bool head_has_no_body = head.framing == Framing::kNone;
  RequestBody body(*connection_, inbound_, head, state_.options);
  Request request;
  prepare(request, std::move(head));
  request.body_ = &body;

  Response response;
  if (auto again = share().answers.find(request); again && head_has_no_body) {
    response = std::move(*again);
    share().metrics.quick.add();
  } else {
    response = co_await run_handler(state_, request);
    share().answers.keep(request, response);
  }
  const ResponseSender::Context context{request.method == Method::kHead,
                                        request.version != Version::kHttp10};
  bool keep_alive = client_keeps_alive && !response.close && !state_.is_draining() &&
                    !ResponseSender::ends_by_close(response, context) && body.can_be_drained();
  const auto sent = co_await sender_.send(response, context, keep_alive);
  account(request, response, begun_ns, bytes_before, sent);
  if (!sent) co_return false;
  if (keep_alive && !body.finished()) keep_alive = co_await body.drain();
  linger_ = !keep_alive;
  co_return keep_alive;
}

void Driver::prepare(Request& request, RequestHead head) {
  request.method = head.method;
  request.target = std::move(head.target);
  request.path = std::move(head.path);
  request.query = std::move(head.query);
  request.authority = std::move(head.authority);
  request.version = head.minor_version == 0 ? Version::kHttp10 : Version::kHttp11;
  request.headers = std::move(head.headers);
  request.request_id = next_request_id();
  request.secure = connection_->secure();
  request.exchange_ = this;
  take_forwarded(state_, peer(), request);
}

io::Task<Result<>> Driver::send_informational(int status, Headers fields) {
  co_return co_await sender_.send_informational(status, fields);
}

std::string Driver::next_request_id() {
  ++exchanges_;
  RequestIdText text;
  return std::string(present_request_id(text));
}

std::string_view Driver::present_request_id(RequestIdText& text) {
  if (id_.empty()) id_ = make_id();
  char* end = std::ranges::copy(id_, text.data()).out;
  *end++ = '-';
  end = std::to_chars(end, text.data() + text.size(), exchanges_).ptr;
  return {text.data(), end};
}

std::string_view Driver::peer_words() {
  if (peer_text_.empty() && state_.options.access_log) peer_text_ = peer_text(connection_->peer());
  return peer_text_;
}

void Driver::count(int status, std::uint64_t took_ns, std::uint64_t bytes) {
  count_exchange(share(), status, took_ns, bytes);
  share().metrics.bytes_in.add(inbound_.bytes_received() -
                               std::exchange(received_before_, inbound_.bytes_received()));
}

void Driver::account_quick(std::uint64_t bytes_before, const Result<>& sent) {
  const QuickMatch quick = std::exchange(quick_, {});
  const int status = quick.not_modified ? 304 : 200;
  share().metrics.quick.add();
  if (!sent && sent.error().code == ErrorCode::kCorrupt) {
    Request request;
    request.method = quick.method;
    request.target = quick.answer->target;
    RequestIdText text;
    request.request_id = present_request_id(text);
    Response response;
    response.status = status;
    return account(request, response, quick_begun_ns_, bytes_before, sent);
  }
  const std::uint64_t took_ns = mono_ns() - quick_begun_ns_;
  const std::uint64_t bytes = sender_.bytes_sent() - bytes_before;
  count(status, took_ns, bytes);
  if (!state_.options.access_log) return;
  RequestIdText id;
  log_access(share(), {.method = name_of(quick.method),
                       .target = quick.answer->target,
                       .version = Version::kHttp11,
                       .status = status,
                       .bytes = bytes,
                       .took_ns = took_ns,
                       .peer = peer_words(),
                       .request_id = present_request_id(id),
                       .ended = how_ended(sent)});
}

void Driver::account(const Request& request, const Response& response, std::uint64_t begun_ns,
                     std::uint64_t bytes_before, const Result<>& sent) {
  const std::uint64_t took_ns = mono_ns() - begun_ns;
  const std::uint64_t bytes = sender_.bytes_sent() - bytes_before;
  count(response.status, took_ns, bytes);
  log_exchange(state_.options, share(), peer_words(),
               {request, response.status, took_ns, bytes, sent});
}

}  // namespace sf::http

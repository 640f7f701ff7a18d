#include "driver.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <coroutine>
#include <exception>

namespace sf::http {

namespace {

/// Lets the reactor's other work run first.
struct Yield {
  io::Reactor& reactor;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    reactor.post([waiter] { waiter.resume(); });
  }
  void await_resume() const noexcept {}
};

std::string peer_text(const net::Connection& connection) {
  const auto& peer = connection.peer();
  return peer.host.empty() ? std::string("unix") : peer.to_string();
}

}  // namespace

Driver::Driver(const ServerState& state, ReactorShare& share,
               std::unique_ptr<net::Connection> connection)
    : Served(share),
      state_(state),
      share_(share),
      connection_(std::move(connection)),
      inbound_(*connection_, state.options.quick_answers_max > 0 ? &share_.answers : nullptr),
      sender_(*connection_, state) {
  share_.metrics.connections.add(1);
}

Driver::~Driver() { share_.metrics.connections.add(-1); }

io::Task<void> Driver::run() {
  for (;;) {
    const bool head = co_await await_head();
    if (!head) {
      if (refusal_.status != 0) co_await refuse(refusal_);
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
      quick_ = share_.answers.take();
      co_return true;
    }
    if (event == Parser::Event::kFault) {
      refusal_ = inbound_.parser().fault();
      co_return false;
    }
    SF_ASSERT(event == Parser::Event::kMore);
    if (!inbound_.parser().inside_head() && state_.is_draining()) co_return false;
    exchanges_at_wait_ = exchanges_;
    const std::uint32_t timeout_ms = head_timeout_ms();
    idle_ = !inbound_.parser().inside_head();
    auto got = co_await connection_->read(timeout_ms);
    idle_ = false;
    if (!got && got.error().code == ErrorCode::kTimedOut && inbound_.parser().inside_head()) {
      refusal_ = {408, "head_timed_out", "the request's head took too long to arrive"};
    }
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
io::Task<void> Driver::refuse(ParseFault fault) {
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
  if (auto again = share_.answers.find(request); again && head_has_no_body) {
    response = std::move(*again);
    share_.metrics.quick.add();
  } else {
    response = co_await answer(request, body);
    share_.answers.keep(request, response);
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
}

io::Task<Result<>> Driver::send_informational(int status, Headers fields) {
  co_return co_await sender_.send_informational(status, fields);
}

io::Task<Response> Driver::answer(Request& request, const RequestBody& body) {
  if (body.length().value_or(0) > state_.options.body_bytes_max) {
    co_return problem(request,
                      Error{ErrorCode::kTooLarge,
                            concat("the body is over ", state_.options.body_bytes_max, " bytes")});
  }
  co_return co_await handle(request);
}

/// Exceptions end here: a handler that throws is a fault of ours, told to the log, not to the
/// client.
io::Task<Response> Driver::handle(Request& request) {
  std::string what;
  try {
    auto dispatched = state_.router.dispatch(request);
    co_return co_await dispatched;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  co_return problem(request, Error{ErrorCode::kInternal, concat("a handler threw: ", what)});
}

std::string Driver::next_request_id() {
  ++exchanges_;
  return present_request_id();
}

std::string Driver::present_request_id() {
  if (id_.empty()) id_ = make_id();
  return concat(id_, '-', exchanges_);
}

void Driver::count(int status, std::uint64_t took_ns, std::uint64_t bytes) {
  auto& counted = share_.metrics;
  const auto status_class = static_cast<std::size_t>(status / 100);
  if (status_class < counted.requests.size()) counted.requests[status_class]->add();
  counted.bytes_out.add(bytes);
  counted.bytes_in.add(inbound_.bytes_received() -
                       std::exchange(received_before_, inbound_.bytes_received()));
  counted.latency.observe_ns(took_ns);
  share_.answers.sweep(connection_->reactor().now_ms());
}

void Driver::account_quick(std::uint64_t bytes_before, const Result<>& sent) {
  const QuickMatch quick = std::exchange(quick_, {});
  const int status = quick.not_modified ? 304 : 200;
  share_.metrics.quick.add();
  if (!sent && sent.error().code == ErrorCode::kCorrupt) {
    Request request;
    request.method = quick.method;
    request.target = quick.answer->target;
    request.request_id = present_request_id();
    Response response;
    response.status = status;
    return account(request, response, quick_begun_ns_, bytes_before, sent);
  }
  const std::uint64_t took_ns = mono_ns() - quick_begun_ns_;
  const std::uint64_t bytes = sender_.bytes_sent() - bytes_before;
  count(status, took_ns, bytes);
  if (!state_.options.access_log) return;
  const std::string id = present_request_id();
  log_access(name_of(quick.method), quick.answer->target, status, took_ns, bytes, id, sent);
}

void Driver::account(const Request& request, const Response& response, std::uint64_t begun_ns,
                     std::uint64_t bytes_before, const Result<>& sent) {
  const std::uint64_t took_ns = mono_ns() - begun_ns;
  const std::uint64_t bytes = sender_.bytes_sent() - bytes_before;
  count(response.status, took_ns, bytes);
  if (!sent && sent.error().code == ErrorCode::kCorrupt) {
    log::error("http", "a file ended before its response did",
               {{"request_id", request.request_id}, {"target", request.target}});
  }
  if (!state_.options.access_log) return;
  log_access(request.target.empty() ? "-" : name_of(request.method), request.target,
             response.status, took_ns, bytes, request.request_id, sent);
}

void Driver::log_access(std::string_view method, std::string_view target, int status,
                        std::uint64_t took_ns, std::uint64_t bytes, std::string_view request_id,
                        const Result<>& sent) {
  if (peer_text_.empty()) peer_text_ = peer_text(*connection_);
  share_.access.add("http", target.empty() ? "refused" : "request",
                    {{"method", method},
                     {"target", target},
                     {"status", status},
                     {"bytes", bytes},
                     {"ms", static_cast<double>(took_ns / 1000) / 1e3},
                     {"peer", peer_text_},
                     {"request_id", request_id},
                     {"ended", sent ? "whole" : name_of(sent.error().code)}});
  share_.access_added();
}

}  // namespace sf::http

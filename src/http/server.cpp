#include <streamforge/base/assert.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/http/server.hpp>

#include "driver.hpp"
#include "http2_driver.hpp"
#include "response_sender.hpp"
#include "server_state.hpp"

namespace sf::http {

namespace {

std::array<metrics::Counter*, 6> request_counters(const std::string& reactor) {
  std::array<metrics::Counter*, 6> counters{};
  constexpr std::array<std::string_view, 6> kClasses = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 0; i < counters.size(); ++i) {
    counters[i] = &metrics::counter("streamforge_http_requests_total", "Requests answered.",
                                    {{"reactor", reactor}, {"class", kClasses[i]}});
  }
  return counters;
}

metrics::Counter& handshakes(const std::string& reactor, std::string_view outcome) {
  return metrics::counter("streamforge_tls_handshakes_total", "TLS handshakes.",
                          {{"reactor", reactor}, {"outcome", outcome}});
}

/// RFC 9110 section 15.5.1: in the clear, for a client that cannot read anything else.
std::string plain_refused() {
  constexpr std::string_view kWhy = "This port speaks HTTPS: write https:// instead of http://\n";
  return concat("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n",
                "Connection: close\r\nContent-Length: ", std::uint64_t{kWhy.size()}, "\r\n\r\n",
                kWhy);
}

/// A connection before its first request: TLS has to be agreed on.
class Handshake final : public Served {
 public:
  Handshake(ReactorShare& share, net::Connection& connection, unsigned timeout_ms) noexcept
      : Served(share), connection_(connection), timeout_ms_(timeout_ms) {}

  /// False when there is nothing to serve; the connection is then closed.
  io::Task<bool> run();
  void end_if_idle() noexcept override { connection_.abort(); }

 private:
  net::Connection& connection_;
  const unsigned timeout_ms_;
};

io::Task<bool> Handshake::run() {
  auto& counted = share().metrics;
  auto done = co_await connection_.handshake(timeout_ms_);
  if (done) {
    (connection_.resumed() ? counted.resumed_handshakes : counted.full_handshakes).add();
    if (connection_.kernel_encrypts()) counted.kernel_tls.add();
    co_return true;
  }
  counted.failed_handshakes.add();
  log::debug("http", "no TLS connection",
             {{"peer", connection_.peer().to_string()}, {"why", done.error().message}});
  const bool plain = done.error().code == ErrorCode::kUnsupported;
  if (plain) {
    const std::string text = plain_refused();
    const ByteSpan bytes = as_bytes(text);
    done = co_await connection_.write(bytes, timeout_ms_);
  }
  co_await connection_.close(plain);
  co_return false;
}

io::Task<void> serve_http2(const ServerState& state, ReactorShare& share,
                           std::unique_ptr<net::Connection> connection, std::string begun) {
  Http2Driver driver(state, share, std::move(connection));
  auto running = driver.run(std::move(begun));
  co_await std::move(running);
}

/// Until it shows to be HTTP/2. Most connections are here, so between them and their listener is no
/// coroutine's frame more.
io::Task<void> serve_http1(const ServerState& state, ReactorShare& share,
                           std::unique_ptr<net::Connection> connection) {
  std::unique_ptr<Http2Begin> begin;
  {
    Driver driver(state, share, std::move(connection));
    auto running = driver.run();
    co_await std::move(running);
    begin = driver.take_http2();
  }
  if (!begin) co_return;
  auto serving = serve_http2(state, share, std::move(begin->connection), std::move(begin->bytes));
  co_await std::move(serving);
}

io::Task<void> serve_tls(const ServerState& state, ReactorShare& share,
                         std::unique_ptr<net::Connection> connection) {
  {
    Handshake handshake(share, *connection, state.options.head_timeout_ms);
    const bool agreed = co_await handshake.run();
    if (!agreed) co_return;
  }
  const bool is_http2 = connection->protocol() == "h2";
  auto serving = is_http2 ? serve_http2(state, share, std::move(connection), {})
                          : serve_http1(state, share, std::move(connection));
  co_await std::move(serving);
}

}  // namespace

ReactorMetrics::ReactorMetrics(const std::string& reactor)
    : requests(request_counters(reactor)),
      bytes_in(metrics::counter("streamforge_http_received_bytes_total",
                                "Bytes received from HTTP clients.", {{"reactor", reactor}})),
      bytes_out(metrics::counter("streamforge_http_sent_bytes_total", "Bytes sent to HTTP clients.",
                                 {{"reactor", reactor}})),
      latency(metrics::histogram("streamforge_http_request_seconds",
                                 "From a request's head to the last byte of its answer.",
                                 {{"reactor", reactor}})),
      quick(metrics::counter("streamforge_http_answers_reused_total",
                             "Requests answered without a handler.", {{"reactor", reactor}})),
      connections(metrics::gauge("streamforge_http_connections", "HTTP connections open.",
                                 {{"reactor", reactor}})),
      full_handshakes(handshakes(reactor, "full")),
      resumed_handshakes(handshakes(reactor, "resumed")),
      failed_handshakes(handshakes(reactor, "failed")),
      kernel_tls(metrics::counter("streamforge_tls_kernel_connections_total",
                                  "TLS connections whose records the kernel makes.",
                                  {{"reactor", reactor}})),
      http2_connections(metrics::gauge("streamforge_http2_connections",
                                       "HTTP connections open that speak HTTP/2.",
                                       {{"reactor", reactor}})),
      http2_requests(metrics::counter("streamforge_http2_requests_total",
                                      "Requests answered over HTTP/2.", {{"reactor", reactor}})),
      http2_floods(metrics::counter("streamforge_http2_floods_total",
                                    "HTTP/2 connections ended because their peer kept us busy.",
                                    {{"reactor", reactor}})) {}

ReactorShare::ReactorShare(io::Reactor& home, const ServerOptions& options)
    : reactor(home),
      metrics(std::to_string(home.index())),
      answers(concat(options.server_name.empty() ? "" : "Server: ", options.server_name,
                     options.server_name.empty() ? "" : "\r\n", options.fixed_fields),
              options.quick_answers_max) {
  if (!options.server_name.empty()) fixed_fields.emplace_back("server", options.server_name);
  for (const auto line : split(options.fixed_fields, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    fixed_fields.emplace_back(line.substr(0, colon),
                              trim(line.substr(colon + 1, line.find('\r') - colon - 1)));
  }
}

Served::Served(ReactorShare& share) noexcept : share_(share), next_(share.first) {
  if (next_) next_->previous_ = this;
  share_.first = this;
  share_.count.fetch_add(1, std::memory_order_relaxed);
}

Served::~Served() {
  (previous_ ? previous_->next_ : share_.first) = next_;
  if (next_) next_->previous_ = previous_;
  if (share_.count.fetch_sub(1, std::memory_order_relaxed) == 1) share_.write_access();
}

void ReactorShare::access_added() {
  if (access_timer.armed()) return;
  access_timer.arm(reactor.timers(), limits::kAccessLogDelayMs, [this] { access.flush(); });
}

void ReactorShare::write_access() noexcept {
  access_timer.cancel();
  access.flush();
}

void ReactorShare::end_idle() noexcept {
  answers.clear();
  for (Served* served = first; served;) {
    Served* const next = served->next_;  // Aborting may end it at once.
    served->end_if_idle();
    served = next;
  }
}

struct Server::Impl {
  static constexpr std::size_t kReactorsMax = 1024;

  Impl(const Router& router, ServerOptions options) : state{router, std::move(options)} {}
  ~Impl() {
    for (auto& slot : shares) delete slot.load(std::memory_order_relaxed);
  }

  /// The calling reactor's. A slot is written once, by the reactor whose share it holds.
  ReactorShare& share_of(io::Reactor& reactor) {
    for (auto& slot : shares) {
      ReactorShare* share = slot.load(std::memory_order_acquire);
      if (!share) {
        auto made = std::make_unique<ReactorShare>(reactor, state.options);
        if (slot.compare_exchange_strong(share, made.get(), std::memory_order_acq_rel)) {
          return *made.release();
        }
      }
      if (&share->reactor == &reactor) return *share;
    }
    SF_ASSERT(false);  // More reactors than a machine has cores.
    __builtin_unreachable();
  }

  ServerState state;
  std::array<std::atomic<ReactorShare*>, kReactorsMax> shares{};
};

Server::Server(const Router& router, ServerOptions options)
    : impl_(std::make_unique<Impl>(router, std::move(options))) {}
Server::~Server() = default;

io::Task<void> Server::serve(std::unique_ptr<net::Connection> connection) const {
  ReactorShare& share = impl_->share_of(connection->reactor());
  return connection->is_tls() ? serve_tls(impl_->state, share, std::move(connection))
                              : serve_http1(impl_->state, share, std::move(connection));
}

io::Task<void> Server::turn_away(std::unique_ptr<net::Connection> connection) const {
  Request request;
  request.request_id = make_id();
  Response response =
      problem(request, Problem{.status = 429,
                               .code = "too_many_connections",
                               .detail = "your address has as many connections as one may have",
                               .hint = "Close some, or try again in a moment."});
  response.headers.set("Retry-After", "10");
  ResponseSender sender(*connection, impl_->state);
  const ResponseSender::Context context;
  const auto sent = co_await sender.send(response, context, false);
  co_await connection->close(sent.has_value());
}

void Server::begin_drain() noexcept {
  impl_->state.draining.store(true, std::memory_order_relaxed);
  for (auto& slot : impl_->shares) {
    ReactorShare* const share = slot.load(std::memory_order_acquire);
    if (!share) return;
    if (share->count.load(std::memory_order_relaxed) == 0) continue;
    share->reactor.post([share] { share->end_idle(); });
  }
}

bool Server::draining() const noexcept { return impl_->state.is_draining(); }

}  // namespace sf::http

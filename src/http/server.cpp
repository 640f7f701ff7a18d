#include <streamforge/base/assert.hpp>
#include <streamforge/http/server.hpp>

#include "driver.hpp"
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
                                 {{"reactor", reactor}})) {}

ReactorShare::ReactorShare(io::Reactor& home, const ServerOptions& options)
    : reactor(home),
      metrics(std::to_string(home.index())),
      answers(options.server_name.empty() ? "" : concat("Server: ", options.server_name, "\r\n"),
              options.quick_answers_max) {}

void ReactorShare::link(Driver& driver) noexcept {
  driver.next_ = first;
  if (first) first->previous_ = &driver;
  first = &driver;
  count.fetch_add(1, std::memory_order_relaxed);
  metrics.connections.add(1);
}

void ReactorShare::unlink(Driver& driver) noexcept {
  if (driver.previous_) {
    driver.previous_->next_ = driver.next_;
  } else {
    first = driver.next_;
  }
  if (driver.next_) driver.next_->previous_ = driver.previous_;
  count.fetch_sub(1, std::memory_order_relaxed);
  metrics.connections.add(-1);
}

void ReactorShare::end_idle() noexcept {
  answers.clear();
  for (Driver* driver = first; driver;) {
    Driver* const next = driver->next_;  // Aborting may end the driver at once.
    driver->end_if_idle();
    driver = next;
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
  Driver driver(impl_->state, share, std::move(connection));
  co_await driver.run();
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

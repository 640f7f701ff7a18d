#include <streamforge/http/server.hpp>

#include <mutex>
#include <unordered_map>

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
      connections(metrics::gauge("streamforge_http_connections", "HTTP connections open.",
                                 {{"reactor", reactor}})) {}

ReactorShare::ReactorShare(io::Reactor& home)
    : reactor(home), metrics(std::to_string(home.index())) {}

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
  for (Driver* driver = first; driver;) {
    Driver* const next = driver->next_;  // Aborting may end the driver at once.
    driver->end_if_idle();
    driver = next;
  }
}

struct Server::Impl {
  Impl(const Router& router, ServerOptions options) : state{router, std::move(options)} {}

  ServerState state;
  std::mutex mutex;  ///< Guards the map; taken once per connection, not per request.
  std::unordered_map<io::Reactor*, std::shared_ptr<ReactorShare>> shares;

  std::shared_ptr<ReactorShare> share_of(io::Reactor& reactor) {
    const std::lock_guard lock(mutex);
    auto& share = shares[&reactor];
    if (!share) share = std::make_shared<ReactorShare>(reactor);
    return share;
  }
};

Server::Server(const Router& router, ServerOptions options)
    : impl_(std::make_unique<Impl>(router, std::move(options))) {}
Server::~Server() = default;

io::Task<void> Server::serve(std::unique_ptr<net::Connection> connection) const {
  const auto share = impl_->share_of(connection->reactor());
  Driver driver(impl_->state, *share, std::move(connection));
  co_await driver.run();
}

void Server::begin_drain() noexcept {
  impl_->state.draining.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [reactor, share] : impl_->shares) {
    if (share->count.load(std::memory_order_relaxed) == 0) continue;
    reactor->post([share = share] { share->end_idle(); });
  }
}

bool Server::draining() const noexcept { return impl_->state.is_draining(); }

}  // namespace sf::http

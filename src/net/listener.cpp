#include "connection_impl.hpp"
#include "socket_address.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/io/receiver.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/net/address_limit.hpp>
#include <streamforge/net/listener.hpp>
#include <streamforge/net/spread.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

namespace sf::net {

namespace {

/// A connection that has been accepted and may yet move to another reactor.
struct Arrival {
  UniqueFd socket;
  Address peer;
  AddressLimit::Place place;
};

}  // namespace

struct Listener::Impl {
  Impl(io::Reactor& home, UniqueFd descriptor, Handler answer)
      : reactor(home),
        socket(std::move(descriptor)),
        handler(std::move(answer)),
        acceptor(home, socket.get()),
        accepted(metrics::counter("streamforge_net_accepted_total", "Connections accepted",
                                  {{"reactor", std::to_string(home.index())}})),
        handed_over(metrics::counter("streamforge_net_handed_over_total",
                                     "Connections accepted and given to a reactor that had fewer",
                                     {{"reactor", std::to_string(home.index())}})),
        refused(metrics::counter("streamforge_net_refused_total",
                                 "Connections refused because their address had too many",
                                 {{"reactor", std::to_string(home.index())}})),
        open(metrics::gauge("streamforge_net_connections", "Connections that are open",
                            {{"reactor", std::to_string(home.index())}})) {}

  io::Reactor& reactor;
  UniqueFd socket;
  const Handler handler;
  io::Acceptor acceptor;
  metrics::Counter& accepted;
  metrics::Counter& handed_over;
  metrics::Counter& refused;
  metrics::Gauge& open;

  io::Gate inside;     ///< The accepting loop and each handler.
  Listed connections;  ///< Head of the list of those that handlers have not destroyed.
  unsigned running = 0;
  unsigned turned_away = 0;  ///< Of those that are still being told.
  bool accepting = false;
  std::shared_ptr<TlsContext> tls;
  Congestion congestion;
  AddressLimit* limit = nullptr;
  Handler turn_away;
  Spread* spread = nullptr;
  unsigned mine = 0;  ///< This one's place in `all`.
  std::vector<Listener*> all;
  io::Timer drain_timer;

  io::Task<void> accept(io::Gate::Pass pass);
  void take(UniqueFd accepted_socket);
  void adopt(Arrival arrival);
  io::Task<void> serve(std::unique_ptr<Connection> connection, AddressLimit::Place place,
                       io::Gate::Pass pass);
  void refuse(UniqueFd accepted_socket, Address peer);
  io::Task<void> refuse_politely(std::unique_ptr<Connection> connection, io::Gate::Pass pass);
  void abort_all() noexcept {
    for (Listed* each = connections.next; each != &connections; each = each->next) {
      static_cast<Connection::Impl*>(each)->abort();
    }
  }
};

Listener::Listener(io::Reactor& reactor, UniqueFd socket, Handler handler)
    : impl_(std::make_unique<Impl>(reactor, std::move(socket), std::move(handler))) {}

Listener::~Listener() { SF_ASSERT(!impl_->accepting && impl_->running == 0); }

void Listener::use_tls(std::shared_ptr<TlsContext> context) noexcept {
  impl_->tls = std::move(context);
  // Of what is encrypted every reader has a copy of its own, and the kernel would take up to 4 MiB
  // of it for one who reads nothing. What is accepted inherits the bound.
  const int bytes = limits::kSocketUnsentBytesMax;
  ::setsockopt(impl_->socket.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void Listener::use_congestion(Congestion congestion) {
  SF_ASSERT(!impl_->accepting);
  impl_->congestion = std::move(congestion);
  impl_->congestion.prepare(impl_->socket.get());
}

void Listener::limit_addresses(AddressLimit& limit, Handler turn_away) {
  SF_ASSERT(!impl_->accepting);
  impl_->limit = &limit;
  impl_->turn_away = std::move(turn_away);
}

void Listener::share(Spread& spread, unsigned place, std::vector<Listener*> all) {
  SF_ASSERT(!impl_->accepting && all[place] == this);
  impl_->spread = &spread;
  impl_->mine = place;
  impl_->all = std::move(all);
}

void Listener::start() {
  SF_ASSERT(!impl_->accepting && impl_->socket);
  impl_->accepting = true;
  impl_->reactor.spawn(impl_->accept(impl_->inside.enter()));
}

io::Task<void> Listener::Impl::accept([[maybe_unused]] io::Gate::Pass pass) {
  for (;;) {
    Result<UniqueFd> accepted_socket = co_await acceptor.next();
    if (!accepted_socket) {
      if (accepted_socket.error().code != ErrorCode::kCancelled) {
        log::error("net", "a listener has failed and accepts no more",
                   {{"error", accepted_socket.error().message}});
      }
      co_return;
    }
    accepted.add();
    take(std::move(*accepted_socket));
  }
}

void Listener::Impl::take(UniqueFd accepted_socket) {
  Address peer = peer_address(accepted_socket.get());
  std::optional<AddressLimit::Place> place =
      limit ? limit->enter(peer) : std::make_optional<AddressLimit::Place>();
  if (!place) return refuse(std::move(accepted_socket), std::move(peer));
  congestion.begin(accepted_socket.get());
  Arrival arrival{std::move(accepted_socket), std::move(peer), std::move(*place)};
  const unsigned home = spread ? spread->enter(mine) : mine;
  if (home == mine) return adopt(std::move(arrival));
  handed_over.add();
  Impl* const other = all[home]->impl_.get();
  // A message has to be copyable, though nobody copies it.
  auto shared = std::make_shared<Arrival>(std::move(arrival));
  other->reactor.post([other, shared] { other->adopt(std::move(*shared)); });
}

void Listener::Impl::adopt(Arrival arrival) {
  auto connection = std::make_unique<Connection>(reactor, std::move(arrival.socket),
                                                 std::move(arrival.peer), tls);
  connection->impl_->insert_before(connections);
  reactor.spawn(serve(std::move(connection), std::move(arrival.place), inside.enter()));
}

io::Task<void> Listener::Impl::serve(std::unique_ptr<Connection> connection,
                                     [[maybe_unused]] AddressLimit::Place place,
                                     [[maybe_unused]] io::Gate::Pass pass) {
  ++running;
  open.add(1);
  io::Task<void> answering = handler(std::move(connection));
  co_await answering;
  open.add(-1);
  --running;
  if (spread) spread->leave(mine);
}

void Listener::Impl::refuse(UniqueFd accepted_socket, Address peer) {
  refused.add();
  std::uint64_t untold = 0;
  if (limit->is_news(reactor.now_ms(), untold)) {
    log::warn("net", "refused connections of an address that has too many",
              {{"address", peer.host},
               {"connections_max", limit->connections_max()},
               {"refused", untold},
               {"hint", "--address-connections-max, or --address-connections-exempt for proxies"}});
  }
  // A handshake, or a place for whoever comes, would be what the limit is there to save.
  if (tls || turned_away >= limits::kTurnedAwayMax) return;
  auto connection =
      std::make_unique<Connection>(reactor, std::move(accepted_socket), std::move(peer));
  connection->impl_->insert_before(connections);
  reactor.spawn(refuse_politely(std::move(connection), inside.enter()));
}

io::Task<void> Listener::Impl::refuse_politely(std::unique_ptr<Connection> connection,
                                               [[maybe_unused]] io::Gate::Pass pass) {
  ++turned_away;
  io::Task<void> telling = turn_away(std::move(connection));
  co_await telling;
  --turned_away;
}

io::Task<void> Listener::stop_accepting() {
  co_await impl_->acceptor.stop();
  impl_->accepting = false;
  impl_->socket.reset();
}

io::Task<void> Listener::drain(std::uint32_t timeout_ms) {
  co_await stop_accepting();
  impl_->drain_timer.arm(impl_->reactor.timers(), timeout_ms,
                         [impl = impl_.get()] { impl->abort_all(); });
  io::Gate::Closing handlers = impl_->inside.close();
  co_await handlers;
  impl_->drain_timer.cancel();
}

unsigned Listener::connections() const noexcept { return impl_->running; }

}  // namespace sf::net

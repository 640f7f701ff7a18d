#pragma once

/// The listeners of one address: one on each reactor, made, started and ended together. Used by the
/// main thread; each listener lives on its reactor.

#include <streamforge/net/address_limit.hpp>
#include <streamforge/net/listener.hpp>
#include <streamforge/net/spread.hpp>
#include <streamforge/net/tls.hpp>

#include <memory>
#include <vector>

#include "reactor_thread.hpp"

namespace sf::app {

using Reactors = std::vector<std::unique_ptr<ReactorThread>>;

class Listeners {
 public:
  /// Of each reactor, in order.
  using Contexts = std::vector<std::shared_ptr<net::TlsContext>>;

  explicit Listeners(Reactors& reactors) : reactors_(reactors) {}

  /// What each listener is to do; net::Listener says more.
  struct Work {
    net::Listener::Handler handler;
    net::Listener::Handler turn_away;
    net::AddressLimit& limit;
    net::Spread& spread;
    const net::Congestion& congestion;
  };

  /// One socket for each reactor; `contexts` is empty for listeners without TLS.
  void start(std::vector<UniqueFd> sockets, const Work& work, Contexts contexts = {});
  /// TLS for what is accepted from here on.
  void use_tls(Contexts contexts);
  /// When it returns no more connections come.
  void stop_accepting();
  /// After `stop_accepting`: waits for what is in flight, in bounds.
  void drain();

 private:
  Reactors& reactors_;
  std::vector<std::unique_ptr<net::Listener>> each_;  ///< Each its reactor's.
};

}  // namespace sf::app

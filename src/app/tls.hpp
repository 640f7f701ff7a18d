#pragma once

/// The TLS half of `serve`: its settings, its listening sockets, and their certificates, which can
/// be read again while it runs. Used by the main thread; what it hands to reactors goes by message.

#include <streamforge/net/listener.hpp>
#include <streamforge/net/tls.hpp>

#include <memory>
#include <string>
#include <vector>

#include "listeners.hpp"
#include "options.hpp"

namespace sf::app {

class TlsSide {
 public:
  TlsSide(const ServeOptions& options, Reactors& reactors)
      : options_(options), reactors_(reactors), listeners_(reactors) {}

  [[nodiscard]] bool wanted() const noexcept { return !options_.tls_listen.empty(); }
  /// What the settings ask for that cannot be; kInvalidArgument says which.
  Result<> check();
  /// Reads the certificates and binds `count` sockets.
  Result<> listen(unsigned count);
  [[nodiscard]] std::uint16_t port() const noexcept { return address_.port; }
  [[nodiscard]] const net::Address& address() const noexcept { return address_; }
  /// A listener on each reactor.
  void accept(const Listeners::Work& work);
  /// Reads the certificates again. When that fails, the log says why and the old ones stay.
  void reload();
  void stop_accepting() { listeners_.stop_accepting(); }
  void drain() { listeners_.drain(); }

 private:
  Result<Listeners::Contexts> load(std::size_t count) const;

  const ServeOptions& options_;
  const Reactors& reactors_;
  net::Address address_;
  std::vector<UniqueFd> sockets_;
  Listeners::Contexts contexts_;  ///< Until the reactors have them.
  Listeners listeners_;
};

}  // namespace sf::app

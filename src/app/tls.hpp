#pragma once

/// The TLS half of `serve`: its settings, its listening sockets, and their certificates, which can
/// be read again while it runs. Used by the main thread; what it hands to reactors goes by message.

#include <streamforge/net/listener.hpp>
#include <streamforge/net/tls.hpp>

#include <memory>
#include <string>
#include <vector>

#include "options.hpp"
#include "reactor_thread.hpp"

namespace sf::app {

class TlsSide {
 public:
  using Reactors = std::vector<std::unique_ptr<ReactorThread>>;

  explicit TlsSide(const ServeOptions& options) : options_(options) {}

  [[nodiscard]] bool wanted() const noexcept { return !options_.tls_listen.empty(); }
  /// What the settings ask for that cannot be; kInvalidArgument says which.
  Result<> check();
  /// Reads the certificates and binds `count` sockets.
  Result<> listen(unsigned count);
  [[nodiscard]] std::uint16_t port() const noexcept { return address_.port; }
  [[nodiscard]] const net::Address& address() const noexcept { return address_; }
  /// A listener on each reactor; `handler` as net::Listener's.
  void accept(Reactors& reactors, const net::Listener::Handler& handler);
  /// Reads the certificates again. When that fails, the log says why and the old ones stay.
  void reload(Reactors& reactors);
  void stop_accepting(Reactors& reactors);
  void drain(Reactors& reactors);

 private:
  Result<std::vector<std::shared_ptr<net::TlsContext>>> load(std::size_t count) const;

  const ServeOptions& options_;
  net::Address address_;
  std::vector<UniqueFd> sockets_;
  std::vector<std::shared_ptr<net::TlsContext>> contexts_;  ///< Until the reactors have them.
  std::vector<std::unique_ptr<net::Listener>> listeners_;   ///< Each its reactor's.
};

}  // namespace sf::app

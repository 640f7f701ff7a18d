#pragma once

#include <streamforge/io/gate.hpp>
#include <streamforge/net/congestion.hpp>
#include <streamforge/net/connection.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace sf::net {

class AddressLimit;
class Spread;

/// Binds and listens with SO_REUSEPORT, so that each reactor has a socket of its own on one
/// address. Port 0 takes a free one; bind the first socket, then the others to `local_address` of
/// it. The first is bound exclusively and the others join only what this process listens on, so
/// another program's port is never shared by accident: kConflict, and the message names the address
/// and what to do. TCP_NODELAY is set, and inherited by what is accepted. "::" takes IPv4 too, and
/// is 0.0.0.0 on machines without IPv6.
[[nodiscard]] Result<UniqueFd> listen_tcp(const Address& address, bool reuse_port = true);
/// `count` of them on one address, one for each reactor; a port 0 in it becomes the one taken.
[[nodiscard]] Result<std::vector<UniqueFd>> listen_tcp(Address& address, unsigned count);
/// Bound with mode 0600 after removing a dead socket; kConflict when somebody answers on it.
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path);
[[nodiscard]] Result<Address> local_address(int socket);

/// Accepts on one reactor and gives each connection to a handler, which closes it before it ends.
/// Reactor's thread only.
class Listener {
 public:
  using Handler = std::function<io::Task<void>(std::unique_ptr<Connection>)>;

  Listener(io::Reactor& reactor, UniqueFd socket, Handler handler);
  ~Listener();  ///< `drain` must have been awaited, unless it never started.
  Listener(const Listener&) = delete;

  /// TLS for what is accepted from here on; those that run keep what they began with.
  void use_tls(std::shared_ptr<TlsContext> context) noexcept;
  /// Congestion control of what is accepted. Before `start`.
  void use_congestion(Congestion congestion);
  /// Connections beyond what their address may have go to `turn_away` instead, for one last word, a
  /// few at a time; the others of them, and all of a TLS listener's, are closed. Before `start`;
  /// the limit outlives the listener.
  void limit_addresses(AddressLimit& limit, Handler turn_away);
  /// The listeners of one address, one on each reactor, this one at `place`: what is accepted here
  /// may be given to any of them. Before `start`; all stop accepting before any drains.
  void share(Spread& spread, unsigned place, std::vector<Listener*> all);
  void start();
  /// No more connections, and the socket is closed; those that run go on.
  io::Task<void> stop_accepting();
  /// Stops accepting, waits up to `timeout_ms` for running handlers, then aborts their connections
  /// and awaits them.
  io::Task<void> drain(std::uint32_t timeout_ms);
  [[nodiscard]] unsigned connections() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::net

#pragma once

#include <streamforge/io/gate.hpp>
#include <streamforge/net/connection.hpp>

#include <functional>
#include <memory>

namespace sf::net {

/// Binds and listens with SO_REUSEPORT, so that each reactor has a socket of its own on one
/// address. Port 0 takes a free one; bind the first socket, then the others to `local_address` of
/// it. A Unix socket path is bound with mode 0600 after removing a dead one. kConflict when the port
/// is in use by another program: the message names the address and what to do.
[[nodiscard]] Result<UniqueFd> listen_tcp(const Address& address, bool reuse_port = true);
[[nodiscard]] Result<UniqueFd> listen_unix(const std::string& path);
[[nodiscard]] Result<Address> local_address(int socket);

/// Accepts on one reactor and gives each connection to a handler. Reactor's thread only.
class Listener {
 public:
  using Handler = std::function<io::Task<void>(std::unique_ptr<Connection>)>;

  Listener(io::Reactor& reactor, UniqueFd socket, Handler handler);
  ~Listener();  ///< `stop` must have been awaited.
  Listener(const Listener&) = delete;

  void start();
  /// No more connections; those that run go on.
  io::Task<void> stop_accepting();
  /// Waits up to `timeout_ms` for running handlers, then aborts their connections and awaits them.
  io::Task<void> drain(std::uint32_t timeout_ms);
  [[nodiscard]] unsigned connections() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::net

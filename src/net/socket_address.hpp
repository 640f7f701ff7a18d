#pragma once

#include <streamforge/net/connection.hpp>

#include <sys/socket.h>

namespace sf::net {

/// The kernel's form of an address.
struct SocketAddress {
  ::sockaddr_storage storage{};
  ::socklen_t bytes = sizeof(::sockaddr_storage);

  [[nodiscard]] ::sockaddr* get() noexcept { return reinterpret_cast<::sockaddr*>(&storage); }
  [[nodiscard]] const ::sockaddr* get() const noexcept {
    return reinterpret_cast<const ::sockaddr*>(&storage);
  }
};

/// kInvalidArgument when the host is not numeric.
[[nodiscard]] Result<SocketAddress> to_socket_address(const Address& address);
/// IPv4 addresses mapped into IPv6 come out as IPv4; other families as an empty host.
[[nodiscard]] Address from_socket_address(const SocketAddress& address);
/// The other end's; an empty host when it has gone already.
[[nodiscard]] Address peer_address(int socket);

}  // namespace sf::net

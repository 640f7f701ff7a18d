#pragma once

/// Connected stream sockets for tests: the near one non-blocking, as a reactor wants it, the far
/// one blocking, for a plain peer.

#include <streamforge/base/unique_fd.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>

namespace sf::test {

struct SocketPair {
  UniqueFd near;
  UniqueFd far;
};

/// Over TCP on loopback, for what only TCP does: windows, resets, half-closing.
inline SocketPair tcp_pair(int buffer_bytes = 0) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t bytes = sizeof address;
  auto* name = reinterpret_cast<::sockaddr*>(&address);
  SocketPair pair;
  pair.far = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (buffer_bytes > 0) {
    ::setsockopt(listener.get(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    ::setsockopt(pair.far.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  }
  if (::bind(listener.get(), name, bytes) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), name, &bytes) != 0 ||
      ::connect(pair.far.get(), name, bytes) != 0) {
    std::abort();
  }
  pair.near = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  return pair;
}

/// Closes with a reset instead of a FIN.
inline void reset(UniqueFd& socket) {
  const ::linger at_once{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket.reset();
}

/// Everything that comes until the end, blocking; the number of bytes.
inline std::size_t drain(int socket) {
  static thread_local char buffer[65536];
  std::size_t total = 0;
  for (;;) {
    const ::ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
    if (count <= 0) return total;
    total += static_cast<std::size_t>(count);
  }
}

}  // namespace sf::test

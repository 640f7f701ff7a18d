#include "socket_address.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/net/listener.hpp>

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace sf::net {

namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

void set(int socket, int level, int option, int value) noexcept {
  // These cannot fail on a fresh socket; if one did, the bind or the tests would tell.
  ::setsockopt(socket, level, option, &value, sizeof value);
}

int get(int socket, int option) noexcept {
  int value = 0;
  ::socklen_t bytes = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &bytes) == 0 ? value : 0;
}

bool is_our_listener(int fd, const SocketAddress& wanted) {
  SocketAddress bound;
  return get(fd, SO_ACCEPTCONN) != 0 && get(fd, SO_REUSEPORT) != 0 &&
         ::getsockname(fd, bound.get(), &bound.bytes) == 0 && bound.bytes == wanted.bytes &&
         std::memcmp(&bound.storage, &wanted.storage, wanted.bytes) == 0;
}

/// Whether a descriptor of this process listens on exactly this address and may be joined.
bool we_listen_on(const SocketAddress& wanted) {
  const std::unique_ptr<::DIR, int (*)(::DIR*)> open_ones(::opendir("/proc/self/fd"), ::closedir);
  if (!open_ones) return false;
  while (const ::dirent* entry = ::readdir(open_ones.get())) {
    const std::optional<std::uint64_t> fd = parse_decimal(entry->d_name, 1u << 30);
    if (fd && is_our_listener(static_cast<int>(*fd), wanted)) return true;
  }
  return false;
}

std::unexpected<Error> refused(int sys, const Address& address) {
  const std::string where = address.to_string();
  Error error = error_from_errno(sys, concat("listen on ", where));
  if (sys == EADDRINUSE) {
    error.code = ErrorCode::kConflict;
    error.message = concat(where, " is in use by another program; stop that or choose another ",
                           "port with --listen");
  } else if (sys == EADDRNOTAVAIL) {
    error.code = ErrorCode::kInvalidArgument;
    error.message = concat(where, ": this machine has no such address");
  } else if (sys == EACCES) {
    error.message = concat(where, ": ports below 1024 need root or CAP_NET_BIND_SERVICE; choose ",
                           "another port with --listen");
  }
  return std::unexpected(std::move(error));
}

/// One bound and listening socket; an errno when the kernel refuses. SO_REUSEPORT is set before
/// binding to join others, or after it: then the bind was exclusive and others may join.
enum class Sharing { kNone, kFirst, kJoins };

int bind_and_listen(const SocketAddress& address, Sharing sharing, UniqueFd* out) {
  UniqueFd socket(::socket(address.storage.ss_family, kSocketFlags, 0));
  if (!socket) return errno;
  set(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (address.storage.ss_family == AF_INET6) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (sharing == Sharing::kJoins) set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (::bind(socket.get(), address.get(), address.bytes) != 0) return errno;
  if (sharing == Sharing::kFirst) set(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (::listen(socket.get(), limits::kListenBacklog) != 0) return errno;
  *out = std::move(socket);
  return 0;
}

}  // namespace

Result<UniqueFd> listen_tcp(const Address& address, bool reuse_port) {
  Result<SocketAddress> wanted = to_socket_address(address);
  if (!wanted) return fail(std::move(wanted.error()));
  UniqueFd socket;
  int sys = bind_and_listen(*wanted, reuse_port ? Sharing::kFirst : Sharing::kNone, &socket);
  if (sys == EAFNOSUPPORT && address.host == "::") {
    return listen_tcp({"0.0.0.0", address.port}, reuse_port);
  }
  if (sys == EADDRINUSE && reuse_port && we_listen_on(*wanted)) {
    sys = bind_and_listen(*wanted, Sharing::kJoins, &socket);
  }
  if (sys != 0) return refused(sys, address);
  return socket;
}

Result<std::vector<UniqueFd>> listen_tcp(Address& address, unsigned count) {
  std::vector<UniqueFd> sockets;
  for (unsigned i = 0; i < count; ++i) {
    auto socket = listen_tcp(address);
    if (!socket) return fail(std::move(socket.error()));
    if (i == 0) {
      auto bound = local_address(socket->get());
      if (!bound) return fail(std::move(bound.error()));
      address = std::move(*bound);
    }
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

Result<UniqueFd> listen_unix(const std::string& path) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::kInvalidArgument,
                concat("the path of a Unix socket may have at most ",
                       std::uint64_t{sizeof address.sun_path - 1}, " bytes: ", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const auto* name = reinterpret_cast<const ::sockaddr*>(&address);

  const UniqueFd probe(::socket(AF_UNIX, kSocketFlags, 0));
  if (!probe) return fail_errno(errno, "socket");
  if (::connect(probe.get(), name, sizeof address) == 0 || errno == EAGAIN) {
    return fail(ErrorCode::kConflict, concat(path, " is in use: another program answers on it"));
  }
  struct ::stat found{};
  if (errno == ECONNREFUSED && ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) {
    ::unlink(path.c_str());  // Its owner is dead.
  }

  UniqueFd socket(::socket(AF_UNIX, kSocketFlags, 0));
  if (!socket) return fail_errno(errno, "socket");
  // On Linux the bound name takes the socket's own mode; unlike a umask it is nobody else's.
  if (::fchmod(socket.get(), 0600) != 0 || ::bind(socket.get(), name, sizeof address) != 0 ||
      ::listen(socket.get(), limits::kListenBacklog) != 0) {
    return fail_errno(errno, concat("listen on ", path));
  }
  return socket;
}

}  // namespace sf::net

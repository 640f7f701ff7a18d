#include "socket_address.hpp"

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/net/listener.hpp>
#include <streamforge/net/tls.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>

namespace sf::net {

namespace {

std::string reason_of(int sys) {
  switch (sys) {
    case ENOENT:
      return "the kernel has no module \"tls\" loaded, or may not load it from here";
    case ENOPROTOOPT:
      return "the kernel is older than 4.13";
    default:
      return error_from_errno(sys, "TCP_ULP").message;
  }
}

}  // namespace

KernelTls probe_kernel_tls() {
  const Address address{"127.0.0.1", 0};
  const auto listener = listen_tcp(address, false);
  if (!listener) return {false, listener.error().message};
  const auto bound = local_address(listener->get());
  if (!bound) return {false, bound.error().message};
  const auto name = to_socket_address(*bound);
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!name || !socket || ::connect(socket.get(), name->get(), name->bytes) != 0) {
    return {false, error_from_errno(errno, "connect").message};
  }
  constexpr std::string_view kProtocol = "tls";  // Only a connected socket may have it.
  if (::setsockopt(socket.get(), IPPROTO_TCP, TCP_ULP, kProtocol.data(), kProtocol.size()) != 0) {
    return {false, reason_of(errno)};
  }
  return {true, {}};
}

}  // namespace sf::net

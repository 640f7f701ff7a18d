#include "socket_address.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/net/listener.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sf::net {

namespace {

bool is_ipv4(const std::string& host) noexcept {
  ::in_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1;
}

bool is_ipv6(const std::string& host) noexcept {
  ::in6_addr ignored{};
  return ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::unexpected<Error> not_an_address(std::string_view text) {
  return fail(ErrorCode::kInvalidArgument,
              concat("\"", text, "\" is no address; write ADDR:PORT, [V6]:PORT, :PORT or ",
                     "localhost:PORT"));
}

}  // namespace

bool Address::is_loopback() const noexcept { return host == "::1" || host.starts_with("127."); }

std::string Address::to_string() const {
  if (host.empty()) return "unix";
  if (host.find(':') != std::string::npos) return concat('[', host, "]:", std::uint64_t{port});
  return concat(host, ':', std::uint64_t{port});
}

Result<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_an_address(text);
  const std::optional<std::uint64_t> port = parse_decimal(text.substr(colon + 1), 65535);
  if (!port) return not_an_address(text);

  Address address;
  address.port = static_cast<std::uint16_t>(*port);
  const std::string_view host = text.substr(0, colon);
  if (host.empty()) {
    address.host = "::";
  } else if (equals_ignoring_case(host, "localhost")) {
    address.host = "127.0.0.1";
  } else if (host.starts_with('[') && host.ends_with(']')) {
    address.host = host.substr(1, host.size() - 2);
    if (!is_ipv6(address.host)) return not_an_address(text);
  } else {
    address.host = host;
    if (!is_ipv4(address.host)) return not_an_address(text);
  }
  return address;
}

Result<SocketAddress> to_socket_address(const Address& address) {
  SocketAddress out;
  if (is_ipv4(address.host)) {
    auto* v4 = reinterpret_cast<::sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr);
    out.bytes = sizeof *v4;
  } else if (is_ipv6(address.host)) {
    auto* v6 = reinterpret_cast<::sockaddr_in6*>(&out.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr);
    out.bytes = sizeof *v6;
  } else {
    return not_an_address(address.host);
  }
  return out;
}

Address from_socket_address(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  Address out;
  if (address.storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const ::sockaddr_in&>(address.storage);
    out.port = ntohs(v4.sin_port);
    out.host = ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const ::sockaddr_in6&>(address.storage);
    out.port = ntohs(v6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::in_addr v4{};
      std::memcpy(&v4, v6.sin6_addr.s6_addr + 12, sizeof v4);
      out.host = ::inet_ntop(AF_INET, &v4, text.data(), text.size());
    } else {
      out.host = ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
  }
  return out;
}

Result<Address> local_address(int socket) {
  SocketAddress address;
  if (::getsockname(socket, address.get(), &address.bytes) != 0) {
    return fail_errno(errno, "getsockname");
  }
  return from_socket_address(address);
}

Address peer_address(int socket) {
  SocketAddress address;
  if (::getpeername(socket, address.get(), &address.bytes) != 0) return {};
  return from_socket_address(address);
}

}  // namespace sf::net

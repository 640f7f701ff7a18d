#include "kernel_tls.hpp"

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/net/listener.hpp>
#include <streamforge/net/tls.hpp>

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "socket_address.hpp"

namespace sf::net {

namespace {

#ifndef SOL_TLS
constexpr int SOL_TLS = 282;  // The C library's headers may be older.
#endif

/// Only a connected socket may have it.
bool use_tls_protocol(int socket) noexcept {
  constexpr std::string_view kProtocol = "tls";
  return ::setsockopt(socket, IPPROTO_TCP, TCP_ULP, kProtocol.data(), kProtocol.size()) == 0;
}

/// The first call may succeed and the second not (a cipher that the kernel lacks). The socket then
/// behaves as if neither had been made.
bool begin(int socket, ByteSpan keys) noexcept {
  return use_tls_protocol(socket) && ::setsockopt(socket, SOL_TLS, TLS_TX, keys.data(),
                                                  static_cast<::socklen_t>(keys.size())) == 0;
}

std::ptrdiff_t send(int socket, std::uint8_t type, ByteSpan plain) noexcept {
  ::iovec piece{const_cast<std::byte*>(plain.data()), plain.size()};
  alignas(::cmsghdr) std::array<char, CMSG_SPACE(sizeof type)> control{};
  ::msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_LEN(sizeof type);
  ::cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_TLS;
  header->cmsg_type = TLS_SET_RECORD_TYPE;
  header->cmsg_len = CMSG_LEN(sizeof type);
  std::memcpy(CMSG_DATA(header), &type, sizeof type);
  for (;;) {
    const ::ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != EINTR) return sent < 0 ? -errno : sent;
  }
}

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

const KernelRecords kKernelRecords{&begin, &send};

ByteSpan kernel_keys(const void* crypto_info) noexcept {
  ::tls_crypto_info info{};
  std::memcpy(&info, crypto_info, sizeof info);
  const auto* first = static_cast<const std::byte*>(crypto_info);
  switch (info.cipher_type) {
    case TLS_CIPHER_AES_GCM_128:
      return {first, sizeof(::tls12_crypto_info_aes_gcm_128)};
    case TLS_CIPHER_AES_GCM_256:
      return {first, sizeof(::tls12_crypto_info_aes_gcm_256)};
    case TLS_CIPHER_CHACHA20_POLY1305:
      return {first, sizeof(::tls12_crypto_info_chacha20_poly1305)};
    default:
      return {};
  }
}

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
  if (!use_tls_protocol(socket.get())) return {false, reason_of(errno)};
  return {true, {}};
}

}  // namespace sf::net

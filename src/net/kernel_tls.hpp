#pragma once

/// Records made by the kernel (kTLS, Linux Documentation/networking/tls.rst): once it has the keys
/// of one direction, what the socket is given leaves encrypted, and a file may go by sendfile(2).

#include <streamforge/base/bytes.hpp>

#include <cstddef>
#include <cstdint>

namespace sf::net {

/// The two things that are asked of the kernel; a test has others in their place.
struct KernelRecords {
  /// Everything that `socket` is given from here on goes into records made with these keys, of
  /// application data unless it is said otherwise. False when it cannot be; the socket is then as
  /// it was.
  bool (*begin)(int socket, ByteSpan keys) noexcept;
  /// Bytes of another type of record, as many as are taken at once; -errno.
  std::ptrdiff_t (*send)(int socket, std::uint8_t type, ByteSpan plain) noexcept;
};
extern const KernelRecords kKernelRecords;

/// What `begin` is given, of a `tls_crypto_info` that OpenSSL has filled in (<linux/tls.h> has one
/// layout for each cipher); empty when it is of no cipher we offer.
[[nodiscard]] ByteSpan kernel_keys(const void* crypto_info) noexcept;

}  // namespace sf::net

#pragma once

#include <streamforge/net/tls.hpp>

#include <string>
#include <vector>

#include "openssl.hpp"
#include "ticket_keys.hpp"

namespace sf::net {

/// What a TlsContext owns; OpenSSL's callbacks find it by its contexts.
struct TlsMaterial {
  TlsMaterial(const TicketKeys::Secret& secret, std::uint64_t begun_ms)
      : tickets(secret, begun_ms) {}

  // Constant after construction.
  std::vector<SslContextPtr> contexts;  ///< One a certificate; the first is the default.
  std::vector<TlsCertificate> certificates;
  std::string protocols;  ///< In the wire form of ALPN: each behind its length.

  // The reactor's thread's.
  TicketKeys tickets;
};

}  // namespace sf::net

#pragma once

/// What proxies in front say of a request: the Forwarded field (RFC 7239), or where there is none
/// X-Forwarded-For, -Proto and -Host. Pure; any thread.

#include <streamforge/http/message.hpp>
#include <streamforge/net/address_limit.hpp>

#include <optional>
#include <string>
#include <vector>

namespace sf::http {

struct Forwarded {
  /// Who asked; with the host "unknown" when the proxy does not say (never us, and nobody's peer).
  std::optional<net::Address> client;
  std::optional<bool> secure;  ///< Whether that one came over TLS.
  std::string authority;       ///< What that one asked; empty: as the request says.
};

/// Nothing at all unless `peer` is one of `trusted`. Each proxy adds what it saw behind what others
/// have said, so the chain is read from its end, for as long as it names proxies that are trusted:
/// whatever the first stranger says of itself is its own invention.
[[nodiscard]] Forwarded read_forwarded(const Headers& headers, const net::Address& peer,
                                       const std::vector<net::AddressPrefix>& trusted);
/// Whether a field of this name is read above.
[[nodiscard]] bool is_forwarded_field(std::string_view name) noexcept;

}  // namespace sf::http

#pragma once

/// Digest fields (RFC 9530) with the algorithms that are not deprecated: sha-256 and sha-512. Pure.

#include <streamforge/base/digest.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "checksum.hpp"

namespace sf::tus {

[[nodiscard]] std::optional<DigestAlgorithm> http_digest_algorithm(std::string_view name) noexcept;
[[nodiscard]] std::string_view http_digest_name(DigestAlgorithm algorithm) noexcept;

/// The digest to hold bytes to in a Content-Digest or Repr-Digest, of several the first that we
/// know. nullopt: there is none, or the field is malformed and so absent. kInvalidArgument: the
/// value cannot be a digest of its algorithm.
[[nodiscard]] Result<std::optional<Checksum>> parse_digest_field(std::string_view field);
/// Of Want-Repr-Digest the most wanted algorithm that we know, if any (weight 0: not acceptable).
[[nodiscard]] std::optional<DigestAlgorithm> parse_want_digest(std::string_view field);
/// "sha-256=:BASE64:".
[[nodiscard]] std::string to_digest_field(const Checksum& checksum);

}  // namespace sf::tus

#include "digest_fields.hpp"

#include <streamforge/base/bytes.hpp>

#include "structured_fields.hpp"

namespace sf::tus {

std::optional<DigestAlgorithm> http_digest_algorithm(std::string_view name) noexcept {
  if (name == "sha-256") return DigestAlgorithm::kSha256;
  if (name == "sha-512") return DigestAlgorithm::kSha512;
  return std::nullopt;
}

std::string_view http_digest_name(DigestAlgorithm algorithm) noexcept {
  return algorithm == DigestAlgorithm::kSha512 ? "sha-512" : "sha-256";
}

Result<std::optional<Checksum>> parse_digest_field(std::string_view field) {
  const auto members = parse_sf_dictionary(field);
  if (!members) return std::nullopt;
  for (const auto& [name, value] : *members) {
    const auto algorithm = http_digest_algorithm(name);
    if (!algorithm) continue;
    const auto* digest = std::get_if<SfBytes>(&value);
    if (!digest) return std::nullopt;
    if (digest->bytes.size() != digest_bytes(*algorithm)) {
      return fail(ErrorCode::kInvalidArgument,
                  concat("a digest of ", name, " has ", digest_bytes(*algorithm), " bytes"));
    }
    const ByteSpan bytes = as_bytes(digest->bytes);
    return Checksum{*algorithm, {bytes.begin(), bytes.end()}};
  }
  return std::nullopt;
}

std::optional<DigestAlgorithm> parse_want_digest(std::string_view field) {
  const auto members = parse_sf_dictionary(field);
  std::optional<DigestAlgorithm> most_wanted;
  std::int64_t most_weight = 0;
  if (!members) return most_wanted;
  for (const auto& [name, value] : *members) {
    const auto* weight = std::get_if<std::int64_t>(&value);
    const auto algorithm = http_digest_algorithm(name);
    if (!algorithm || !weight || *weight <= most_weight) continue;
    most_wanted = algorithm;
    most_weight = *weight;
  }
  return most_wanted;
}

std::string to_digest_field(const Checksum& checksum) {
  return concat(http_digest_name(checksum.algorithm), '=', sf_bytes(as_text(checksum.digest)));
}

}  // namespace sf::tus

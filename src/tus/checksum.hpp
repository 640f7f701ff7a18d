#pragma once

/// Upload-Checksum (tus 1.0.0, Checksum): "sha1 BASE64", in the head or announced for the trailer.
/// Pure but for the memory of the digests.

#include <streamforge/base/digest.hpp>
#include <streamforge/base/error.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace sf::tus {

/// Tus-Checksum-Algorithm, as OPTIONS says it.
inline constexpr std::string_view kChecksumAlgorithms = "sha1,sha256,md5,crc32";

struct Checksum {
  DigestAlgorithm algorithm = DigestAlgorithm::kSha1;
  std::vector<std::byte> digest;
  bool operator==(const Checksum&) const = default;
};

/// kInvalidArgument: no space, not base64, a digest of another length, an unknown algorithm.
[[nodiscard]] Result<Checksum> parse_checksum(std::string_view field);

/// What a request announced about its body.
struct ChecksumOrder {
  std::optional<Checksum> in_head;
  bool in_trailer = false;  ///< `Trailer: Upload-Checksum`.
  [[nodiscard]] bool any() const noexcept { return in_head || in_trailer; }
};

enum class ChecksumVerdict : std::uint8_t {
  kMatches,
  kMismatch,
  kMissing,    ///< Announced for the trailer and not there.
  kMalformed,  ///< The trailer's value is none, or head and trailer disagree.
};

/// Takes a body's bytes while they are hot and judges at its end. The algorithm of a trailer is not
/// known before it comes, so all four are taken then: rare, and cheaper than reading back.
class ChecksumVerifier {
 public:
  explicit ChecksumVerifier(ChecksumOrder order);
  void update(ByteSpan bytes);
  /// Once, with the trailer's Upload-Checksum if there was one.
  [[nodiscard]] ChecksumVerdict judge(std::optional<std::string_view> trailer);

 private:
  ChecksumOrder order_;
  std::vector<std::pair<DigestAlgorithm, Digest>> digests_;
};

}  // namespace sf::tus

#pragma once

/// Digests of bytes given piece by piece. One owner, any thread.

#include <streamforge/base/bytes.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace sf {

enum class DigestAlgorithm : std::uint8_t { kSha1, kSha256, kSha512, kMd5, kCrc32 };

/// "sha1", "sha256", "md5", "crc32" as tus names them; nullopt for any other.
[[nodiscard]] std::optional<DigestAlgorithm> digest_algorithm(std::string_view tus_name) noexcept;
[[nodiscard]] std::size_t digest_bytes(DigestAlgorithm algorithm) noexcept;

/// One digest being taken: libcrypto's, or zlib's crc32 as four big-endian bytes.
class Digest {
 public:
  explicit Digest(DigestAlgorithm algorithm);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void update(ByteSpan bytes);
  /// The digest; the object may not be used afterwards.
  [[nodiscard]] std::vector<std::byte> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// SHA-256 of `bytes` as lower-case hex: for strong ETags and for secrets kept as hashes.
[[nodiscard]] std::string sha256_hex(ByteSpan bytes);

/// RFC 2104 with SHA-256, as lower-case hex: what only who has `key` can make.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view message);

}  // namespace sf

#include "checksum.hpp"

#include <algorithm>

namespace sf::tus {

Result<Checksum> parse_checksum(std::string_view field) {
  const auto space = field.find(' ');
  if (space == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "Upload-Checksum is not \"ALGORITHM BASE64\"");
  }
  const auto algorithm = digest_algorithm(field.substr(0, space));
  if (!algorithm) {
    return fail(ErrorCode::kInvalidArgument,
                concat("Upload-Checksum names none of ", kChecksumAlgorithms));
  }
  const auto digest = from_base64(field.substr(space + 1));
  if (!digest || digest->size() != digest_bytes(*algorithm)) {
    return fail(ErrorCode::kInvalidArgument,
                "the digest in Upload-Checksum is not base64 of the algorithm's length");
  }
  const ByteSpan bytes = as_bytes(*digest);
  return Checksum{*algorithm, {bytes.begin(), bytes.end()}};
}

ChecksumVerifier::ChecksumVerifier(ChecksumOrder order) : order_(std::move(order)) {
  using enum DigestAlgorithm;
  if (order_.in_trailer) {
    for (const DigestAlgorithm each : {kSha1, kSha256, kMd5, kCrc32}) {
      digests_.emplace_back(each, Digest(each));
    }
  } else if (order_.in_head) {
    digests_.emplace_back(order_.in_head->algorithm, Digest(order_.in_head->algorithm));
  }
}

void ChecksumVerifier::update(ByteSpan bytes) {
  for (auto& [algorithm, digest] : digests_) digest.update(bytes);
}

ChecksumVerdict ChecksumVerifier::judge(std::optional<std::string_view> trailer) {
  std::optional<Checksum> wanted = order_.in_head;
  if (order_.in_trailer) {
    if (!trailer) return ChecksumVerdict::kMissing;
    auto late = parse_checksum(*trailer);
    if (!late) return ChecksumVerdict::kMalformed;
    if (wanted && *wanted != *late) return ChecksumVerdict::kMalformed;
    wanted = std::move(*late);
  }
  if (!wanted) return ChecksumVerdict::kMatches;
  const auto taken =
      std::ranges::find(digests_, wanted->algorithm, [](const auto& pair) { return pair.first; });
  return taken->second.finish() == wanted->digest ? ChecksumVerdict::kMatches
                                                  : ChecksumVerdict::kMismatch;
}

}  // namespace sf::tus

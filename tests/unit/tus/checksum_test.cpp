#include "checksum.hpp"

#include <gtest/gtest.h>

namespace sf::tus {
namespace {

// Of "hello world".
constexpr std::string_view kSha1 = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
constexpr std::string_view kSha256 = "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
constexpr std::string_view kMd5 = "md5 XrY7u+Ae7tCTyyK7j1rNww==";
constexpr std::string_view kCrc32 = "crc32 DUoRhQ==";

ChecksumVerdict judge(ChecksumOrder order, std::string_view body,
                      std::optional<std::string_view> trailer = std::nullopt) {
  ChecksumVerifier verifier(std::move(order));
  verifier.update(as_bytes(body.substr(0, 3)));
  verifier.update(as_bytes(body.substr(3)));
  return verifier.judge(trailer);
}

TEST(Checksum, VerifiesEveryAlgorithmItNames) {
  for (const std::string_view field : {kSha1, kSha256, kMd5, kCrc32}) {
    const auto checksum = parse_checksum(field);
    ASSERT_TRUE(checksum) << field;
    EXPECT_EQ(judge({.in_head = *checksum}, "hello world"), ChecksumVerdict::kMatches) << field;
    EXPECT_EQ(judge({.in_head = *checksum}, "hello worlD"), ChecksumVerdict::kMismatch) << field;
    EXPECT_EQ(judge({.in_trailer = true}, "hello world", field), ChecksumVerdict::kMatches);
    EXPECT_EQ(judge({.in_trailer = true}, "hello worlD", field), ChecksumVerdict::kMismatch);
  }
}

TEST(Checksum, RefusesMalformedFields) {
  for (const char* field : {"", "sha1", "sha1 ", "sha1 !!!!", "sha1 AAAA",
                            "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha512 AAAA",
                            "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "crc32 DUoRhQ== "}) {
    EXPECT_FALSE(parse_checksum(field)) << field;
  }
}

TEST(Checksum, WantsTheTrailerThatWasAnnounced) {
  EXPECT_EQ(judge({.in_trailer = true}, "hello world"), ChecksumVerdict::kMissing);
  EXPECT_EQ(judge({.in_trailer = true}, "hello world", "sha1 x"), ChecksumVerdict::kMalformed);
  // Head and trailer must say the same.
  const auto head = parse_checksum(kSha1);
  EXPECT_EQ(judge({*head, true}, "hello world", kSha1), ChecksumVerdict::kMatches);
  EXPECT_EQ(judge({*head, true}, "hello world", kMd5), ChecksumVerdict::kMalformed);
}

}  // namespace
}  // namespace sf::tus

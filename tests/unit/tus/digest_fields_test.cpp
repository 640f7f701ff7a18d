#include "digest_fields.hpp"

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

namespace sf::tus {
namespace {

/// Of "hello world".
constexpr std::string_view kSha256 = "sha-256=:uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=:";
constexpr std::string_view kSha512 =
    "sha-512=:MJ7MSJwS1utMxA9QyQLytNDtd+5RGnx6m808qG1M2G+"
    "YndNbxf9JlnDaNCVbRbDP2DDoH2Bdz33FVC6TrpzXbw="
    "=:";

TEST(DigestFields, R27R28_TheTwoAlgorithmsThatAreNotDeprecated) {
  for (const std::string_view field : {kSha256, kSha512}) {
    const auto checksum = parse_digest_field(field);
    ASSERT_TRUE(checksum && *checksum) << field;
    Digest digest((*checksum)->algorithm);
    digest.update(as_bytes("hello world"));
    EXPECT_EQ(digest.finish(), (*checksum)->digest);
    EXPECT_EQ(to_digest_field(**checksum), field);
  }
}

TEST(DigestFields, TheFirstKnownOneOfSeveralCounts) {
  const auto checksum = parse_digest_field(concat("md5=:AAAA:, ", kSha512, ", ", kSha256));
  ASSERT_TRUE(checksum && *checksum);
  EXPECT_EQ((*checksum)->algorithm, DigestAlgorithm::kSha512);
}

TEST(DigestFields, WhatIsNoDigestOfOursIsAbsent) {
  for (const char* field :
       {"", "md5=:AAAA:", "sha-256", "sha-256=5", "sha-256=:!:", "sha256 AAAA"}) {
    const auto checksum = parse_digest_field(field);
    ASSERT_TRUE(checksum) << field;
    EXPECT_EQ(*checksum, std::nullopt) << field;
  }
  EXPECT_EQ(parse_digest_field("sha-256=:AAAA:").error().code, ErrorCode::kInvalidArgument);
}

TEST(DigestFields, R27_TheMostWantedOfOurs) {
  EXPECT_EQ(parse_want_digest("sha-256=1, sha-512=5, md5=10"), DigestAlgorithm::kSha512);
  EXPECT_EQ(parse_want_digest("sha-256=3"), DigestAlgorithm::kSha256);
  EXPECT_EQ(parse_want_digest("sha-256=0"), std::nullopt);
  EXPECT_EQ(parse_want_digest("sha-256"), std::nullopt);
  EXPECT_EQ(parse_want_digest("!"), std::nullopt);
}

}  // namespace
}  // namespace sf::tus

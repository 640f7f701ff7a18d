#include <streamforge/base/digest.hpp>

#include <gtest/gtest.h>

namespace sf {
namespace {

TEST(Digest, MatchesKnownVectorsGivenInPieces) {
  const std::pair<const char*, const char*> rows[] = {
      {"sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {"sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"md5", "900150983cd24fb0d6963f7d28e17f72"},
      {"crc32", "352441c2"}};
  for (const auto& [name, expected] : rows) {
    const auto algorithm = digest_algorithm(name);
    ASSERT_TRUE(algorithm) << name;
    Digest digest(*algorithm);
    digest.update(as_bytes("a"));
    digest.update({});
    digest.update(as_bytes("bc"));
    const auto bytes = digest.finish();
    EXPECT_EQ(bytes.size(), digest_bytes(*algorithm));
    EXPECT_EQ(to_hex(bytes), expected) << name;
  }
}

TEST(Digest, KnowsOnlyTheNamesOfTus) {
  EXPECT_FALSE(digest_algorithm("SHA1"));
  EXPECT_FALSE(digest_algorithm("sha512"));
  EXPECT_FALSE(digest_algorithm(""));
}

TEST(Sha256Hex, OfNothing) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace sf

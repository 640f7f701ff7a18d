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

// RFC 4231 test cases 1, 2 and 6.
TEST(HmacSha256Hex, OfTheRfc) {
  EXPECT_EQ(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256_hex(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

}  // namespace
}  // namespace sf

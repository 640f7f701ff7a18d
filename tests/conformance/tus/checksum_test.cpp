/// Upload-Checksum, in the head and in the trailer: rows K1–K9.

#include "tus_case.hpp"

namespace sf::test {
namespace {

class TusChecksum : public TusCase {
 protected:
  /// A chunked PATCH of `body` at 0 with a trailer section.
  int send_chunked(const std::string& path, std::string_view fields, std::string_view body,
                   std::string_view trailer) const {
    auto client = connect();
    client.send(patch_head(path, 0, concat(fields, "Transfer-Encoding: chunked\r\n")));
    client.send(concat("b\r\n", body, "\r\n0\r\n", trailer, "\r\n"));
    return client.read_response().status;
  }
};

TEST_P(TusChecksum, K1_TheRightDigestOfEachAlgorithm) {
  for (const char* digest : {kHelloSha1, "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
                             "md5 XrY7u+Ae7tCTyyK7j1rNww==", "crc32 DUoRhQ=="}) {
    const auto answer = patch(create(11), "0", "hello world", {{"Upload-Checksum", digest}});
    EXPECT_EQ(answer.status, 204) << digest;
    EXPECT_EQ(answer["Upload-Offset"], "11");
  }
}

TEST_P(TusChecksum, K2_AWrongDigestIs460AlsoAfterARestart) {
  const std::string path = create(16);
  ASSERT_EQ(patch(path, "0", "12345").status, 204);
  EXPECT_EQ(patch(path, "5", "hello worlD", {{"Upload-Checksum", kHelloSha1}}).status, 460);
  EXPECT_EQ(offset(path), "5");
  server_.kill9();
  server_.start();
  EXPECT_EQ(offset(path), "5");
  EXPECT_EQ(patch(path, "5", "hello world", {{"Upload-Checksum", kHelloSha1}}).status, 204);
  EXPECT_EQ(bare("GET", path).body, "12345hello world");
}

TEST_P(TusChecksum, K3K4_UnknownAndMalformedAre400) {
  const std::string path = create(11);
  for (const char* field : {"sha512 AAAA", "sha1", "sha1 ", "sha1 !!!!", "sha1 AAAA", "md5 AAAA",
                            "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="}) {
    EXPECT_EQ(patch(path, "0", "hello world", {{"Upload-Checksum", field}}).status, 400) << field;
  }
  EXPECT_EQ(offset(path), "0");
}

TEST_P(TusChecksum, K5_ACutBodyIsNotAcknowledged) {
  const std::string path = create(11);
  auto client = connect();
  client.send(
      patch_head(path, 0, concat("Upload-Checksum: ", kHelloSha1, "\r\nContent-Length: 11\r\n")));
  client.send("hello");
  client.half_close();
  (void)client.read_to_end();
  EXPECT_EQ(offset(path), "0");
}

TEST_P(TusChecksum, K6_ADigestMayFollowInTheTrailer) {
  const std::string path = create(11);
  const std::string announced = "Trailer: Upload-Checksum\r\n";
  EXPECT_EQ(
      send_chunked(path, announced, "hello worlD", concat("Upload-Checksum: ", kHelloSha1, "\r\n")),
      460);
  EXPECT_EQ(offset(path), "0");
  EXPECT_EQ(
      send_chunked(path, announced, "hello world", concat("Upload-Checksum: ", kHelloSha1, "\r\n")),
      204);
  EXPECT_EQ(bare("GET", path).body, "hello world");
}

TEST_P(TusChecksum, K7K9_AnAnnouncedTrailerMustComeAndAgree) {
  const std::string path = create(11);
  const std::string announced = "Trailer: Upload-Checksum\r\n";
  EXPECT_EQ(send_chunked(path, announced, "hello world", ""), 400) << "K7";
  EXPECT_EQ(send_chunked(path, concat(announced, "Upload-Checksum: ", kHelloSha1, "\r\n"),
                         "hello world", "Upload-Checksum: md5 XrY7u+Ae7tCTyyK7j1rNww==\r\n"),
            400)
      << "K9";
  EXPECT_EQ(offset(path), "0");
}

SF_ON_BOTH_BACKENDS(TusChecksum);

}  // namespace
}  // namespace sf::test

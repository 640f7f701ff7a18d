/// RFC 9112 sections 6, 7 and 11.2: how long a message is, and that there is one answer to it.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpFraming = HttpCase;

TEST_P(HttpFraming, H16_AmbiguousLengthsAreRefused) {
  for (const auto* fields :
       {"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\nContent-Length: 5\r\n", "Content-Length: 0, 5\r\n",
        "Content-Length: +5\r\n", "Content-Length: 0x5\r\n", "Content-Length: -5\r\n",
        "Content-Length: 5 5\r\n", "Content-Length:\r\n",
        "Content-Length: 18446744073709551616\r\n", "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0b"
        "chunked\r\n"}) {
    expect_refused(create_upload_framed(fields, "0\r\n\r\n"), 400);
  }
  expect_refused(create_upload_framed("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501);
  expect_no_uploads();
}

TEST_P(HttpFraming, H16_Http10HasNoTransferEncoding) {
  expect_refused(
      "POST /files HTTP/1.0\r\nHost: a\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 5\r\n"
      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400);
  expect_no_uploads();
}

TEST_P(HttpFraming, H17_ChunkedUploads) {
  const auto upload = make_upload(15);
  auto client = connect();
  const auto stored = client.exchange(
      patch_head(upload, "Transfer-Encoding: chunked\r\n") +
      "5\r\nhello\r\n1;name=value\r\n,\r\n009\r\n123456789\r\n0\r\nHost: evil\r\n\r\n");
  EXPECT_EQ(stored.status, 204) << stored.body;
  EXPECT_EQ(stored["upload-offset"], "15");
  // What `expect_no_uploads` looks for is there when an upload was made.
  const auto videos = client.exchange(get("/api/v1/videos"));
  EXPECT_EQ(videos.body.find("\"items\":[]"), std::string::npos) << videos.body;
}

TEST_P(HttpFraming, H17_BrokenChunksAreRefused) {
  const auto upload = make_upload(50);
  for (const auto* body :
       {"5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5;a=\x01\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n", "ffffffffffffffff\r\nhello\r\n"}) {
    SCOPED_TRACE(testing::PrintToString(body));
    auto client = connect();
    client.send(patch_head(upload, "Transfer-Encoding: chunked\r\n") + body + create_upload());
    const auto refused = client.read_response();
    EXPECT_GE(refused.status, 400);
    EXPECT_LT(refused.status, 500);
    EXPECT_EQ(refused["connection"], "close");
    client.half_close();
    EXPECT_EQ(client.read_to_end(), "");
  }
}

SF_ON_BOTH_BACKENDS(HttpFraming);

}  // namespace
}  // namespace sf::test

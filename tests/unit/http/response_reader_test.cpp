#include "response_reader.hpp"

#include <gtest/gtest.h>

namespace sf::http {
namespace {

ClientResponse read(std::string_view bytes, bool to_head = false) {
  ResponseReader reader(to_head);
  for (const char c : bytes) {
    const auto complete = reader.take({&c, 1});
    EXPECT_TRUE(complete) << complete.error().message;
  }
  EXPECT_TRUE(reader.complete() || reader.take_end());
  return std::move(reader).response();
}

TEST(ResponseReader, ReadsSizedChunkedAndClosedBodies) {
  const auto sized = read("HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(sized.status, 201);
  EXPECT_EQ(sized.headers.get("location"), "/x");
  EXPECT_EQ(sized.body, "ok");
  EXPECT_EQ(
      read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
          .body,
      "abc");
  EXPECT_EQ(read("HTTP/1.0 200 OK\r\n\r\nuntil the end").body, "until the end");
}

TEST(ResponseReader, PassesOverInterimResponses) {
  const auto response = read(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: "
      "5\r\n"
      "\r\nHTTP/1.1 204 No Content\r\nUpload-Offset: 9\r\n\r\n");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.get("upload-offset"), "9");
}

TEST(ResponseReader, AnswersToHeadHaveNoBody) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).body, "");
}

TEST(ResponseReader, KeepAliveIsWhatTheServerSays) {
  ResponseReader kept(false);
  EXPECT_TRUE(kept.take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(kept.keep_alive());
  ResponseReader closed(false);
  EXPECT_TRUE(closed.take("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(closed.keep_alive());
  ResponseReader more(false);
  EXPECT_TRUE(more.take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(more.keep_alive());
}

TEST(ResponseReader, WhatIsNotHttpIsCorrupt) {
  ResponseReader reader(false);
  const auto outcome = reader.take("SSH-2.0-OpenSSH_9.2\r\n");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace sf::http

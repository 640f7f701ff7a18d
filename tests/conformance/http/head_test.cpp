/// RFC 9110 section 9.3.2: HEAD.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpHead = HttpCase;

TEST_P(HttpHead, H11_HeadIsGetWithoutItsBody) {
  auto client = connect();
  for (const auto* target : {"/", "/healthz", "/api/v1/videos", "/nothing"}) {
    SCOPED_TRACE(target);
    const auto whole = client.exchange(get(target));
    const auto head = client.exchange(concat("HEAD ", target, " HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(head.status, whole.status);
    for (const auto* field : {"content-type", "etag", "cache-control", "vary", "accept-ranges"}) {
      EXPECT_EQ(head[field], whole[field]) << field;
    }
    // Problem documents hold a request_id, so only their shape is the same.
    EXPECT_EQ(head["content-length"], whole["content-length"]);
  }
}

TEST_P(HttpHead, H11_TheNextPipelinedAnswerParses) {
  auto client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/healthz"));
  EXPECT_GT(client.read_response(true)["content-length"], "0");
  EXPECT_EQ(client.read_response().status, 200);
}

SF_ON_BOTH_BACKENDS(HttpHead);

}  // namespace
}  // namespace sf::test

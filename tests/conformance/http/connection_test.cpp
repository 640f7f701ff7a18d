/// RFC 9112 section 9: connections.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpConnection = HttpCase;

TEST_P(HttpConnection, H12_AThousandRequestsOverOneConnection) {
  auto client = connect();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(client.exchange(get("/healthz")).status, 200);
}

TEST_P(HttpConnection, H12_ConnectionsEndWhenAsked) {
  auto old = connect();
  EXPECT_EQ(old.exchange("GET /healthz HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.closed_within(5000));
  auto kept = connect();
  for (int i = 0; i < 3; ++i) {
    const auto answer = kept.exchange("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(answer["connection"], "keep-alive");
  }
  auto closing = connect();
  EXPECT_EQ(closing.exchange(get("/healthz", "Connection: close\r\n"))["connection"], "close");
  EXPECT_TRUE(closing.closed_within(5000));
}

TEST_P(HttpConnection, H12_AHalfClosedClientGetsItsAnswer) {
  auto client = connect();
  client.send(get("/healthz") + get("/nothing"));
  client.half_close();
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(client.read_response().status, 404);
  EXPECT_TRUE(client.closed_within(5000));
}

TEST_P(HttpConnection, H13_FiftyPipelinedRequests) {
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get(i % 2 == 0 ? "/healthz" : "/nothing");
  auto at_once = connect();
  at_once.send(requests);
  auto by_byte = connect();
  for (const char c : requests) by_byte.send({&c, 1});
  for (int i = 0; i < 50; ++i) {
    const int expected = i % 2 == 0 ? 200 : 404;
    ASSERT_EQ(at_once.read_response().status, expected) << i;
    ASSERT_EQ(by_byte.read_response().status, expected) << i;
  }
}

SF_ON_BOTH_BACKENDS(HttpConnection);

}  // namespace
}  // namespace sf::test

/// RFC 9110 section 10.1.1: Expect.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpExpect = HttpCase;

TEST_P(HttpExpect, H14_ContinueComesBeforeTheBody) {
  const auto upload = make_upload(5);
  auto client = connect();
  client.send(patch_head(upload, "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  EXPECT_EQ(client.read_response().status, 100);
  client.send("hello");
  const auto stored = client.read_response();
  EXPECT_EQ(stored.status, 204) << stored.body;
  EXPECT_EQ(stored["upload-offset"], "5");
  EXPECT_EQ(client.exchange(get("/healthz")).status, 200);
}

TEST_P(HttpExpect, H14_OrAFinalAnswerWithoutIt) {
  auto client = connect();
  client.send(patch_head("/files/00000000000000000000000000",
                         "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  const auto refused = client.read_response();
  EXPECT_GE(refused.status, 400);
  EXPECT_EQ(refused["connection"], "close");
  EXPECT_TRUE(client.closed_within(5000));
}

TEST_P(HttpExpect, H14_OtherExpectationsFail) {
  EXPECT_EQ(ask(get("/healthz", "Expect: a-miracle\r\n")).status, 417);
}

SF_ON_BOTH_BACKENDS(HttpExpect);

}  // namespace
}  // namespace sf::test

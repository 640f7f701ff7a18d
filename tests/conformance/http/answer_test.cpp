/// RFC 9110 sections 6.6.1, 8.6 and 14.3: fields of every answer.

#include <streamforge/base/clock.hpp>

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpAnswer = HttpCase;

TEST_P(HttpAnswer, H26_DateAndOneLength) {
  auto client = connect();
  for (const auto* target : {"/", "/healthz", "/metrics", "/nothing", "/api/v1/videos"}) {
    SCOPED_TRACE(target);
    const auto response = client.exchange(get(target));
    EXPECT_EQ(response.count("date"), 1u);
    const auto date = parse_http_date(response["date"]);
    ASSERT_TRUE(date);
    EXPECT_LT(std::abs(*date - wall_ms()), 5000);
    EXPECT_EQ(response.count("content-length") + response.count("transfer-encoding"), 1u);
    EXPECT_FALSE(response.ended_by_close);
  }
}

TEST_P(HttpAnswer, H26_NoLengthWhereThereIsNoContent) {
  auto client = connect();
  const auto options = client.exchange("OPTIONS /files HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_FALSE(options.find("content-length"));
  EXPECT_FALSE(options.find("transfer-encoding"));
  const auto page = client.exchange(get("/"));
  ASSERT_TRUE(page.find("etag"));
  const auto same = client.exchange(get("/", concat("If-None-Match: ", page["etag"], "\r\n")));
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same["etag"], page["etag"]);
  EXPECT_FALSE(same.find("content-length"));
  EXPECT_TRUE(same.find("date"));
}

TEST_P(HttpAnswer, H26_FilesAcceptRanges) {
  auto client = connect();
  const auto page = client.exchange(get("/"));
  EXPECT_EQ(page["accept-ranges"], "bytes");
  const auto part = client.exchange(get("/", "Range: bytes=0-3\r\n"));
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, page.body.substr(0, 4));
  EXPECT_EQ(part["content-range"], concat("bytes 0-3/", page.body.size()));
}

SF_ON_BOTH_BACKENDS(HttpAnswer);

}  // namespace
}  // namespace sf::test

/// RFC 9112 sections 2.2 and 2.3: where a message begins, and versions.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpVersion = HttpCase;

TEST_P(HttpVersion, H20_LeadingEmptyLinesAreTolerated) {
  auto client = connect();
  EXPECT_EQ(client.exchange("\r\n\r\n" + get("/healthz")).status, 200);
  EXPECT_EQ(client.exchange("\r\n" + get("/healthz")).status, 200);
}

TEST_P(HttpVersion, H20_OtherVersionsAreNotSupported) {
  for (const auto* version : {"2.0", "1.9", "0.9", "3.0"}) {
    EXPECT_EQ(ask(concat("GET /healthz HTTP/", version, "\r\nHost: a\r\n\r\n")).status, 505);
  }
  EXPECT_EQ(ask(get("/healthz")).status, 200);
  EXPECT_EQ(ask("PRO * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 505);
  for (const auto* line :
       {"GET /healthz", "GET /healthz HTTP/1.", "GET /healthz http/1.1", "junk"}) {
    EXPECT_EQ(ask(concat(line, "\r\nHost: a\r\n\r\n")).status, 400) << line;
  }
}

SF_ON_BOTH_BACKENDS(HttpVersion);

}  // namespace
}  // namespace sf::test

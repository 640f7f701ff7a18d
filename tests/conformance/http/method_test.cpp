/// RFC 9110 section 9: methods.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpMethod = HttpCase;

TEST_P(HttpMethod, H15_OptionsOfTheServerAndOfAPath) {
  const auto server = ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server.status, 204);
  EXPECT_NE(server["allow"].find("PATCH"), std::string::npos);
  const auto path = ask("OPTIONS /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(path.status, 204);
  EXPECT_EQ(path["allow"], "GET, HEAD, OPTIONS");
  EXPECT_FALSE(path.find("content-length"));
}

TEST_P(HttpMethod, H15_UnknownMethodsAre501AndKnownOnes405) {
  for (const auto* method : {"BREW", "get", "TRACE", "CONNECT"}) {
    EXPECT_EQ(ask(concat(method, " /healthz HTTP/1.1\r\nHost: a\r\n\r\n")).status, 501) << method;
  }
  const auto refused = ask("DELETE /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused["allow"], "GET, HEAD, OPTIONS");
  EXPECT_EQ(refused["content-type"], "application/problem+json");
}

TEST_P(HttpMethod, H15_PreflightsMayBeRemembered) {
  const auto preflight =
      ask("OPTIONS /files HTTP/1.1\r\nHost: a\r\nOrigin: https://other.example\r\n"
          "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: tus-resumable\r\n"
          "\r\n");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_TRUE(preflight.find("access-control-max-age"));
  EXPECT_NE(preflight["access-control-allow-methods"].find("PATCH"), std::string::npos);
}

SF_ON_BOTH_BACKENDS(HttpMethod);

}  // namespace
}  // namespace sf::test

/// RFC 9112 section 3: request targets and Host; RFC 9110 section 17.3: paths.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpTarget = HttpCase;

TEST_P(HttpTarget, H19_HostIsThereOnceAndGood) {
  expect_refused("GET /healthz HTTP/1.1\r\n\r\n", 400);
  expect_refused("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
  for (const auto* host : {"", "a b", "u@a", "a/b", "a:b", "[::1"}) {
    expect_refused(concat("GET /healthz HTTP/1.1\r\nHost: ", host, "\r\n\r\n"), 400);
  }
  EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").status, 200);
  EXPECT_EQ(ask("GET /healthz HTTP/1.0\r\n\r\n").status, 200);
}

TEST_P(HttpTarget, H19_TheAbsoluteFormIsAccepted) {
  EXPECT_EQ(ask("GET http://real.example/healthz HTTP/1.1\r\nHost: other\r\n\r\n").status, 200);
  const auto created =
      ask("POST http://real.example:81/files HTTP/1.1\r\nHost: other\r\nTus-Resumable: 1.0.0\r\n"
          "Upload-Length: 5\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created["location"].find("other"), std::string::npos) << created["location"];
  expect_refused("GET http://u:p@real.example/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

TEST_P(HttpTarget, H22_TraversalIsRefused) {
  for (const auto* target :
       {"/../../etc/passwd", "/assets/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "/%2e%2e%2fetc%2fpasswd", "/..%2f..%2fetc/passwd", "/..%5c..%5cetc/passwd", "/a\\..\\b",
        "/%252e%252e/etc/passwd", "/%00", "/index.html%00.js", "//etc/passwd", "/v//x",
        "/%c0%ae%c0%ae/etc/passwd", "/%c0%afetc", "/./etc", "/v/x/../../../etc/passwd",
        "http://a/../etc/passwd", "http://a/%2e%2e/etc/passwd"}) {
    const auto response = ask(get(target));
    EXPECT_TRUE(response.status == 400 || response.status == 404) << target << response.status;
    EXPECT_EQ(response.body.find("root:"), std::string::npos) << target;
  }
}

SF_ON_BOTH_BACKENDS(HttpTarget);

}  // namespace
}  // namespace sf::test

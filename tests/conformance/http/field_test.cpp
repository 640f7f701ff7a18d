/// RFC 9112 section 5: field syntax.

#include "http_case.hpp"

namespace sf::test {
namespace {

using HttpField = HttpCase;

TEST_P(HttpField, H18_BrokenFieldLinesAreRefused) {
  const std::vector<std::string> lines = {
      "A : 1\r\n",
      "A: 1\r\n folded\r\n",
      "A: 1\r\n Content-Length: 5\r\n",
      "A: 1\r\n\tfolded\r\n",
      ": 1\r\n",
      "A\r\n",
      "A: 1\rB: 2\r\n",
      "A: 1\nB: 2\r\n",
      "A: \x01\r\n",
      "A: \x7f\r\n",
      std::string("A: x\0y\r\n", 8),
      std::string("A\0: x\r\n", 7),
  };
  for (const auto& line : lines) expect_refused(create_upload(line), 400);
  expect_refused("POST /files HTTP/1.1\r\n Host: a\r\n\r\n", 400);
  expect_no_uploads();
}

SF_ON_BOTH_BACKENDS(HttpField);

}  // namespace
}  // namespace sf::test

/// RFC 9110 sections 15.5.14 and 15.5.15, RFC 6585 section 5: what is too large, and what it costs.

#include <fstream>

#include "http_case.hpp"

namespace sf::test {
namespace {

class HttpLimits : public HttpCase {
 protected:
  [[nodiscard]] std::size_t resident_kib() const {
    std::ifstream status(concat("/proc/", server_.pid(), "/status"));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
  }
};

TEST_P(HttpLimits, H21_EachHasItsStatus) {
  EXPECT_EQ(ask(get("/" + std::string(9000, 'a'))).status, 414);
  EXPECT_EQ(ask(get("/healthz", "A: " + std::string(40'000, 'a') + "\r\n")).status, 431);
  std::string many;
  for (int i = 0; i < 150; ++i) many += concat("A", i, ": 1\r\n");
  EXPECT_EQ(ask(get("/healthz", many)).status, 431);
  EXPECT_EQ(ask("POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Content-Length: 3000000\r\n\r\n" +
                std::string(3'000'000, ' '))
                .status,
            413);
  EXPECT_EQ(ask(get("/healthz")).status, 200);
}

TEST_P(HttpLimits, H21_MemoryStaysFlat) {
  EXPECT_EQ(ask(get("/healthz")).status, 200);
  const std::size_t before = resident_kib();
  const std::string block(1 << 20, 'a');
  for (const auto* beginning :
       {"GET /", "GET / HTTP/1.1\r\nHost: a\r\nA: ", "GET / HTTP/1.1\r\nHost: a\r\n"}) {
    for (int round = 0; round < 20; ++round) {
      auto client = connect();
      client.send(beginning);
      for (int i = 0; i < 10 && client.send(block); ++i) {
      }
    }
  }
  const std::size_t after = resident_kib();
  EXPECT_LT(after, before + 64 * 1024) << "600 MiB of heads were offered";
  EXPECT_EQ(ask(get("/healthz")).status, 200);
}

SF_ON_BOTH_BACKENDS(HttpLimits);

}  // namespace
}  // namespace sf::test

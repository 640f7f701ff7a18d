/// Connections per address (RFC 6585 section 4): the rest of the server lives on, and is told.

#include "http_case.hpp"
#include "support/eventually.hpp"

namespace sf::test {
namespace {

class HttpAddressLimit : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions limited_to(const char* connections, std::vector<std::string> more = {}) {
    ServerOptions options;
    options.io = GetParam();
    options.flags = {"--reactors", "2", "--transcoders", "0", "--address-connections-max",
                     connections};
    options.flags.insert(options.flags.end(), more.begin(), more.end());
    return options;
  }
  static int status_of_healthz(RawHttp& client) {
    return client.exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status;
  }
};

TEST_P(HttpAddressLimit, OneTooManyIs429AndPlacesComeBack) {
  const TestServer server(limited_to("8", {"--address-connections-exempt", "192.0.2.1"}));
  std::vector<RawHttp> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(server.port());
    EXPECT_EQ(status_of_healthz(clients.back()), 200);
  }
  for (int i = 0; i < 3; ++i) {
    RawHttp late(server.port());
    const auto refused = late.read_response();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused["retry-after"], "10");
    EXPECT_EQ(refused["connection"], "close");
    EXPECT_EQ(refused["content-type"], "application/problem+json");
    EXPECT_NE(refused["date"], "");
    EXPECT_NE(refused.body.find("\"code\":\"too_many_connections\""), std::string::npos);
    late.half_close();
    EXPECT_EQ(late.read_to_end(), "");
  }
  const auto metrics = clients[0].exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body;
  unsigned refused = 0;
  for (const char* reactor : {"0", "1"}) {
    const auto name = concat("streamforge_net_refused_total{reactor=\"", reactor, "\"} ");
    const auto at = metrics.find(name);
    ASSERT_NE(at, std::string::npos);
    refused += static_cast<unsigned>(std::stoul(metrics.substr(at + name.size())));
  }
  EXPECT_EQ(refused, 3u);
  std::string log;
  std::size_t line = std::string::npos;  // The log has a thread of its own.
  ASSERT_TRUE(eventually([&] {
    log = server.log();
    line = log.find("refused connections of an address");
    return line != std::string::npos;
  }));
  EXPECT_EQ(log.find("refused connections of an address", line + 1), std::string::npos) << log;

  for (auto& client : clients) EXPECT_EQ(status_of_healthz(client), 200);
  clients.pop_back();
  // The server sees the end of the connection in its own time.
  EXPECT_TRUE(eventually([&] {
    RawHttp again(server.port());
    again.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    return again.read_response().status == 200;
  }));
}

TEST_P(HttpAddressLimit, LoopbackIsExemptByDefault) {
  const TestServer server(limited_to("1"));
  std::vector<RawHttp> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(server.port());
    EXPECT_EQ(status_of_healthz(clients.back()), 200);
  }
}

TEST_P(HttpAddressLimit, AFloodIsClosedAndEndsWithNothingHeld) {
  TestServer server(limited_to("1", {"--address-connections-exempt", "192.0.2.1"}));
  RawHttp client(server.port());
  EXPECT_EQ(status_of_healthz(client), 200);
  for (int round = 0; round < 10; ++round) {
    std::vector<RawHttp> flood;
    for (int i = 0; i < 100; ++i) flood.emplace_back(server.port());
    EXPECT_EQ(status_of_healthz(client), 200);
    for (auto& each : flood) {
      const std::string said = each.read_to_end();  // An answer, or nothing.
      EXPECT_TRUE(said.empty() || said.starts_with("HTTP/1.1 429 ")) << said;
    }
  }
  EXPECT_EQ(server.terminate(), 0);
}

INSTANTIATE_TEST_SUITE_P(Io, HttpAddressLimit, testing::ValuesIn(kBackends),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace sf::test

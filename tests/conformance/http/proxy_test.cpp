/// Behind a proxy that is trusted, the client is whom it names (RFC 7239).

#include "http_case.hpp"
#include "support/eventually.hpp"

namespace sf::test {
namespace {

class HttpProxy : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions behind(std::vector<std::string> flags) {
    ServerOptions options;
    options.io = GetParam();
    options.open = false;
    options.flags = std::move(flags);
    options.flags.insert(options.flags.end(), {"--transcoders", "0", "--access-log", "stderr"});
    return options;
  }
  static int metrics_status(RawHttp& client, std::string_view fields) {
    return client.exchange(concat("GET /metrics HTTP/1.1\r\nHost: x\r\n", fields, "\r\n")).status;
  }
  static bool logs(const TestServer& server, std::string_view words) {
    return eventually([&] { return server.log().find(words) != std::string::npos; });
  }
};

TEST_P(HttpProxy, AClientBehindItIsNotThisMachine) {
  const TestServer server(behind({}));
  RawHttp client(server.port());
  EXPECT_EQ(metrics_status(client, ""), 200);
  EXPECT_EQ(metrics_status(client, "X-Forwarded-For: 203.0.113.9\r\n"), 401);
  EXPECT_EQ(metrics_status(client, "Forwarded: for=\"[2001:db8::9]:4711\"\r\n"), 401);
  EXPECT_EQ(metrics_status(client, "X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n"), 401);
  EXPECT_EQ(metrics_status(client, "Forwarded: for=unknown\r\n"), 401);
  EXPECT_EQ(metrics_status(client, "X-Forwarded-For: 127.0.0.1\r\n"), 200);
  EXPECT_TRUE(logs(server, " status=401")) << server.log();
  EXPECT_TRUE(logs(server, " peer=203.0.113.9 ")) << server.log();
  EXPECT_TRUE(logs(server, " peer=[2001:db8::9]:4711 ")) << server.log();
}

TEST_P(HttpProxy, AStrangersWordIsNothing) {
  const TestServer server(behind({"--trusted-proxy", "192.0.2.1"}));
  RawHttp client(server.port());
  EXPECT_EQ(metrics_status(client, "X-Forwarded-For: 203.0.113.9\r\n"), 200);
  EXPECT_TRUE(logs(server, " peer=127.0.0.1:")) << server.log();
}

TEST_P(HttpProxy, KeptAnswersAreLoggedWithTheirClients) {
  const TestServer server(behind({}));
  RawHttp client(server.port());
  for (const char* address : {"203.0.113.1", "203.0.113.2", "203.0.113.3"}) {
    const auto answer = client.exchange(
        concat("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ", address, "\r\n\r\n"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(logs(server, concat(" peer=", address, " "))) << server.log();
  }
}

INSTANTIATE_TEST_SUITE_P(Io, HttpProxy, testing::ValuesIn(kBackends),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace sf::test

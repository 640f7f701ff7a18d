/// New connections go where the fewest are, whatever the kernel's hash says; docs/decisions/0036.

#include <algorithm>
#include <atomic>
#include <thread>

#include "http_case.hpp"
#include "support/eventually.hpp"

namespace sf::test {
namespace {

class HttpSpread : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions on_reactors(const char* reactors) {
    ServerOptions options;
    options.io = GetParam();
    options.flags = {"--reactors", reactors, "--transcoders", "0"};
    return options;
  }
  /// Connections open on each reactor.
  static std::vector<unsigned> open_on(RawHttp& client, unsigned reactors) {
    const auto text = client.exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body;
    std::vector<unsigned> open;
    for (unsigned i = 0; i < reactors; ++i) {
      const auto name = concat("streamforge_net_connections{reactor=\"", i, "\"} ");
      const auto at = text.find(name);
      if (at == std::string::npos) throw std::runtime_error(name + "is not there");
      open.push_back(static_cast<unsigned>(std::stoul(text.substr(at + name.size()))));
    }
    return open;
  }
};

TEST_P(HttpSpread, LongLivedConnectionsAreEven) {
  const TestServer server(on_reactors("4"));
  std::vector<RawHttp> clients;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back(server.port());
    EXPECT_EQ(clients.back().exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  }
  const auto open = open_on(clients.front(), 4);
  const auto [least, most] = std::minmax_element(open.begin(), open.end());
  EXPECT_GE(*least, 15u);
  EXPECT_LE(*most, 17u);
}

TEST_P(HttpSpread, ABurstIsEven) {
  const TestServer server(on_reactors("2"));
  std::vector<RawHttp> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(server.port());
  for (auto& client : clients) client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  for (auto& client : clients) EXPECT_EQ(client.read_response().status, 200);
  const auto open = open_on(clients.front(), 2);
  EXPECT_LE(std::max(open[0], open[1]) - std::min(open[0], open[1]), 8u);
}

// What is on its way from one reactor to another when the server stops is served or closed.
TEST_P(HttpSpread, StopsWhileConnectionsCome) {
  TestServer server(on_reactors("3"));
  std::atomic<bool> stop{false};
  std::atomic<unsigned> answered{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      while (!stop) {
        try {
          RawHttp client(server.port());
          client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
          answered += client.read_response().status == 200;
        } catch (const std::exception&) {  // It has stopped.
        }
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return answered >= 200; }));
  EXPECT_EQ(server.terminate(), 0);
  stop = true;
  for (auto& caller : callers) caller.join();
}

INSTANTIATE_TEST_SUITE_P(Io, HttpSpread, testing::ValuesIn(kBackends),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace sf::test

/// The access log: a line a request, soon, in order, and none lost at a stop.

#include <algorithm>
#include <set>

#include "http_case.hpp"
#include "support/eventually.hpp"

namespace sf::test {
namespace {

class HttpAccessLog : public testing::TestWithParam<const char*> {
 protected:
  static ServerOptions logging(const char* format, const char* where = "stderr") {
    ServerOptions options;
    options.io = GetParam();
    options.flags = {"--access-log", where, "--log-format", format, "--transcoders", "0"};
    return options;
  }
  static std::vector<std::string> lines_with(const std::string& log, std::string_view word) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < log.size();) {
      const auto end = std::min(log.find('\n', at), log.size());
      const auto line = log.substr(at, end - at);
      if (line.find(word) != std::string::npos) lines.push_back(line);
      at = end + 1;
    }
    return lines;
  }
  static std::vector<std::string> wait_for(const TestServer& server, std::string_view word,
                                           std::size_t count) {
    std::vector<std::string> lines;
    EXPECT_TRUE(eventually([&] {
      lines = lines_with(server.log(), word);
      return lines.size() >= count;
    }));
    return lines;
  }
};

TEST_P(HttpAccessLog, ALineARequestWhileTheConnectionLives) {
  const TestServer server(logging("text"));
  RawHttp client(server.port());
  for (const char* target : {"/healthz", "/none", "/", "/", "/"}) {  // Kept from the second on.
    (void)client.exchange(concat("GET ", target, " HTTP/1.1\r\nHost: x\r\n\r\n"));
  }
  const auto lines = wait_for(server, "  request method=GET", 5);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_NE(lines[0].find("target=/healthz protocol=HTTP/1.1 status=200 bytes="), std::string::npos)
      << lines[0];
  EXPECT_NE(lines[1].find("target=/none protocol=HTTP/1.1 status=404"), std::string::npos)
      << lines[1];
  std::set<std::string> ids;
  for (const auto& line : lines) {
    EXPECT_NE(line.find(" peer=127.0.0.1:"), std::string::npos) << line;
    EXPECT_TRUE(line.ends_with(" ended=whole")) << line;
    ids.insert(line.substr(line.find("request_id=")));
  }
  EXPECT_EQ(ids.size(), 5u);
}

TEST_P(HttpAccessLog, JsonAndWhatIsNoRequest) {
  const TestServer server(logging("json"));
  RawHttp client(server.port());
  client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(client.read_response().status, 400);
  const auto lines = wait_for(server, "\"room\":\"http\"", 2);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(
      lines[0].find(R"("method":"GET","target":"/healthz","protocol":"HTTP/1.1","status":200)"),
      std::string::npos);
  EXPECT_NE(lines[1].find(R"("message":"refused","method":"-","target":"","protocol":"HTTP/1.1",)"
                          R"("status":400)"),
            std::string::npos);
}

TEST_P(HttpAccessLog, AStopLosesNone) {
  TestServer server(logging("text"));
  std::vector<RawHttp> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(server.port());
  for (int i = 0; i < 250; ++i) {
    for (auto& client : clients) {
      EXPECT_EQ(client.exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    }
  }
  EXPECT_EQ(server.terminate(), 0);
  EXPECT_EQ(lines_with(server.log(), "  request method=GET").size(), 1000u);
}

TEST_P(HttpAccessLog, AFileOfItsOwnWhateverTheLevel) {
  ServerOptions options = logging("text", "true");
  options.flags.insert(options.flags.end(), {"--log-level", "error"});
  TestServer server(options);
  RawHttp client(server.port());
  EXPECT_EQ(client.exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(server.terminate(), 0);
  const auto folder = server.data() / "log";
  EXPECT_EQ(lines_with(read_file(folder / "access.log"), "  request method=GET").size(), 1u);
  for (const std::string& messages : {server.log(), read_file(folder / "streamforge.log")}) {
    EXPECT_EQ(messages.find("target="), std::string::npos) << messages;
  }
}

INSTANTIATE_TEST_SUITE_P(Io, HttpAccessLog, testing::ValuesIn(kBackends),
                         [](const auto& run) { return std::string(run.param); });

}  // namespace
}  // namespace sf::test

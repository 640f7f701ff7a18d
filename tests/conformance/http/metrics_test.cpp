/// What /metrics tells of delivery, by reactor; docs/protocols/http.md has the table.

#include <algorithm>

#include "http_case.hpp"

namespace sf::test {
namespace {

class HttpMetrics : public HttpCase {
 protected:
  static std::string text_of(RawHttp& client) { return client.exchange(get("/metrics")).body; }
  /// The sum over reactors, and over the labels that are not named.
  static double sum(const std::string& text, const std::string& name, std::string_view label = {}) {
    double total = 0;
    unsigned found = 0;
    for (std::size_t at = text.find('\n' + name + '{'); at != std::string::npos;
         at = text.find('\n' + name + '{', at + 1)) {
      const auto line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
      if (line.find(label) == std::string::npos) continue;
      total += std::stod(line.substr(line.rfind(' ') + 1));
      ++found;
    }
    EXPECT_GT(found, 0u) << name << " is not there";
    return total;
  }
};

TEST_P(HttpMetrics, CountWhatAReactorAnswers) {
  auto client = connect();
  const auto before = text_of(client);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.exchange(get("/healthz")).status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.exchange(get("/none")).status, 404);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.exchange(get("/")).status, 200);
  const auto after = text_of(client);
  const auto grew = [&](const char* name, std::string_view label = {}) {
    return sum(after, name, label) - sum(before, name, label);
  };
  const std::string requests = "streamforge_http_requests_total";
  EXPECT_EQ(grew(requests.c_str(), "class=\"2xx\""), 25) << "and the first /metrics";
  EXPECT_EQ(grew(requests.c_str(), "class=\"4xx\""), 5);
  EXPECT_EQ(grew("streamforge_http_request_seconds_count"), 30);
  EXPECT_GT(grew("streamforge_http_sent_bytes_total"), 30 * 100);
  EXPECT_GT(grew("streamforge_http_received_bytes_total"), 30 * 20);
  EXPECT_GE(grew("streamforge_http_answers_reused_total"), 3) << "the page, but for its first time";
  EXPECT_EQ(grew("streamforge_io_zero_copy_bytes_total"), 0) << "no file was sent";
}

TEST_P(HttpMetrics, CpuTimeGrowsWithWork) {
  auto client = connect();
  const auto before = text_of(client);
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(client.exchange(get("/healthz")).status, 200);
  const auto after = text_of(client);
  const std::string name = "streamforge_io_cpu_seconds_total";
  const double reactors = sum(after, name) - sum(before, name);
  EXPECT_GT(reactors, 0.01);
  EXPECT_LT(reactors, 30);
  const auto process_of = [](const std::string& text) {
    const std::string line = "\nstreamforge_process_cpu_seconds_total ";
    return std::stod(text.substr(text.find(line) + line.size()));
  };
  // What a reactor shows is a millisecond of its work old at most.
  EXPECT_GE(process_of(after) - process_of(before), reactors - 0.01);
}

SF_ON_BOTH_BACKENDS(HttpMetrics);

}  // namespace
}  // namespace sf::test

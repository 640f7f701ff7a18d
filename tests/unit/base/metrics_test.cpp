#include <streamforge/base/metrics.hpp>

#include <gmock/gmock.h>

namespace sf::metrics {
namespace {

using testing::HasSubstr;

TEST(Metrics, PrintAsPrometheusText) {
  counter("streamforge_test_total", "Things.", {{"reactor", "0"}}).add(2);
  counter("streamforge_test_total", "Things.", {{"reactor", "1"}, {"kind", "a\"\n\\"}}).add();
  counter("streamforge_test_total", "Things.", {{"reactor", "0"}}).add();
  gauge("streamforge_test_open", "Open now.").set(-4);
  time_counter("streamforge_test_cpu_seconds_total", "Time.").set_ns(1'250'000'000);
  const std::string text = to_prometheus_text();
  EXPECT_THAT(text, HasSubstr("# HELP streamforge_test_total Things.\n"
                              "# TYPE streamforge_test_total counter\n"
                              "streamforge_test_total{reactor=\"0\"} 3\n"
                              "streamforge_test_total{reactor=\"1\",kind=\"a\\\"\\n\\\\\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE streamforge_test_open gauge\nstreamforge_test_open -4\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE streamforge_test_cpu_seconds_total counter\n"
                              "streamforge_test_cpu_seconds_total 1.25\n"));
}

TEST(Metrics, HistogramPutsDurationsInPowersOfTwo) {
  Histogram& seconds = histogram("streamforge_test_seconds", "Durations.", {{"op", "x"}});
  const std::pair<std::uint64_t, unsigned> rows[] = {{0, 0},
                                                     {1000, 0},
                                                     {1001, 1},
                                                     {2000, 1},
                                                     {2001, 2},
                                                     {1'000'000, 10},
                                                     {67'108'864'000, 26},
                                                     {67'108'864'001, 27},
                                                     {~std::uint64_t{0}, 27}};
  for (const auto& [ns, index] : rows) {
    const std::uint64_t before = seconds.bucket(index);
    seconds.observe_ns(ns);
    EXPECT_EQ(seconds.bucket(index), before + 1) << ns;
  }
  const std::string text = to_prometheus_text();
  EXPECT_THAT(text, HasSubstr("streamforge_test_seconds_bucket{op=\"x\",le=\"1e-06\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("streamforge_test_seconds_bucket{op=\"x\",le=\"+Inf\"} 9\n"));
  EXPECT_THAT(text, HasSubstr("streamforge_test_seconds_count{op=\"x\"} 9\n"));
}

}  // namespace
}  // namespace sf::metrics

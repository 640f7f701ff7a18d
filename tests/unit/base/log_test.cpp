#include <streamforge/base/clock.hpp>
#include <streamforge/base/log.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "log_line.hpp"
#include "support/temp_dir.hpp"

namespace sf::log {
namespace {

const double zero = 0;
constexpr std::int64_t kMorning = 1795402800123;

TEST(LogLine, TextReadsLikeASentence) {
  const Line line{kMorning, Level::kInfo, "http", "listening"};
  EXPECT_EQ(format_line(Format::kText, line,
                        {{"addr", "127.0.0.1:8080"}, {"n", 3}, {"ok", true}, {"s", 0.5}}),
            "2026-11-23T03:00:00.123Z INFO  http  listening addr=127.0.0.1:8080 n=3 ok=true s=0.5");
}

TEST(LogLine, NothingInsideAFieldOrMessageBreaksTheLine) {
  const Line line{kMorning, Level::kError, "tus", "bad\nname"};
  EXPECT_EQ(format_line(Format::kText, line,
                        {{"a", "two words"}, {"b", "x\r\ny"}, {"c", ""}, {"d", "k=v"}}),
            "2026-11-23T03:00:00.123Z ERROR tus  \"bad\\nname\" a=\"two words\" b=\"x\\r\\ny\" "
            "c=\"\" d=\"k=v\"");
}

TEST(LogLine, JsonKeepsTypes) {
  const Line line{kMorning, Level::kWarn, "io", "slow"};
  EXPECT_EQ(format_line(Format::kJson, line,
                        {{"file", "a b"}, {"ms", -1}, {"bytes", ~std::uint64_t{0}}, {"ok", false}}),
            R"({"time":"2026-11-23T03:00:00.123Z","level":"warn","room":"io","message":"slow",)"
            R"("file":"a b","ms":-1,"bytes":18446744073709551615,"ok":false})");
}

TEST(LogLine, JsonQuotesWhatNeedsIt) {
  const Line line{kMorning, Level::kInfo, "http", "re\"quest"};
  EXPECT_EQ(
      format_line(Format::kJson, line,
                  {{"target", "/a\n\\b"}, {"name", "\xC3\xA9"}, {"ms", 0.5}, {"none", 0.0 / zero}}),
      R"({"time":"2026-11-23T03:00:00.123Z","level":"info","room":"http",)"
      R"("message":"re\"quest","target":"/a\n\\b","name":"é","ms":0.5,"none":null})");
}

TEST(LogLine, TheTimeFollowsTheClock) {
  for (const std::int64_t ms : {kMorning, kMorning + 1, kMorning + 876, kMorning + 877, kMorning,
                                std::int64_t{0}, std::int64_t{-1}, std::int64_t{999}}) {
    const auto text = format_line(Format::kText, Line{ms, Level::kInfo, "io", "x"}, {});
    EXPECT_EQ(text, to_rfc3339(ms) + " INFO  io  x");
  }
}

TEST(Log, ABatchIsWrittenInOrderAndWhole) {
  test::TempDir folder;
  const std::string file = folder.file("server.log");
  ASSERT_TRUE(start({Level::kInfo, Format::kText, file}));
  {
    Batch batch;
    EXPECT_TRUE(batch.empty());
    unsigned flushed = 0;
    for (int i = 0; i < 1000; ++i) {
      batch.add("http", "request", {{"i", i}});
      if (!batch.full()) continue;
      batch.flush();
      ++flushed;
    }
    EXPECT_GT(flushed, 1u);
    EXPECT_LT(flushed, 20u);
    set_level(Level::kWarn);
    batch.add("http", "below the level", {});
    set_level(Level::kInfo);
  }  // What is left goes when the batch goes.
  stop();
  const std::string text = test::read_file(file);
  std::size_t at = 0;
  for (int i = 0; i < 1000; ++i) {
    at = text.find("http  request i=" + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(std::ranges::count(text, '\n'), 1000);
}

TEST(Log, WritesWhatIsQueuedToItsFileOnStop) {
  test::TempDir folder;
  const std::string file = folder.file("server.log");
  ASSERT_TRUE(start({Level::kWarn, Format::kText, file}));
  EXPECT_FALSE(start({})) << "a second start is refused";
  for (int i = 0; i < 100; ++i) warn("base", "line", {{"i", i}});
  info("base", "below the level");
  stop();
  stop();
  const std::string text = test::read_file(file);
  EXPECT_NE(text.find("line i=0\n"), std::string::npos);
  EXPECT_NE(text.find("line i=99\n"), std::string::npos);
  EXPECT_EQ(text.find("below"), std::string::npos);
  set_level(Level::kInfo);
}

TEST(Log, ManyThreadsMayWriteWhileItStops) {
  test::TempDir folder;
  ASSERT_TRUE(start({Level::kError, Format::kText, folder.file("server.log")}));
  {
    error("base", "busy");
    std::vector<std::jthread> writers;
    for (int n = 0; n < 4; ++n) {
      writers.emplace_back([] {
        for (int i = 0; i < 500; ++i) error("base", "busy");
      });
    }
    stop();
  }
  EXPECT_NE(test::read_file(folder.file("server.log")).find("busy"), std::string::npos);
}

TEST(Log, RefusesAFileItCannotOpen) {
  const auto started = start({Level::kInfo, Format::kText, "/proc/none/server.log"});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace sf::log

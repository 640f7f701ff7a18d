#include <streamforge/base/log.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "log_line.hpp"
#include "support/temp_dir.hpp"

namespace sf::log {
namespace {

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

#include <streamforge/base/log.hpp>

#include <gtest/gtest.h>

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "log_line.hpp"

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
  char folder[] = "/tmp/base-log-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string file = std::string(folder) + "/server.log";
  ASSERT_TRUE(start({Level::kWarn, Format::kText, file}));
  EXPECT_FALSE(start({})) << "a second start is refused";
  for (int i = 0; i < 100; ++i) warn("base", "line", {{"i", i}});
  info("base", "below the level");
  stop();
  stop();
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_NE(text.str().find("line i=0\n"), std::string::npos);
  EXPECT_NE(text.str().find("line i=99\n"), std::string::npos);
  EXPECT_EQ(text.str().find("below"), std::string::npos);
  set_level(Level::kInfo);
  std::filesystem::remove_all(folder);
}

TEST(Log, RefusesAFileItCannotOpen) {
  const auto started = start({Level::kInfo, Format::kText, "/proc/none/server.log"});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace sf::log

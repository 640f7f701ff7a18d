#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "log_file.hpp"
#include "log_line.hpp"
#include "support/eventually.hpp"
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

void add(Batch& batch, std::size_t i) {
  const std::string line = concat("http  request i=", std::uint64_t{i}, '\n');
  batch.add(std::ranges::copy(line, batch.room(line.size())).out);
}

TEST(Log, ABatchIsWrittenInOrderAndWhole) {
  test::TempDir folder;
  const std::string file = folder.file("server.log");
  const std::string messages = folder.file("messages.log");
  ASSERT_TRUE(start({Level::kWarn, Format::kText, messages, file}));
  {
    Batch batch;
    EXPECT_TRUE(batch.empty());
    for (std::size_t i = 0; i < 5000; ++i) add(batch, i);
    const std::string large(2 * Batch::kBytes, 'x');
    batch.add(std::ranges::copy(large + '\n', batch.room(large.size() + 1)).out);
  }  // What is left goes when the batch goes.
  stop();
  const std::string text = test::read_file(file);
  std::size_t at = 0;
  for (int i = 0; i < 5000; ++i) {
    at = text.find("http  request i=" + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_EQ(std::ranges::count(text, '\n'), 5001);
  EXPECT_TRUE(text.ends_with("xx\n"));
  EXPECT_EQ(test::read_file(messages), "");
  set_level(Level::kInfo);
}

TEST(Log, WhatIsGatheredIsWrittenThoughNothingFollows) {
  test::TempDir folder;
  const std::string file = folder.file("access.log");
  const std::string messages = folder.file("server.log");
  ASSERT_TRUE(start({Level::kError, Format::kText, messages, file}));
  const auto holds = [](const std::string& path, const std::string& text) {
    return test::eventually([&] { return test::read_file(path).ends_with(text); });
  };
  for (std::size_t i = 0; i < 5; ++i) {  // Each but the first comes soon after one was written.
    Batch batch;
    add(batch, i);
    batch.flush();
    EXPECT_TRUE(holds(file, concat("i=", std::uint64_t{i}, '\n'))) << i;
  }
  error("base", "said");
  EXPECT_TRUE(holds(messages, "base  said\n"));
  stop();
  set_level(Level::kInfo);
}

TEST(Log, WhatIsNotTakenInTimeIsCountedByTheLineAndSaid) {
  test::TempDir folder;
  const std::string messages = folder.file("messages.log");
  const std::string slow = folder.file("slow.log");
  ASSERT_EQ(::mkfifo(slow.c_str(), 0600), 0);
  const UniqueFd reader(::open(slow.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader);
  auto& dropped = metrics::counter("streamforge_log_dropped_lines_total",
                                   "Log lines dropped because the queue was full.");
  const std::uint64_t dropped_before = dropped.value();
  ASSERT_TRUE(start({Level::kWarn, Format::kText, messages, slow}));
  constexpr std::size_t kLines = 600'000;  // Of some 25 bytes: more than there is place for.
  {
    Batch batch;
    for (std::size_t i = 0; i < kLines; ++i) add(batch, i);
  }
  const std::uint64_t lost = dropped.value() - dropped_before;
  EXPECT_GT(lost, 0u);
  EXPECT_LT(lost, kLines);
  warn("base", "a message has its place");
  std::size_t taken = 0;
  {
    const std::jthread drain([&](const std::stop_token& token) {
      std::string buffer(65536, '\0');
      for (;;) {
        const bool last = token.stop_requested();
        const ssize_t got = ::read(reader.get(), buffer.data(), buffer.size());
        if (got > 0) {
          taken += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + got, '\n'));
        } else if (last) {
          return;
        } else {
          std::this_thread::yield();
        }
      }
    });
    stop();
  }
  EXPECT_EQ(taken + lost, kLines);
  const std::string said = test::read_file(messages);
  EXPECT_NE(said.find("base  a message has its place\n"), std::string::npos) << said;
  EXPECT_NE(said.find("log lines dropped count=" + std::to_string(lost) + "\n"), std::string::npos)
      << said;
  set_level(Level::kInfo);
}

TEST(Log, AFullFileBecomesTheOneBeforeAndFiveAreKept) {
  test::TempDir folder;
  const std::string path = folder.file("server.log");
  auto file = LogFile::open(path);
  ASSERT_TRUE(file);
  const std::string lines(LogFile::kBytesMax / 2, 'x');
  for (char age = '0'; age < '9'; ++age) {
    EXPECT_TRUE(file->write(lines));
    EXPECT_TRUE(file->write(std::string(1, age)));
  }
  const auto last_of = [](const std::string& text) { return text.empty() ? ' ' : text.back(); };
  EXPECT_EQ(last_of(test::read_file(path)), '8');
  EXPECT_EQ(last_of(test::read_file(folder.file("server.1.log"))), '7');
  EXPECT_EQ(last_of(test::read_file(folder.file("server.5.log"))), '3');
  EXPECT_FALSE(std::filesystem::exists(folder.file("server.6.log")));
  auto again = LogFile::open(path);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->write("added\n"));
  EXPECT_TRUE(test::read_file(path).ends_with("8added\n"));
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
  EXPECT_EQ(started.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace sf::log

#include "support/on_reactor.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/io/gate.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace sf::io {
namespace {

class ReactorTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(ReactorTest);

Task<void> note(std::string& log, char letter) {
  log += letter;
  co_return;
}

Task<void> sleep_and_note(Reactor& reactor, std::string& log, char letter, std::uint32_t ms) {
  auto nap = reactor.sleep_ms(ms);
  co_await nap;
  log += letter;
}

Task<void> spawning(Reactor& reactor, std::string& log) {
  reactor.spawn(note(log, 'a'));  // At once.
  log += 'b';
  reactor.post([&log] { log += 'd'; });  // In the next turn.
  log += 'c';
  co_await reactor.sleep_ms(5);
}

TEST_P(ReactorTest, SpawnRunsAtOnceAndPostInTheNextTurn) {
  std::string log;
  run([&](Reactor& reactor) { return spawning(reactor, log); });
  EXPECT_EQ(log, "abcd");
}

TEST_P(ReactorTest, PostsKeepTheirOrder) {
  std::vector<int> seen;
  Result<std::unique_ptr<Reactor>> reactor = Reactor::create({.backend = GetParam()});
  ASSERT_TRUE(reactor);
  for (int n = 0; n < 1000; ++n) (*reactor)->post([&seen, n] { seen.push_back(n); });
  (*reactor)->post([&] { (*reactor)->stop(); });
  (*reactor)->run();
  ASSERT_EQ(seen.size(), 1000u);
  for (int n = 0; n < 1000; ++n) EXPECT_EQ(seen[static_cast<std::size_t>(n)], n);
}

Task<void> sleeping(Reactor& reactor, std::string& log) {
  EXPECT_EQ(Reactor::current_or_null(), &reactor);
  const std::uint64_t begin = reactor.now_ms();
  reactor.spawn(sleep_and_note(reactor, log, '3', 30));
  reactor.spawn(sleep_and_note(reactor, log, '1', 10));
  reactor.spawn(sleep_and_note(reactor, log, '2', 20));
  co_await reactor.sleep_ms(40);
  EXPECT_GE(reactor.now_ms() - begin, 40u);
}

TEST_P(ReactorTest, SleepsEndInOrderOfTime) {
  std::string log;
  run([&](Reactor& reactor) { return sleeping(reactor, log); });
  EXPECT_EQ(log, "123");
}

TEST_P(ReactorTest, StopFromAnotherThreadWakesASleeper) {
  Result<std::unique_ptr<Reactor>> reactor = Reactor::create({.backend = GetParam()});
  ASSERT_TRUE(reactor);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    (*reactor)->stop();
  });
  (*reactor)->run();
  other.join();
  EXPECT_EQ(Reactor::current_or_null(), nullptr);
}

TEST_P(ReactorTest, StopBeforeRunReturnsAtOnceAndRunMayFollow) {
  Result<std::unique_ptr<Reactor>> reactor = Reactor::create({.backend = GetParam()});
  ASSERT_TRUE(reactor);
  (*reactor)->stop();
  (*reactor)->run();
  bool ran = false;
  (*reactor)->post([&] {
    ran = true;
    (*reactor)->stop();
  });
  (*reactor)->run();
  EXPECT_TRUE(ran);
}

TEST_P(ReactorTest, MessagesPostedTooLateAreDestroyedUnrun) {
  auto token = std::make_shared<int>(0);
  {
    Result<std::unique_ptr<Reactor>> reactor = Reactor::create({.backend = GetParam()});
    ASSERT_TRUE(reactor);
    (*reactor)->stop();
    (*reactor)->run();
    (*reactor)->post([token] { ++*token; });
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 0);
}

TEST_P(ReactorTest, SurvivesAStormOfPostsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  Result<std::unique_ptr<Reactor>> reactor = Reactor::create({.backend = GetParam()});
  ASSERT_TRUE(reactor);
  std::vector<int> next(kThreads, 0);
  int out_of_order = 0;
  int total = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int n = 0; n < kEach; ++n) {
        (*reactor)->post([&, thread, n] {
          out_of_order += next[static_cast<std::size_t>(thread)]++ != n;
          if (++total == kThreads * kEach) (*reactor)->stop();
        });
        if (n % 1000 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
  }
  (*reactor)->run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, kThreads * kEach);
  EXPECT_EQ(out_of_order, 0);
}

TEST_P(ReactorTest, TwoReactorsPlayPingPong) {
  constexpr int kRounds = 2000;
  Result<std::unique_ptr<Reactor>> ping = Reactor::create({.backend = GetParam(), .index = 0});
  Result<std::unique_ptr<Reactor>> pong = Reactor::create({.backend = GetParam(), .index = 1});
  ASSERT_TRUE(ping && pong);
  int rounds = 0;
  std::function<void()> serve = [&] {
    if (++rounds == kRounds) {
      (*pong)->stop();
      (*ping)->stop();
      return;
    }
    (*pong)->post([&] { (*ping)->post([&] { serve(); }); });
  };
  (*ping)->post([&] { serve(); });
  std::thread other([&] { (*pong)->run(); });
  (*ping)->run();
  other.join();
  EXPECT_EQ(rounds, kRounds);
}

Task<void> hold(Reactor& reactor, [[maybe_unused]] Gate::Pass pass, std::uint32_t ms) {
  co_await reactor.sleep_ms(ms);
}

Task<void> closing_a_gate(Reactor& reactor, bool& closed) {
  Gate gate;
  reactor.spawn(hold(reactor, gate.enter(), 5));
  reactor.spawn(hold(reactor, gate.enter(), 15));
  EXPECT_EQ(gate.count(), 2u);
  auto closing = gate.close();
  EXPECT_TRUE(gate.closed());
  co_await closing;
  EXPECT_EQ(gate.count(), 0u);
  closed = true;
}

TEST_P(ReactorTest, GateCloseWaitsForAllInside) {
  bool closed = false;
  run([&](Reactor& reactor) { return closing_a_gate(reactor, closed); });
  EXPECT_TRUE(closed);
}

void work_8_ms() {
  const std::uint64_t begin_ns = thread_cpu_ns();
  while (thread_cpu_ns() - begin_ns < 8'000'000) {
  }
}

TEST_P(ReactorTest, SaysInMetricsWhatCarriesItAndWhatItDid) {
  Result<std::unique_ptr<Reactor>> reactor =
      Reactor::create({.backend = GetParam(), .index = 77 + static_cast<unsigned>(GetParam())});
  ASSERT_TRUE(reactor);
  (*reactor)->post(
      [] { std::this_thread::sleep_for(std::chrono::milliseconds(8)); });  // Blocks it.
  (*reactor)->post([&] { (*reactor)->post([&] { (*reactor)->post(work_8_ms); }); });
  (*reactor)->post([&] {
    (*reactor)->post(
        [&] { (*reactor)->post([&] { (*reactor)->post([&] { (*reactor)->stop(); }); }); });
  });
  (*reactor)->run();
  const std::string text = metrics::to_prometheus_text();
  const std::string label = "{reactor=\"" + std::to_string((*reactor)->index()) + "\"";
  for (const std::string& line : {"streamforge_io_backend" + label + ",backend=\"" +
                                      std::string(name_of(GetParam())) + "\"} 1",
                                  "streamforge_io_messages_total" + label + "} 8",
                                  "streamforge_io_long_turns_total" + label + "} 2",
                                  "streamforge_io_stalls_total" + label + "} 1",
                                  "streamforge_io_staging_buffers_in_use" + label + "} 0"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\nin\n" << text;
  }
  const std::string cpu = "streamforge_io_cpu_seconds_total" + label + "} ";
  ASSERT_NE(text.find(cpu), std::string::npos);
  const double seconds = std::stod(text.substr(text.find(cpu) + cpu.size()));
  EXPECT_GE(seconds, 0.008) << "what it worked";
  EXPECT_LE(seconds, static_cast<double>(thread_cpu_ns()) / 1e9);
}

}  // namespace
}  // namespace sf::io

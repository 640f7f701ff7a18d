#include "support/on_reactor.hpp"

#include <streamforge/io/offload.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace sf::io {
namespace {

class OffloadTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(OffloadTest);

Task<void> asking(OffloadPool& pool) {
  const std::thread::id home = std::this_thread::get_id();
  auto question = offload(pool, [home] { return std::this_thread::get_id() != home; });
  EXPECT_TRUE(co_await question);
  EXPECT_EQ(std::this_thread::get_id(), home);

  auto unique = offload(pool, [] { return std::make_unique<int>(7); });
  const std::unique_ptr<int> seven = co_await unique;
  EXPECT_EQ(*seven, 7);

  bool ran = false;
  auto nothing = offload(pool, [&ran] { ran = true; });
  co_await nothing;
  EXPECT_TRUE(ran);
}

TEST_P(OffloadTest, RunsElsewhereAndAnswersHere) {
  OffloadPool pool(2, "offload");
  run([&](Reactor&) { return asking(pool); });
}

Task<void> catching(OffloadPool& pool, std::string& caught) {
  auto throws = offload(pool, []() -> int { throw std::runtime_error("from the pool"); });
  try {
    (void)co_await throws;
  } catch (const std::runtime_error& thrown) {
    caught = thrown.what();
  }
}

TEST_P(OffloadTest, CarriesExceptionsHome) {
  OffloadPool pool(1, "offload");
  std::string caught;
  run([&](Reactor&) { return catching(pool, caught); });
  EXPECT_EQ(caught, "from the pool");
}

Task<void> ask_and_count(OffloadPool& pool, int& answered) {
  auto work = offload(pool, [] { return 1; });
  answered += co_await work;
}

Task<void> asking_much(Reactor& reactor, OffloadPool& pool, int& answered) {
  for (int n = 0; n < 1000; ++n) reactor.spawn(ask_and_count(pool, answered));
  while (answered < 1000) co_await reactor.sleep_ms(1);
}

TEST_P(OffloadTest, AnswersAThousandAtOnce) {
  OffloadPool pool(3, "offload");
  int answered = 0;
  run([&](Reactor& reactor) { return asking_much(reactor, pool, answered); });
  EXPECT_EQ(answered, 1000);
}

TEST(OffloadPool, RunsWhatIsQueuedBeforeItGoes) {
  std::atomic<int> ran = 0;
  {
    OffloadPool pool(1, "offload");
    for (int n = 0; n < 100; ++n) pool.submit([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace sf::io

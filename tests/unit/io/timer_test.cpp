#include <streamforge/io/timer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sf::io {
namespace {

constexpr std::uint32_t kNothing = std::numeric_limits<std::uint32_t>::max();

TEST(TimerWheel, FiresAtItsMillisecondAndNotBefore) {
  TimerWheel wheel(1000);
  Timer timer;
  int fired = 0;
  timer.arm(wheel, 10, [&] { ++fired; });
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(wheel.until_next_ms(1000), 10u);
  wheel.advance(1009);
  EXPECT_EQ(fired, 0);
  wheel.advance(1010);
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(wheel.until_next_ms(1010), kNothing);
}

TEST(TimerWheel, ZeroIsTheNextTick) {
  TimerWheel wheel(5);
  Timer timer;
  int fired = 0;
  timer.arm(wheel, 0, [&] { ++fired; });
  wheel.advance(5);
  EXPECT_EQ(fired, 0);
  wheel.advance(6);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, CascadesThroughEveryLevelExactly) {
  // One duration for each level, from a start at which all digits are about to turn over.
  for (const std::uint64_t start : {0ull, 63ull, 4095ull, 262'143ull, (1ull << 36) - 3}) {
    for (const std::uint32_t ms :
         {1u, 63u, 64u, 65u, 4095u, 4096u, 300'000u, 20'000'000u, 1'500'000'000u, 4'294'967'294u}) {
      TimerWheel wheel(start);
      Timer timer;
      std::uint64_t fired_at = 0;
      timer.arm(wheel, ms, [&] { fired_at = wheel.now_ms(); });
      // Sleep as a reactor does: never past what the wheel asks for.
      std::uint64_t now = start;
      int steps = 0;
      while (fired_at == 0 && ++steps < 20) {
        const std::uint32_t wait = wheel.until_next_ms(now);
        ASSERT_NE(wait, kNothing);
        now += wait;
        wheel.advance(now);
      }
      EXPECT_EQ(fired_at, start + ms) << "from " << start;
      EXPECT_LE(steps, 7) << "one wake-up a level";
    }
  }
}

TEST(TimerWheel, FiresInOrderOfTimeAndThenOfArming) {
  TimerWheel wheel(0);
  std::vector<std::unique_ptr<Timer>> timers;
  std::string order;
  const auto arm = [&](std::uint32_t ms, char letter) {
    timers.push_back(std::make_unique<Timer>());
    timers.back()->arm(wheel, ms, [&order, letter] { order += letter; });
  };
  arm(5000, 'e');
  arm(70, 'c');
  arm(10, 'a');
  arm(10, 'b');
  arm(70, 'd');
  wheel.advance(10'000);  // A reactor that was held up fires all that is due.
  EXPECT_EQ(order, "abcde");
  EXPECT_EQ(wheel.now_ms(), 10'000u);
}

TEST(TimerWheel, CancelAndDestructionDisarm) {
  TimerWheel wheel(0);
  int fired = 0;
  Timer cancelled;
  cancelled.arm(wheel, 5, [&] { ++fired; });
  {
    Timer destroyed;
    destroyed.arm(wheel, 5, [&] { ++fired; });
  }
  cancelled.cancel();
  cancelled.cancel();
  EXPECT_EQ(wheel.until_next_ms(0), kNothing);
  wheel.advance(100);
  EXPECT_EQ(fired, 0);
  cancelled.rearm(7);
  wheel.advance(107);
  EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, ArmingAgainReplaces) {
  TimerWheel wheel(0);
  Timer timer;
  std::string fired;
  timer.arm(wheel, 5, [&] { fired += 'a'; });
  timer.arm(wheel, 9, [&] { fired += 'b'; });
  wheel.advance(20);
  EXPECT_EQ(fired, "b");
}

TEST(TimerWheel, RearmInsideTheCallbackKeepsIt) {
  TimerWheel wheel(0);
  Timer timer;
  int fired = 0;
  timer.arm(wheel, 10, [&] {
    if (++fired < 3) timer.rearm(10);
  });
  wheel.advance(15);  // Late: the next round counts from here.
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(wheel.until_next_ms(15), 10u);
  wheel.advance(25);
  wheel.advance(35);
  EXPECT_EQ(fired, 3);
  EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, RearmingWithZeroInsideTheCallbackCannotSpin) {
  TimerWheel wheel(0);
  Timer timer;
  int fired = 0;
  timer.arm(wheel, 1, [&] {
    ++fired;
    timer.rearm(0);
  });
  wheel.advance(10);
  EXPECT_EQ(fired, 1);
  wheel.advance(11);
  EXPECT_EQ(fired, 2);
  timer.cancel();
}

TEST(TimerWheel, ACallbackMayArmItsTimerWithAnother) {
  TimerWheel wheel(0);
  Timer timer;
  std::string fired;
  std::string big(100, 'x');  // Too large for the function's own memory: a use after free shows.
  timer.arm(wheel, 1, [&fired, &timer, &wheel, big] {
    timer.arm(wheel, 1, [&fired] { fired += 'b'; });
    fired += big.substr(0, 1);
  });
  wheel.advance(1);
  wheel.advance(2);
  EXPECT_EQ(fired, "xb");
}

TEST(TimerWheel, ACallbackMayDestroyItsTimerAndCancelItsNeighbours) {
  TimerWheel wheel(0);
  std::string fired;
  auto self = std::make_unique<Timer>();
  Timer same_tick;
  Timer later;
  self->arm(wheel, 3, [&] {
    self.reset();
    same_tick.cancel();
    later.cancel();
    fired += 'a';
  });
  same_tick.arm(wheel, 3, [&] { fired += 'b'; });
  later.arm(wheel, 4, [&] { fired += 'c'; });
  wheel.advance(10);
  EXPECT_EQ(fired, "a");
  EXPECT_EQ(wheel.until_next_ms(10), kNothing);
}

TEST(TimerWheel, WhatIsArmedAfterSetNowCountsFromThere) {
  TimerWheel wheel(0);
  Timer before;
  Timer after;
  std::string fired;
  before.arm(wheel, 100, [&] { fired += 'b'; });
  wheel.set_now(5000);
  after.arm(wheel, 100, [&] { fired += 'a'; });
  EXPECT_EQ(wheel.until_next_ms(5000), 0u);
  wheel.advance(5099);
  EXPECT_EQ(fired, "b");
  wheel.advance(5100);
  EXPECT_EQ(fired, "ba");
}

TEST(TimerWheel, AgreesWithASortedListOverManyRandomTimers) {
  std::mt19937_64 random(20260101);
  TimerWheel wheel(123'456'789);
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<std::uint64_t> expected;
  std::vector<std::uint64_t> fired;  // When each that has fired was due.
  std::uint64_t late = 0;
  for (int n = 0; n < 5000; ++n) {
    const auto ms = static_cast<std::uint32_t>(random() % (1u << (1 + random() % 22)));
    const std::uint64_t due = wheel.now_ms() + std::max(ms, 1u);
    timers.push_back(std::make_unique<Timer>());
    timers.back()->arm(wheel, ms, [&, due] {
      fired.push_back(due);
      late += due > wheel.now_ms();
    });
    if (random() % 4 == 0) {
      timers.back()->cancel();
    } else {
      expected.push_back(due);
    }
    if (n % 50 == 0) {
      wheel.advance(wheel.now_ms() + random() % 2000);
      // All that is due has fired, and nothing else.
      std::sort(expected.begin(), expected.end());
      const auto due_by_now = static_cast<std::size_t>(
          std::upper_bound(expected.begin(), expected.end(), wheel.now_ms()) - expected.begin());
      ASSERT_EQ(fired.size(), due_by_now);
    }
  }
  wheel.advance(wheel.now_ms() + (1u << 23));
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(fired, expected);
  EXPECT_EQ(late, 0u) << "fired before its time";
}

}  // namespace
}  // namespace sf::io

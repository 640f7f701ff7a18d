#include <streamforge/base/limits.hpp>
#include <streamforge/store/demand.hpp>
#include <streamforge/store/events.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "support/eventually.hpp"

namespace sf::store::test {
namespace {

std::shared_ptr<const Video> some_video(const std::string& title = "x") {
  return std::make_shared<const Video>(make_video(make_id(), title));
}

class EventsTest : public ::testing::TestWithParam<io::BackendKind> {
 protected:
  ReactorThread reactor{GetParam()};
  EventBus bus;
};
SF_ON_BOTH_BACKENDS(EventsTest);

TEST_P(EventsTest, ArriveInOrderWithNumbersThatGrowByOne) {
  auto subscription = bus.subscribe();
  for (int i = 0; i < 3; ++i) bus.publish(EventKind::kUpdated, some_video(concat("t", i)));
  const auto events = reactor.wait(subscription.next(1000));
  ASSERT_EQ(events.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(events[i].sequence, events[0].sequence + i);
    EXPECT_EQ(events[i].video->title, concat("t", i));
  }
  EXPECT_FALSE(subscription.take_overflow());
}

TEST_P(EventsTest, AWaiterIsWokenFromAnotherThread) {
  auto subscription = bus.subscribe();
  auto waiting = reactor.start(subscription.next(60'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  bus.publish(EventKind::kReady, some_video());
  const auto events = waiting.get();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(name_of(events[0].kind), "video.ready");
}

TEST_P(EventsTest, TimesOutEmptyAndGoesOn) {
  auto subscription = bus.subscribe();
  EXPECT_TRUE(reactor.wait(subscription.next(10)).empty());
  bus.publish(EventKind::kReady, some_video());
  EXPECT_EQ(reactor.wait(subscription.next(1000)).size(), 1u);
}

TEST_P(EventsTest, ASlowSubscriberLosesTheOldestAndIsTold) {
  auto subscription = bus.subscribe();
  const auto video = some_video();
  for (unsigned i = 0; i < limits::kEventQueueMax + 5; ++i) bus.publish(EventKind::kUpdated, video);
  const auto events = reactor.wait(subscription.next(0));
  EXPECT_EQ(events.size(), limits::kEventQueueMax);
  EXPECT_TRUE(subscription.take_overflow());
  EXPECT_FALSE(subscription.take_overflow());
}

TEST_P(EventsTest, ResumesBehindANumber) {
  auto first = bus.subscribe();
  for (int i = 0; i < 4; ++i) bus.publish(EventKind::kUpdated, some_video(concat("t", i)));
  const auto seen = reactor.wait(first.next(0));

  auto second = bus.subscribe(seen[1].sequence);
  const auto rest = reactor.wait(second.next(0));
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0].video->title, "t2");
  EXPECT_FALSE(second.take_overflow());

  auto current = bus.subscribe(seen[3].sequence);
  EXPECT_FALSE(current.take_overflow());
  auto ancient = bus.subscribe(seen[0].sequence - 10);
  EXPECT_TRUE(ancient.take_overflow());
  EXPECT_EQ(reactor.wait(ancient.next(0)).size(), 4u);
  auto future = bus.subscribe(seen[3].sequence + 1000);
  EXPECT_TRUE(future.take_overflow());
}

TEST_P(EventsTest, EndWakesAndStaysEmpty) {
  auto subscription = bus.subscribe();
  auto waiting = reactor.start(subscription.next(60'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  bus.end_all();
  EXPECT_TRUE(waiting.get().empty());
  bus.publish(EventKind::kUpdated, some_video());
  EXPECT_TRUE(reactor.wait(subscription.next(60'000)).empty());
  auto late = bus.subscribe();
  EXPECT_TRUE(reactor.wait(late.next(60'000)).empty());
}

TEST_P(EventsTest, ASubscriptionMayOutliveTheBus) {
  auto own = std::make_unique<EventBus>();
  auto subscription = own->subscribe();
  own.reset();
  EXPECT_TRUE(reactor.wait(subscription.next(60'000)).empty());
}

io::Task<void> read_until(EventBus& bus, std::atomic<bool>& stop, std::atomic<unsigned>& seen) {
  std::uint64_t last = 0;
  while (!stop) {
    // Made and destroyed again and again while others publish.
    auto subscription = bus.subscribe();
    for (int i = 0; i < 3 && !stop; ++i) {
      auto next = subscription.next(1);
      const auto events = co_await next;
      for (const auto& event : events) {
        EXPECT_GT(event.sequence, last);
        last = event.sequence;
        ++seen;
      }
    }
  }
}

TEST_P(EventsTest, SubscribersComeAndGoWhileManyPublish) {
  std::atomic<bool> stop = false;
  std::atomic<unsigned> seen = 0;
  ReactorThread other(GetParam());
  auto one = reactor.start(read_until(bus, stop, seen));
  auto two = other.start(read_until(bus, stop, seen));
  std::vector<std::thread> publishers;
  for (int t = 0; t < 2; ++t) {
    publishers.emplace_back([&] {
      const auto video = some_video();
      while (seen < 2000) bus.publish(EventKind::kProgress, video);
    });
  }
  for (auto& publisher : publishers) publisher.join();
  stop = true;
  one.get();
  two.get();
}

class DemandTest : public ::testing::TestWithParam<io::BackendKind> {
 protected:
  ReactorThread reactor{GetParam()};
  Demand demand;
};
SF_ON_BOTH_BACKENDS(DemandTest);

void wait_until_wanted(const Demand& demand, const Wish& wish) {
  EXPECT_TRUE(sf::test::eventually([&] { return demand.wanted(wish); }));
}

TEST_P(DemandTest, ManyViewersAreOneWishAndAllAreAnswered) {
  ReactorThread other(GetParam());
  std::atomic<int> told = 0;
  demand.set_listener([&](const Wish& wish) {
    EXPECT_EQ(wish.segment, 7u);
    ++told;
  });
  const Wish wish{"v", "360p", 7};
  std::vector<std::future<Result<>>> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.push_back((i % 2 ? reactor : other).start(demand.want(wish, 60'000)));
  }
  wait_until_wanted(demand, wish);
  // The reactors list them one after another; a wish answered early would just be asked again.
  (void)reactor.wait(demand.want(wish, 5));
  (void)other.wait(demand.want(wish, 5));
  EXPECT_EQ(told, 1);
  demand.satisfy(wish);
  for (auto& viewer : waiting) EXPECT_TRUE(viewer.get());
  EXPECT_FALSE(demand.wanted(wish));
}

TEST_P(DemandTest, TimesOutAndIsForgotten) {
  const Wish wish{"v", "360p", 1};
  EXPECT_EQ(code_of(reactor.wait(demand.want(wish, 10))), ErrorCode::kTimedOut);
  EXPECT_FALSE(demand.wanted(wish));
  demand.satisfy(wish);
}

TEST_P(DemandTest, WhoIsGoneCountsForNothingButIsAnswered) {
  std::atomic<int> told = 0;
  std::atomic<int> told_left = 0;
  demand.set_listener([&](const Wish&) { ++told; }, [&](const Wish&) { ++told_left; });
  const Wish wish{"v", "360p", 1};
  std::atomic<bool> gone = false;
  auto left = reactor.start(demand.want(wish, 60'000, [&] { return gone.load(); }));
  wait_until_wanted(demand, wish);
  EXPECT_EQ(told, 1);
  gone = true;
  EXPECT_TRUE(sf::test::eventually([&] { return !demand.wanted(wish); }));
  EXPECT_TRUE(sf::test::eventually([&] { return told_left == 1; }));
  auto stays = reactor.start(demand.want(wish, 60'000, [] { return false; }));
  wait_until_wanted(demand, wish);
  EXPECT_EQ(told, 2) << "the first wish may have been dropped by now";
  demand.satisfy(wish);
  EXPECT_TRUE(left.get());
  EXPECT_TRUE(stays.get());
  EXPECT_EQ(told_left, 1) << "once, and not of who has its answer";
}

TEST_P(DemandTest, TheLastToLeaveIsTold) {
  std::atomic<int> told_left = 0;
  demand.set_listener({}, [&](const Wish&) { ++told_left; });
  const Wish wish{"v", "360p", 1};
  std::atomic<bool> first_gone = false;
  std::atomic<bool> last_gone = false;
  auto first = reactor.start(demand.want(wish, 60'000, [&] { return first_gone.load(); }));
  auto last = reactor.start(demand.want(wish, 60'000, [&] { return last_gone.load(); }));
  // Its time is up, it has not left.
  EXPECT_EQ(code_of(reactor.wait(demand.want(wish, 1))), ErrorCode::kTimedOut);
  first_gone = true;
  std::this_thread::sleep_for(std::chrono::milliseconds(3 * Demand::kLookMs));
  EXPECT_EQ(told_left, 0);
  EXPECT_TRUE(demand.wanted(wish));
  last_gone = true;
  EXPECT_TRUE(sf::test::eventually([&] { return told_left == 1; }));
  EXPECT_FALSE(demand.wanted(wish));
  demand.satisfy(wish);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(last.get());
}

TEST_P(DemandTest, RefusalsCarryTheirError) {
  auto one = reactor.start(demand.want({"v", "360p", 1}, 60'000));
  auto two = reactor.start(demand.want({"v", "audio/0", 2}, 60'000));
  auto three = reactor.start(demand.want({"w", "360p", 1}, 60'000));
  wait_until_wanted(demand, {"w", "360p", 1});
  demand.refuse({"v", "360p", 1}, {ErrorCode::kCorrupt, "broken", 0});
  EXPECT_EQ(one.get().error().message, "broken");
  auto file = reactor.start(demand.want({"v", "360p.mp4", 0}, 60'000));
  wait_until_wanted(demand, {"v", "360p.mp4", 0});
  demand.answer_segments("v", fail(ErrorCode::kCancelled, "gone"));
  EXPECT_EQ(code_of(two.get()), ErrorCode::kCancelled);
  EXPECT_TRUE(demand.wanted({"v", "360p.mp4", 0}));
  demand.satisfy({"v", "360p.mp4", 0});
  EXPECT_TRUE(file.get());
  EXPECT_TRUE(demand.wanted({"w", "360p", 1}));
  demand.refuse_all({ErrorCode::kUnavailable, "stopping", 0});
  EXPECT_EQ(code_of(three.get()), ErrorCode::kUnavailable);
}

TEST_P(DemandTest, TheListenerMayAnswerAtOnce) {
  demand.set_listener([&](const Wish& wish) { demand.satisfy(wish); });
  EXPECT_TRUE(reactor.wait(demand.want({"v", "360p", 1}, 60'000)));
}

TEST_P(DemandTest, RacesOfAnswersAndTimeoutsLoseNobody) {
  std::atomic<bool> stop = false;
  std::thread scheduler([&] {
    std::uint32_t n = 0;
    while (!stop) demand.satisfy({"v", "360p", n++ % 4});
  });
  std::vector<std::future<Result<>>> waiting;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    waiting.push_back(reactor.start(demand.want({"v", "360p", i % 4}, i % 3)));
  }
  for (auto& viewer : waiting) {
    const auto answer = viewer.get();
    EXPECT_TRUE(answer || answer.error().code == ErrorCode::kTimedOut);
  }
  stop = true;
  scheduler.join();
}

}  // namespace
}  // namespace sf::store::test

#include "support/on_reactor.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/staging.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sf::io {
namespace {

using limits::kStagingBufferBytes;

TEST(StagingPool, GivesAlignedBuffersUpToItsCapacity) {
  StagingPool pool(3 * kStagingBufferBytes);
  EXPECT_EQ(pool.capacity(), 3u);
  std::vector<StagingBuffer> held;
  for (unsigned n = 0; n < 3; ++n) {
    held.push_back(pool.try_acquire());
    ASSERT_TRUE(held.back());
    const MutableByteSpan bytes = held.back().bytes();
    EXPECT_EQ(bytes.size(), kStagingBufferBytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % limits::kDirectIoAlignment, 0u);
    bytes.front() = bytes.back() = std::byte{1};
  }
  EXPECT_EQ(pool.in_use(), 3u);
  EXPECT_FALSE(pool.try_acquire());
  StagingBuffer moved = std::move(held.front());
  EXPECT_EQ(pool.in_use(), 3u);
  moved = StagingBuffer();
  EXPECT_EQ(pool.in_use(), 2u);
}

TEST(StagingPool, OfNoBytesIsEmpty) {
  StagingPool pool(0);
  EXPECT_EQ(pool.capacity(), 0u);
  EXPECT_FALSE(pool.try_acquire());
  EXPECT_TRUE(pool.range().empty());
}

class StagingTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(StagingTest);

Task<void> borrow(Reactor& reactor, std::string& log, char letter) {
  StagingBuffer buffer = co_await reactor.staging().acquire();
  log += letter;
  co_await reactor.sleep_ms(1);
}

Task<void> borrowing(Reactor& reactor, std::string& log) {
  for (const char letter : {'a', 'b', 'c', 'd', 'e'}) reactor.spawn(borrow(reactor, log, letter));
  EXPECT_EQ(log, "ab");
  while (log.size() < 5 || reactor.staging().in_use() > 0) co_await reactor.sleep_ms(1);
}

TEST_P(StagingTest, WaitersAreServedInOrder) {
  std::string log;
  run([&](Reactor& reactor) { return borrowing(reactor, log); }, 2 * kStagingBufferBytes);
  EXPECT_EQ(log, "abcde");
}

}  // namespace
}  // namespace sf::io

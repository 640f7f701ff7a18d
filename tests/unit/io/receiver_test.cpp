#include "support/on_reactor.hpp"
#include "support/socket_pair.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/receiver.hpp>

#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

namespace sf::io {
namespace {

using test::outcome;

class ReceiverTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(ReceiverTest);

void say(const UniqueFd& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<::ssize_t>(text.size()));
}

Task<void> receive_text(Receiver& receiver, std::string& got, std::string& ending) {
  for (;;) {
    Result<RecvChunk> chunk = co_await receiver.next();
    if (!chunk || chunk->empty()) {
      ending = outcome(chunk);
      co_return;
    }
    got += as_text(chunk->bytes());
  }
}

Task<void> receiving(Reactor& reactor, test::SocketPair& pair) {
  Receiver receiver(reactor, pair.near.get());
  std::string got;
  std::string ending;
  reactor.spawn(receive_text(receiver, got, ending));
  co_await reactor.sleep_ms(2);
  say(pair.far, "first ");
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(got, "first ");
  say(pair.far, "second");
  ::shutdown(pair.far.get(), SHUT_WR);
  for (int waits = 0; ending.empty() && waits < 1000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(got, "first second");
  EXPECT_EQ(ending, "ok");
  EXPECT_TRUE(receiver.ended());
  Result<RecvChunk> again = co_await receiver.next();
  EXPECT_TRUE(again && again->empty());  // The end stays the end.
  co_await receiver.stop();
}

TEST_P(ReceiverTest, GivesWhatComesAndThenTheEnd) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return receiving(reactor, pair); });
}

Task<void> resetting(Reactor& reactor, test::SocketPair& pair) {
  Receiver receiver(reactor, pair.near.get());
  std::string got;
  std::string ending;
  reactor.spawn(receive_text(receiver, got, ending));
  co_await reactor.sleep_ms(2);
  test::reset(pair.far);
  for (int waits = 0; ending.empty() && waits < 1000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(ending, "closed");
  co_await receiver.stop();
}

TEST_P(ReceiverTest, AResetIsClosed) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return resetting(reactor, pair); });
}

Task<void> stopping(Reactor& reactor, test::SocketPair& pair) {
  Receiver receiver(reactor, pair.near.get());
  say(pair.far, "head");
  Result<RecvChunk> head = co_await receiver.next();
  EXPECT_EQ(head ? as_text(head->bytes()) : "", "head");
  say(pair.far, "left over");
  co_await reactor.sleep_ms(5);  // It arrives while nobody asks.
  co_await receiver.stop();
  co_await receiver.stop();
  EXPECT_TRUE(receiver.stopped());
  say(pair.far, "body");
  std::string all;
  while (receiver.queued()) {
    Result<RecvChunk> chunk = co_await receiver.next();
    EXPECT_EQ(outcome(chunk), "ok");
    all += as_text(chunk->bytes());
  }
  EXPECT_EQ(all, "left over");
  Result<RecvChunk> nothing = co_await receiver.next();
  EXPECT_TRUE(nothing && nothing->empty());
  EXPECT_FALSE(receiver.ended());

  std::vector<std::byte> plain(16);
  Result<std::size_t> count = co_await reactor.recv(pair.near.get(), plain);
  EXPECT_EQ(count.value_or(0), 4u);

  receiver.resume();
  say(pair.far, "next head");
  Result<RecvChunk> next = co_await receiver.next();
  EXPECT_EQ(next ? as_text(next->bytes()) : "", "next head");
  co_await receiver.stop();
}

TEST_P(ReceiverTest, StopsWithLeftoversAndResumes) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return stopping(reactor, pair); });
}

Task<void> stop_while_waiting(Reactor& reactor, test::SocketPair& pair, bool interrupt) {
  Receiver receiver(reactor, pair.near.get());
  std::string got;
  std::string ending;
  reactor.spawn(receive_text(receiver, got, ending));
  co_await reactor.sleep_ms(2);
  if (interrupt) {
    receiver.interrupt();
    co_await reactor.sleep_ms(2);
    EXPECT_EQ(ending, "cancelled");
    say(pair.far, "kept");  // The receive went on meanwhile.
    Result<RecvChunk> chunk = co_await receiver.next();
    EXPECT_EQ(chunk ? as_text(chunk->bytes()) : "", "kept");
  }
  co_await receiver.stop();
  co_await reactor.sleep_ms(1);
  EXPECT_EQ(ending, interrupt ? "cancelled" : "ok");
}

TEST_P(ReceiverTest, StopEndsAWait) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return stop_while_waiting(reactor, pair, false); });
}

TEST_P(ReceiverTest, InterruptEndsAWaitAndLosesNothing) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return stop_while_waiting(reactor, pair, true); });
}

Task<void> cancelled_from_outside(Reactor& reactor, test::SocketPair& pair, bool abort) {
  Receiver receiver(reactor, pair.near.get());
  std::string got;
  std::string ending;
  reactor.spawn(receive_text(receiver, got, ending));
  co_await reactor.sleep_ms(2);
  if (abort) {
    receiver.abort();
  } else {
    reactor.cancel(pair.near.get());
  }
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(ending, "cancelled");
  Result<RecvChunk> again = co_await receiver.next();
  EXPECT_EQ(outcome(again), "cancelled");
  co_await receiver.stop();
}

TEST_P(ReceiverTest, CancelOfTheDescriptorEndsIt) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return cancelled_from_outside(reactor, pair, false); });
}

TEST_P(ReceiverTest, AbortEndsIt) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return cancelled_from_outside(reactor, pair, true); });
}

// A peer that sends on and on while nobody reads is held up by TCP, not by our memory.
Task<void> being_flooded(Reactor& reactor, test::SocketPair& pair, std::size_t total) {
  Receiver receiver(reactor, pair.near.get());
  Result<RecvChunk> chunk = co_await receiver.next();
  EXPECT_EQ(outcome(chunk), "ok");
  std::size_t got = chunk ? chunk->bytes().size() : 0;
  for (int n = 0; n < 20; ++n) co_await reactor.sleep_ms(1);
  std::size_t queued = 0;
  while (receiver.queued()) {
    chunk = co_await receiver.next();
    queued += chunk->bytes().size();
  }
  EXPECT_LE(queued, limits::kRecvBuffers * limits::kRecvBufferBytes);
  got += queued;
  while (got < total) {
    chunk = co_await receiver.next();
    EXPECT_EQ(outcome(chunk), "ok");
    if (!chunk || chunk->empty()) break;
    got += chunk->bytes().size();
  }
  EXPECT_EQ(got, total);
  co_await receiver.stop();
}

TEST_P(ReceiverTest, PausesWhenNobodyReads) {
  test::SocketPair pair = test::tcp_pair();
  const std::string data(16 * limits::kMiB, 'x');
  std::thread peer([&] { say(pair.far, data); });
  run([&](Reactor& reactor) { return being_flooded(reactor, pair, data.size()); });
  peer.join();
}

Task<void> gather(Receiver& receiver, std::vector<RecvChunk>& kept, std::size_t& got) {
  for (;;) {
    Result<RecvChunk> chunk = co_await receiver.next();
    if (!chunk || chunk->empty()) co_return;
    got += chunk->bytes().size();
    kept.push_back(std::move(*chunk));
  }
}

// Everyone keeps what it receives, so that the pool runs out; still nothing is lost.
Task<void> exhausting(Reactor& reactor, std::vector<test::SocketPair>& pairs) {
  std::vector<std::unique_ptr<Receiver>> receivers;
  std::vector<RecvChunk> kept;
  std::size_t got = 0;
  for (test::SocketPair& pair : pairs) {
    receivers.push_back(std::make_unique<Receiver>(reactor, pair.near.get()));
    reactor.spawn(gather(*receivers.back(), kept, got));
  }
  std::size_t sent = 0;
  const std::string block(4096, 'y');
  for (int round = 0; round < 6; ++round) {
    for (test::SocketPair& pair : pairs) {
      say(pair.far, block);
      sent += block.size();
    }
    co_await reactor.sleep_ms(1);
  }
  for (int waits = 0; got < sent && waits < 3000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(got, sent);
  EXPECT_GT(kept.size(), limits::kRecvBuffers);
  kept.clear();
  for (test::SocketPair& pair : pairs) say(pair.far, "again");
  sent += 5 * pairs.size();
  for (int waits = 0; got < sent && waits < 3000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(got, sent);
  for (const auto& receiver : receivers) co_await receiver->stop();
  co_await reactor.sleep_ms(1);
}

TEST_P(ReceiverTest, SharesTheBuffersAmongThoseWhoHoldThem) {
  std::vector<test::SocketPair> pairs;
  for (int n = 0; n < 300; ++n) pairs.push_back(test::tcp_pair());
  run([&](Reactor& reactor) { return exhausting(reactor, pairs); });
}

}  // namespace
}  // namespace sf::io

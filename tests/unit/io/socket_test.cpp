#include "support/on_reactor.hpp"
#include "support/socket_pair.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/limits.hpp>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace sf::io {
namespace {

using test::outcome;

class SocketTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(SocketTest);

Task<void> receive_later(Reactor& reactor, int fd, std::string& got) {
  std::array<std::byte, 64> buffer;
  for (;;) {
    Result<std::size_t> count = co_await reactor.recv(fd, buffer);
    EXPECT_EQ(outcome(count), "ok");
    if (!count || *count == 0) co_return;
    got += as_text(ByteSpan(buffer).first(*count));
  }
}

Task<void> receiving(Reactor& reactor, test::SocketPair& pair, std::string& got) {
  reactor.spawn(receive_later(reactor, pair.near.get(), got));
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(::send(pair.far.get(), "one ", 4, 0), 4);
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(::send(pair.far.get(), "two", 3, 0), 3);
  ::shutdown(pair.far.get(), SHUT_WR);
  for (int waits = 0; got.size() < 7 && waits < 1000; ++waits) co_await reactor.sleep_ms(1);
  co_await reactor.sleep_ms(2);
}

TEST_P(SocketTest, ReceivesWhatComesAndThenTheEnd) {
  test::SocketPair pair = test::tcp_pair();
  std::string got;
  run([&](Reactor& reactor) { return receiving(reactor, pair, got); });
  EXPECT_EQ(got, "one two");
}

Task<void> send_all(Reactor& reactor, int fd, std::size_t total, std::size_t& sent) {
  std::vector<std::byte> block(total / 4, std::byte{'x'});
  while (sent < total) {
    const std::array<::iovec, 2> pieces{::iovec{block.data(), std::min(block.size(), total - sent)},
                                        ::iovec{block.data(), 0}};
    Result<std::size_t> count = co_await reactor.send(fd, pieces);
    EXPECT_EQ(outcome(count), "ok");
    if (!count) co_return;
    sent += *count;
  }
}

TEST_P(SocketTest, SendsMoreThanTheSocketBuffers) {
  test::SocketPair pair = test::tcp_pair(16 * 1024);
  constexpr std::size_t kTotal = 8 * limits::kMiB;
  std::size_t sent = 0;
  std::size_t received = 0;
  std::thread peer([&] { received = test::drain(pair.far.get()); });
  run([&](Reactor& reactor) { return send_all(reactor, pair.near.get(), kTotal, sent); });
  pair.near.reset();
  peer.join();
  EXPECT_EQ(sent, kTotal);
  EXPECT_EQ(received, kTotal);
}

Task<void> sending_now(Reactor& reactor, int fd) {
  std::vector<std::byte> block(limits::kMiB, std::byte{'x'});
  const ::iovec piece{block.data(), block.size()};
  Result<std::size_t> count = std::size_t{1};
  for (int n = 0; count && n < 1000; ++n)
    count = co_await reactor.send_now(fd, std::span(&piece, 1));
  EXPECT_EQ(outcome(count), "unavailable");
  EXPECT_EQ(count ? 0 : count.error().sys, EAGAIN);
}

TEST_P(SocketTest, SendNowDoesNotWait) {
  test::SocketPair pair = test::tcp_pair(16 * 1024);
  run([&](Reactor& reactor) { return sending_now(reactor, pair.near.get()); });
}

Task<void> sending_to_nobody(Reactor& reactor, int fd) {
  const ::iovec piece{const_cast<char*>("x"), 1};
  std::array<std::byte, 1> byte;
  Result<std::size_t> count = co_await reactor.recv(fd, byte);
  EXPECT_EQ(outcome(count), "closed");
  count = co_await reactor.send(fd, std::span(&piece, 1));
  EXPECT_EQ(outcome(count), "closed");
}

TEST_P(SocketTest, AResetIsClosed) {
  test::SocketPair pair = test::tcp_pair();
  test::reset(pair.far);
  run([&](Reactor& reactor) { return sending_to_nobody(reactor, pair.near.get()); });
}

Task<void> wait_readable(Reactor& reactor, int fd, std::string& log) {
  Result<std::size_t> events = co_await reactor.poll(fd, POLLIN);
  log += outcome(events);
}

Task<void> wait_receive(Reactor& reactor, int fd, std::string& log) {
  std::array<std::byte, 8> buffer;
  Result<std::size_t> count = co_await reactor.recv(fd, buffer);
  log += outcome(count);
}

Task<void> cancelling(Reactor& reactor, int fd, std::string& log) {
  reactor.spawn(wait_receive(reactor, fd, log));
  reactor.spawn(wait_readable(reactor, fd, log));
  co_await reactor.sleep_ms(2);
  reactor.cancel(fd);
  EXPECT_EQ(log, "");  // Not from inside.
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(log, "cancelledcancelled");
  reactor.cancel(fd);  // Nothing in flight: nothing happens.
  log.clear();
  reactor.spawn(wait_receive(reactor, fd, log));  // Cancelled in the turn that started it.
  reactor.cancel(fd);
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(log, "cancelled");
}

TEST_P(SocketTest, CancelEndsAllOfADescriptor) {
  test::SocketPair pair = test::tcp_pair();
  std::string log;
  run([&](Reactor& reactor) { return cancelling(reactor, pair.near.get(), log); });
}

Task<void> cancelling_before_close(Reactor& reactor, UniqueFd fd, std::string& log) {
  reactor.spawn(wait_receive(reactor, fd.get(), log));
  co_await reactor.sleep_ms(2);
  reactor.cancel(fd.get());
  fd.reset();
  co_await reactor.sleep_ms(2);
}

TEST_P(SocketTest, CloseMayFollowCancelAtOnce) {
  test::SocketPair pair = test::tcp_pair();
  std::string log;
  run([&](Reactor& reactor) {
    return cancelling_before_close(reactor, std::move(pair.near), log);
  });
  EXPECT_EQ(log, "cancelled");
}

Task<void> cancel_after(Reactor& reactor, IoOp& op) {
  co_await reactor.sleep_ms(2);
  reactor.cancel(op);
}

Task<void> cancelling_one(Reactor& reactor, int fd, std::string& log) {
  reactor.spawn(wait_readable(reactor, fd, log));
  std::array<std::byte, 8> buffer;
  IoOp op = reactor.recv(fd, buffer);
  reactor.spawn(cancel_after(reactor, op));
  Result<std::size_t> count = co_await op;
  EXPECT_EQ(outcome(count), "cancelled");
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(log, "");  // The other still waits.
  reactor.cancel(fd);
  co_await reactor.sleep_ms(2);
}

TEST_P(SocketTest, CancelEndsOneOperation) {
  test::SocketPair pair = test::tcp_pair();
  std::string log;
  run([&](Reactor& reactor) { return cancelling_one(reactor, pair.near.get(), log); });
  EXPECT_EQ(log, "cancelled");
}

Task<void> connecting(Reactor& reactor, const ::sockaddr_un& address) {
  const UniqueFd good(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto* name = reinterpret_cast<const ::sockaddr*>(&address);
  Result<std::size_t> connected = co_await reactor.connect(good.get(), name, sizeof address);
  EXPECT_EQ(outcome(connected), "ok");

  ::sockaddr_in nobody{};
  nobody.sin_family = AF_INET;
  nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  nobody.sin_port = htons(1);
  const UniqueFd bad(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto* closed = reinterpret_cast<const ::sockaddr*>(&nobody);
  connected = co_await reactor.connect(bad.get(), closed, sizeof nobody);
  EXPECT_EQ(connected ? 0 : connected.error().sys, ECONNREFUSED);
}

TEST_P(SocketTest, ConnectsAndIsRefused) {
  test::TempDir dir;
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, dir.file("socket").c_str(), sizeof address.sun_path - 1);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address),
            0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  run([&](Reactor& reactor) { return connecting(reactor, address); });
}

Task<void> pipe_story(Reactor& reactor, int in, int out) {
  std::array<std::byte, 16> buffer;
  Result<std::size_t> written = co_await reactor.write(out, as_bytes("through"));
  EXPECT_EQ(written.value_or(0), 7u);
  Result<std::size_t> count = co_await reactor.read(in, buffer);
  EXPECT_EQ(count.value_or(0), 7u);
  Result<std::size_t> events = co_await reactor.poll(out, POLLOUT);
  EXPECT_EQ(events.value_or(0), static_cast<std::size_t>(POLLOUT));
  Result<std::size_t> bad = co_await reactor.read(-1, buffer);
  EXPECT_EQ(bad ? 0 : bad.error().sys, EBADF);
  ::close(in);
  written = co_await reactor.write(out, as_bytes("x"));  // No SIGPIPE.
  EXPECT_EQ(outcome(written), "closed");
}

TEST_P(SocketTest, ReadsWritesAndPollsPipes) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  const UniqueFd out(ends[1]);
  run([&](Reactor& reactor) { return pipe_story(reactor, ends[0], out.get()); });
}

Task<void> echo(Reactor& reactor, int fd, int rounds) {
  std::array<std::byte, 8> buffer;
  for (int n = 0; n < rounds; ++n) {
    Result<std::size_t> count = co_await reactor.recv(fd, buffer);
    EXPECT_EQ(count.value_or(0), 1u);
    const ::iovec piece{buffer.data(), 1};
    count = co_await reactor.send(fd, std::span(&piece, 1));
    EXPECT_EQ(count.value_or(0), 1u);
  }
}

Task<void> ping(Reactor& reactor, int fd, int rounds, int& done) {
  std::array<std::byte, 8> buffer{};
  for (int n = 0; n < rounds; ++n) {
    const ::iovec piece{buffer.data(), 1};
    Result<std::size_t> count = co_await reactor.send(fd, std::span(&piece, 1));
    EXPECT_EQ(count.value_or(0), 1u);
    count = co_await reactor.recv(fd, buffer);
    EXPECT_EQ(count.value_or(0), 1u);
  }
  ++done;
}

Task<void> ping_pong(Reactor& reactor, std::vector<test::SocketPair>& pairs, int& done) {
  for (test::SocketPair& pair : pairs) {
    reactor.spawn(echo(reactor, pair.near.get(), 200));
    reactor.spawn(ping(reactor, pair.far.get(), 200, done));
  }
  for (int waits = 0; done < static_cast<int>(pairs.size()) && waits < 5000; ++waits) {
    co_await reactor.sleep_ms(1);
  }
}

TEST_P(SocketTest, ManyPairsPlayPingPong) {
  std::vector<test::SocketPair> pairs;
  for (int n = 0; n < 50; ++n) {
    pairs.push_back(test::tcp_pair());
    ASSERT_EQ(::fcntl(pairs.back().far.get(), F_SETFL, O_NONBLOCK), 0);
  }
  int done = 0;
  run([&](Reactor& reactor) { return ping_pong(reactor, pairs, done); });
  EXPECT_EQ(done, 50);
}

Task<void> flood(Reactor& reactor, int fd, bool& stop) {
  std::array<std::byte, 1024> buffer{};
  const ::iovec piece{buffer.data(), buffer.size()};
  while (!stop) co_await reactor.send(fd, std::span(&piece, 1));
}
Task<void> sink(Reactor& reactor, int fd, bool& stop) {
  std::vector<std::byte> buffer(limits::kMiB);
  while (!stop) co_await reactor.recv(fd, buffer);
}

Task<void> being_fair(Reactor& reactor, test::SocketPair& pair) {
  bool stop = false;
  reactor.spawn(flood(reactor, pair.near.get(), stop));
  reactor.spawn(sink(reactor, pair.far.get(), stop));
  // Sockets that are always ready must leave turns for timers and messages.
  for (int n = 0; n < 20; ++n) co_await reactor.sleep_ms(1);
  stop = true;
  ::shutdown(pair.near.get(), SHUT_RDWR);
  co_await reactor.sleep_ms(5);
}

TEST_P(SocketTest, ABusySocketDoesNotStarveTimers) {
  test::SocketPair pair = test::tcp_pair();
  ASSERT_EQ(::fcntl(pair.far.get(), F_SETFL, O_NONBLOCK), 0);
  run([&](Reactor& reactor) { return being_fair(reactor, pair); });
}

}  // namespace
}  // namespace sf::io

#include "support/on_reactor.hpp"
#include "support/socket_pair.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/net/connection.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sf::net {
namespace {

using io::Reactor;
using io::Task;
using test::outcome;

constexpr std::uint32_t kPatience = 10'000;

class ConnectionTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(ConnectionTest);

std::unique_ptr<Connection> adopt(Reactor& reactor, test::SocketPair& pair) {
  return std::make_unique<Connection>(reactor, std::move(pair.near), Address{"127.0.0.1", 1});
}

void say(const UniqueFd& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<::ssize_t>(text.size()));
}

Task<void> reading(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  EXPECT_EQ(connection->peer().to_string(), "127.0.0.1:1");
  say(pair.far, "hello");
  Result<ByteSpan> bytes = co_await connection->read(kPatience);
  EXPECT_EQ(bytes ? as_text(*bytes) : "", "hello");
  EXPECT_FALSE(connection->peer_gone());
  say(pair.far, "bye");
  ::shutdown(pair.far.get(), SHUT_WR);
  bytes = co_await connection->read(kPatience);
  EXPECT_EQ(bytes ? as_text(*bytes) : "", "bye");
  bytes = co_await connection->read(kPatience);
  EXPECT_TRUE(bytes && bytes->empty());
  EXPECT_TRUE(connection->peer_gone());
  // A peer that has half-closed still gets its answer.
  Result<> written = co_await connection->write(as_bytes("answer"), kPatience);
  EXPECT_EQ(outcome(written), "ok");
  co_await connection->close(true);
  std::array<char, 16> answer{};
  EXPECT_EQ(::recv(pair.far.get(), answer.data(), answer.size(), MSG_WAITALL), 6);
}

TEST_P(ConnectionTest, ReadsToTheEndAndAnswersAHalfClosedPeer) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return reading(reactor, pair); });
}

Task<std::string> text_or_outcome(Connection& connection, std::uint32_t timeout_ms) {
  Result<ByteSpan> bytes = co_await connection.read(timeout_ms);
  co_return bytes ? std::string(as_text(*bytes)) : outcome(bytes);
}

Task<void> reading_crumbs(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  connection->set_low_water(8);
  EXPECT_EQ(co_await text_or_outcome(*connection, 20), "timed_out");
  say(pair.far, "crumb");
  EXPECT_EQ(co_await text_or_outcome(*connection, 100), "timed_out");
  say(pair.far, "and");
  EXPECT_EQ(co_await text_or_outcome(*connection, kPatience), "crumband");
  say(pair.far, "more");
  EXPECT_EQ(co_await text_or_outcome(*connection, 100), "timed_out");
  connection->set_low_water(1);
  EXPECT_EQ(co_await text_or_outcome(*connection, kPatience), "more");
  connection->set_low_water(8);
  say(pair.far, "last");
  ::shutdown(pair.far.get(), SHUT_WR);
  EXPECT_EQ(co_await text_or_outcome(*connection, kPatience), "last");
  EXPECT_EQ(co_await text_or_outcome(*connection, kPatience), "");
  co_await connection->close(true);
}

TEST_P(ConnectionTest, CrumbsWaitForTheLowWaterOrTheEnd) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return reading_crumbs(reactor, pair); });
}

Task<void> timing_out(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  const std::uint64_t begin = reactor.now_ms();
  Result<ByteSpan> bytes = co_await connection->read(20);
  EXPECT_EQ(outcome(bytes), "timed_out");
  EXPECT_GE(reactor.now_ms() - begin, 19u);
  say(pair.far, "late");  // The connection is as good as before.
  bytes = co_await connection->read(kPatience);
  EXPECT_EQ(bytes ? as_text(*bytes) : "", "late");
  std::array<std::byte, 8> buffer;
  Result<std::size_t> count = co_await connection->read_into(buffer, 20);
  EXPECT_EQ(outcome(count), "timed_out");
  say(pair.far, "later");
  count = co_await connection->read_into(buffer, kPatience);
  EXPECT_EQ(count.value_or(0), 5u);
  co_await connection->close(false);
}

TEST_P(ConnectionTest, ReadsTimeOutAndMayBeRepeated) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return timing_out(reactor, pair); });
}

// A head, a body that goes straight to memory, the next head: as a server does.
Task<void> head_body_head(Reactor& reactor, test::SocketPair& pair, std::size_t body_bytes) {
  auto connection = adopt(reactor, pair);
  Result<ByteSpan> head = co_await connection->read(kPatience);
  EXPECT_TRUE(head && as_text(*head).starts_with("head"));
  const std::size_t early = head ? head->size() - 4 : 0;  // Of the body, with the head.
  std::vector<std::byte> body(body_bytes - early);
  std::size_t got = 0;
  while (got < body.size()) {
    const auto rest = MutableByteSpan(body).subspan(got);
    Result<std::size_t> count = co_await connection->read_into(rest, kPatience);
    EXPECT_EQ(outcome(count), "ok");
    if (!count || *count == 0) break;
    got += *count;
  }
  EXPECT_EQ(got, body.size());
  bool right = true;
  for (std::size_t n = 0; n < body.size(); ++n) {
    right = right && body[n] == static_cast<std::byte>((n + early) * 31);
  }
  EXPECT_TRUE(right);
  Result<ByteSpan> next = co_await connection->read(kPatience);
  EXPECT_EQ(next ? as_text(*next) : "", "next");
  co_await connection->close(false);
}

TEST_P(ConnectionTest, ReadsABodyStraightIntoMemoryBetweenHeads) {
  test::SocketPair pair = test::tcp_pair();
  std::string body(5 * limits::kMiB + 7, '\0');
  for (std::size_t n = 0; n < body.size(); ++n) body[n] = static_cast<char>(n * 31);
  std::thread peer([&] {
    say(pair.far, "head" + body);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    say(pair.far, "next");
  });
  run([&](Reactor& reactor) { return head_body_head(reactor, pair, body.size()); });
  peer.join();
}

Task<void> leftovers(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  say(pair.far, "head");
  Result<ByteSpan> head = co_await connection->read(kPatience);
  EXPECT_EQ(head ? as_text(*head) : "", "head");
  say(pair.far, "bodynext");
  co_await reactor.sleep_ms(5);  // The multishot has both before the body is asked for.
  std::array<std::byte, 4> body;
  Result<std::size_t> count =
      co_await connection->read_into(MutableByteSpan(body).first(1), kPatience);
  EXPECT_EQ(count.value_or(0), 1u);
  count = co_await connection->read_into(MutableByteSpan(body).subspan(1), kPatience);
  EXPECT_EQ(count.value_or(0), 3u);
  EXPECT_EQ(as_text(body), "body");
  Result<ByteSpan> next = co_await connection->read(kPatience);
  EXPECT_EQ(next ? as_text(*next) : "", "next");
  co_await connection->close(false);
}

TEST_P(ConnectionTest, GivesLeftoversToWhoeverReadsNext) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return leftovers(reactor, pair); });
}

// What comes in pieces is given together; what had come before an end of any kind is given first.
Task<void> filling(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  std::vector<std::byte> buffer(100'000);
  std::thread peer([&] {
    for (int n = 0; n < 10; ++n) {
      say(pair.far, std::string(10'000, static_cast<char>('a' + n)));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::size_t got = 0;  // The first call may end with what the multishot receive had.
  for (int calls = 0; got < buffer.size() && calls < 2; ++calls) {
    Result<std::size_t> count =
        co_await connection->fill(MutableByteSpan(buffer).subspan(got), kPatience);
    EXPECT_EQ(outcome(count), "ok");
    got += count.value_or(0);
  }
  peer.join();
  EXPECT_EQ(got, buffer.size());
  EXPECT_EQ(buffer.back(), std::byte{'j'});

  say(pair.far, "part");
  Result<std::size_t> count = co_await connection->fill(buffer, 20);
  EXPECT_EQ(count.value_or(0), 4u) << "before the time-out";
  count = co_await connection->fill(buffer, 20);
  EXPECT_EQ(outcome(count), "timed_out");

  say(pair.far, "some");
  io::Timer timer;
  timer.arm(reactor.timers(), 5, [&] { connection->interrupt_read(); });
  count = co_await connection->fill(buffer, kPatience);
  EXPECT_EQ(count.value_or(0), 4u) << "before the interruption";

  say(pair.far, "end");
  pair.far.reset();
  count = co_await connection->fill(buffer, kPatience);
  EXPECT_EQ(count.value_or(0), 3u) << "before the FIN";
  count = co_await connection->fill(buffer, kPatience);
  EXPECT_EQ(outcome(count), "ok");
  EXPECT_EQ(count.value_or(9), 0u);
  co_await connection->close(false);
}

TEST_P(ConnectionTest, FillsABufferUnlessSomethingEndsTheWait) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return filling(reactor, pair); });
}

std::string taken_from(const io::Pipe& pipe, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t got = 0; got < bytes;) {
    const ::ssize_t count = ::read(pipe.read_end(), out.data() + got, bytes - got);
    if (count <= 0) return out.substr(0, got);
    got += static_cast<std::size_t>(count);
  }
  return out;
}

Task<void> splice_to(Connection& connection, const io::Pipe& pipe,
                     std::optional<Result<std::size_t>>& count) {
  count = co_await connection.splice(pipe, 100, kPatience);
}

// As filling, but into a pipe, which may be full first.
Task<void> splicing(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  const std::uint64_t began_ms = reactor.now_ms();
  Result<io::Pipe> pipe = io::Pipe::make();
  EXPECT_FALSE(connection->can_splice()) << "it may have received already";
  say(pair.far, "x");
  std::array<std::byte, 1> first;
  EXPECT_EQ((co_await connection->read_into(first, kPatience)).value_or(0), 1u);
  EXPECT_TRUE(connection->can_splice());

  std::thread peer([&] {
    for (int n = 0; n < 10; ++n) {
      say(pair.far, std::string(10'000, static_cast<char>('a' + n)));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  Result<std::size_t> count = co_await connection->splice(*pipe, 100'000, kPatience);
  peer.join();
  EXPECT_EQ(count.value_or(0), 100'000u);
  EXPECT_EQ(taken_from(*pipe, 100'000).substr(89'999, 2), "ij");

  say(pair.far, "part");
  count = co_await connection->splice(*pipe, 100, 20);
  EXPECT_EQ(count.value_or(0), 4u) << "before the time-out";
  count = co_await connection->splice(*pipe, 100, 20);
  EXPECT_EQ(outcome(count), "timed_out");

  say(pair.far, "some");
  io::Timer timer;
  timer.arm(reactor.timers(), 5, [&] { connection->interrupt_read(); });
  count = co_await connection->splice(*pipe, 100, kPatience);
  EXPECT_EQ(count.value_or(0), 4u) << "before the interruption";
  timer.arm(reactor.timers(), 5, [&] { connection->interrupt_read(); });
  count = co_await connection->splice(*pipe, 100, kPatience);
  EXPECT_EQ(outcome(count), "cancelled");
  EXPECT_EQ(taken_from(*pipe, 8), "partsome");

  // The interruption finds a wait that ends by itself in the same turn, for bytes are there.
  std::optional<Result<std::size_t>> late;
  reactor.spawn(splice_to(*connection, *pipe, late));
  say(pair.far, "late");
  connection->interrupt_read();
  while (!late) co_await reactor.sleep_ms(1);
  count = *late ? *late : co_await connection->splice(*pipe, 4, kPatience);
  EXPECT_EQ(count.value_or(0), 4u);
  EXPECT_EQ(taken_from(*pipe, 4), "late");
  EXPECT_LT(reactor.now_ms() - began_ms, kPatience) << "the interruption was lost";

  const std::string filler(limits::kStagingBufferBytes, 'f');
  EXPECT_EQ(::write(pipe->write_end(), filler.data(), filler.size()), std::ssize(filler));
  say(pair.far, "end");
  count = co_await connection->splice(*pipe, 100, kPatience);
  EXPECT_EQ(count.value_or(9), 0u) << "it is full";
  pair.far.reset();
  EXPECT_EQ(taken_from(*pipe, filler.size()).size(), filler.size());
  count = co_await connection->splice(*pipe, 100, kPatience);
  EXPECT_EQ(count.value_or(0), 3u) << "before the FIN";
  count = co_await connection->splice(*pipe, 100, kPatience);
  EXPECT_EQ(count.value_or(9), 0u);
  co_await connection->close(false);
}

TEST_P(ConnectionTest, SplicesUntilThePipeIsFullOrSomethingEndsTheWait) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return splicing(reactor, pair); });
}

Task<void> writing(Reactor& reactor, test::SocketPair& pair, const std::string& content,
                   std::size_t piece_bytes) {
  auto connection = adopt(reactor, pair);
  std::vector<ByteSpan> pieces;
  for (std::size_t at = 0; at < content.size(); at += piece_bytes) {
    pieces.push_back(as_bytes(std::string_view(content).substr(at, piece_bytes)));
    pieces.push_back({});  // Empty ones are nothing.
  }
  Result<> written = co_await connection->write(pieces, kPatience);
  EXPECT_EQ(outcome(written), "ok");
  co_await connection->close(true);
}

TEST_P(ConnectionTest, WritesManyPiecesToASlowPeer) {
  test::SocketPair pair = test::tcp_pair(16 * 1024);
  std::string content(4 * limits::kMiB, '\0');
  for (std::size_t n = 0; n < content.size(); ++n) content[n] = static_cast<char>(n * 13);
  std::string got;
  std::thread peer([&] {
    std::vector<char> buffer(100'000);
    for (;;) {
      const ::ssize_t count = ::recv(pair.far.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      got.append(buffer.data(), static_cast<std::size_t>(count));
    }
    pair.far.reset();
  });
  run([&](Reactor& reactor) { return writing(reactor, pair, content, 100'001); });
  peer.join();
  EXPECT_TRUE(got == content);
}

Task<void> giving(Reactor& reactor, test::SocketPair& pair, const std::string& content) {
  auto connection = adopt(reactor, pair);
  ByteSpan rest = as_bytes(content);
  while (!rest.empty()) {
    const std::size_t step = std::min(connection->step(), rest.size());
    EXPECT_TRUE(step <= 240 * limits::kKiB);
    connection->give(rest.first(step));
    rest = rest.subspan(step);
    Result<> flushed = co_await connection->flush(kPatience);
    EXPECT_EQ(outcome(flushed), "ok");
  }
  co_await connection->close(true);
}

TEST_P(ConnectionTest, GivesFramesToASlowPeer) {
  test::SocketPair pair = test::tcp_pair(16 * 1024);
  std::string content(4 * limits::kMiB, '\0');
  for (std::size_t n = 0; n < content.size(); ++n) content[n] = static_cast<char>(n * 13);
  std::string got;
  std::thread peer([&] {
    std::vector<char> buffer(10'000);
    for (;;) {
      const ::ssize_t count = ::recv(pair.far.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      got.append(buffer.data(), static_cast<std::size_t>(count));
    }
    pair.far.reset();
  });
  run([&](Reactor& reactor) { return giving(reactor, pair, content); });
  peer.join();
  EXPECT_TRUE(got == content);
}

Task<void> giving_to_nobody(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  const std::vector<std::byte> block(8 * limits::kMiB);
  EXPECT_FALSE(connection->give(block));
  EXPECT_FALSE(connection->takes_now());
  Result<> flushed = co_await connection->flush(30);
  EXPECT_EQ(outcome(flushed), "timed_out");
  test::reset(pair.far);
  flushed = co_await connection->flush(kPatience);
  EXPECT_EQ(outcome(flushed), "closed");
  EXPECT_FALSE(connection->give(as_bytes("more")));  // Errors are flush's.
  flushed = co_await connection->flush(kPatience);
  EXPECT_EQ(outcome(flushed), "closed");
  co_await connection->close(false);
}

TEST_P(ConnectionTest, GivingToAPeerThatTakesNothingTimesOut) {
  test::SocketPair pair = test::tcp_pair(16 * 1024);
  run([&](Reactor& reactor) { return giving_to_nobody(reactor, pair); });
}

Task<void> stalling(Reactor& reactor, test::SocketPair& pair, int file) {
  auto connection = adopt(reactor, pair);
  const std::vector<std::byte> block(8 * limits::kMiB);
  Result<> written = co_await connection->write(block, 30);
  EXPECT_EQ(outcome(written), "timed_out");
  written = co_await connection->write_file(file, 0, 8 * limits::kMiB, 30);
  EXPECT_EQ(outcome(written), "timed_out");
  co_await connection->close(false);
}

TEST_P(ConnectionTest, WritesToAPeerThatTakesNothingTimeOut) {
  const test::TempDir dir;
  test::write_file(dir.path() / "file", std::string(8 * limits::kMiB, 'x'));
  const UniqueFd file(::open(dir.file("file").c_str(), O_RDONLY | O_CLOEXEC));
  test::SocketPair pair = test::tcp_pair(16 * 1024);
  run([&](Reactor& reactor) { return stalling(reactor, pair, file.get()); });
}

Task<void> file_writing(Reactor& reactor, test::SocketPair& pair, int file, std::size_t bytes) {
  auto connection = adopt(reactor, pair);
  Result<> written = co_await connection->write(as_bytes("head"), kPatience, true);
  EXPECT_EQ(outcome(written), "ok");
  written = co_await connection->write_file(file, 1, bytes - 1, kPatience);
  EXPECT_EQ(outcome(written), "ok");
  written = co_await connection->write_file(file, bytes - 1, 2, kPatience);
  EXPECT_EQ(outcome(written), "corrupt");
  co_await connection->close(true);
}

TEST_P(ConnectionTest, WritesFilesAndSaysWhenTheyAreTooShort) {
  const test::TempDir dir;
  constexpr std::size_t kBytes = limits::kMiB + 17;
  test::write_file(dir.path() / "file", std::string(kBytes, 'f'));
  const UniqueFd file(::open(dir.file("file").c_str(), O_RDONLY | O_CLOEXEC));
  test::SocketPair pair = test::tcp_pair();
  std::size_t got = 0;
  std::thread peer([&] {
    got = test::drain(pair.far.get());
    pair.far.reset();
  });
  run([&](Reactor& reactor) { return file_writing(reactor, pair, file.get(), kBytes); });
  peer.join();
  EXPECT_EQ(got, 4 + kBytes - 1 + 1);
}

Task<void> meeting_a_reset(Reactor& reactor, test::SocketPair& pair) {
  auto connection = adopt(reactor, pair);
  test::reset(pair.far);
  co_await reactor.sleep_ms(2);
  EXPECT_TRUE(connection->peer_gone());
  Result<ByteSpan> bytes = co_await connection->read(kPatience);
  EXPECT_EQ(outcome(bytes), "closed");
  Result<> written = co_await connection->write(as_bytes("x"), kPatience);
  EXPECT_EQ(outcome(written), "closed");
  co_await connection->close(true);
}

TEST_P(ConnectionTest, AResetIsClosed) {
  test::SocketPair pair = test::tcp_pair();
  run([&](Reactor& reactor) { return meeting_a_reset(reactor, pair); });
}

Task<void> read_once(Connection& connection, bool into, std::string& ending) {
  if (into) {
    std::array<std::byte, 8> buffer;
    Result<std::size_t> count = co_await connection.read_into(buffer, kPatience);
    ending = outcome(count);
  } else {
    Result<ByteSpan> bytes = co_await connection.read(kPatience);
    ending = outcome(bytes);
  }
}

Task<void> write_much(Connection& connection, std::string& ending) {
  const std::vector<std::byte> block(8 * limits::kMiB);
  Result<> written = co_await connection.write(block, kPatience);
  ending = outcome(written);
}

Task<void> aborting(Reactor& reactor, test::SocketPair& pair, bool into, bool by_close) {
  auto connection = adopt(reactor, pair);
  std::string reader;
  std::string writer;
  reactor.spawn(read_once(*connection, into, reader));
  reactor.spawn(write_much(*connection, writer));
  co_await reactor.sleep_ms(5);
  EXPECT_EQ(reader + writer, "");
  if (!by_close) {
    connection->abort();
    EXPECT_EQ(reader + writer, "");  // Not from inside.
    co_await reactor.sleep_ms(5);
    EXPECT_EQ(reader + writer, "cancelledcancelled");
    Result<ByteSpan> bytes = co_await connection->read(kPatience);
    EXPECT_EQ(outcome(bytes), "cancelled");
    Result<> written = co_await connection->write(as_bytes("x"), kPatience);
    EXPECT_EQ(outcome(written), "cancelled");
  }
  co_await connection->close(true);
  EXPECT_EQ(reader + writer, "cancelledcancelled");
  EXPECT_EQ(connection->socket(), -1);
  co_await connection->close(true);
}

TEST_P(ConnectionTest, AbortEndsReadsAndWrites) {
  for (const bool into : {false, true}) {
    test::SocketPair pair = test::tcp_pair(16 * 1024);
    run([&](Reactor& reactor) { return aborting(reactor, pair, into, false); });
  }
}

TEST_P(ConnectionTest, CloseEndsReadsAndWrites) {
  for (const bool into : {false, true}) {
    test::SocketPair pair = test::tcp_pair(16 * 1024);
    run([&](Reactor& reactor) { return aborting(reactor, pair, into, true); });
  }
}

Task<void> interrupting(Reactor& reactor, test::SocketPair& pair, bool into) {
  auto connection = adopt(reactor, pair);
  connection->interrupt_read();  // Nobody reads: nothing happens.
  std::string reader;
  reactor.spawn(read_once(*connection, into, reader));
  co_await reactor.sleep_ms(2);
  connection->interrupt_read();
  co_await reactor.sleep_ms(2);
  EXPECT_EQ(reader, "cancelled");
  say(pair.far, "kept");
  reactor.spawn(read_once(*connection, into, reader));
  for (int waits = 0; reader != "ok" && waits < 1000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(reader, "ok");
  Result<> written = co_await connection->write(as_bytes("answer"), kPatience);
  EXPECT_EQ(outcome(written), "ok");
  co_await connection->close(false);
}

TEST_P(ConnectionTest, InterruptEndsAReadAndKeepsTheConnection) {
  for (const bool into : {false, true}) {
    test::SocketPair pair = test::tcp_pair();
    run([&](Reactor& reactor) { return interrupting(reactor, pair, into); });
  }
}

Task<void> rejecting(Reactor& reactor, test::SocketPair& pair, std::uint64_t& took_ms) {
  auto connection = adopt(reactor, pair);
  Result<ByteSpan> some = co_await connection->read(kPatience);
  EXPECT_EQ(outcome(some), "ok");
  Result<> written = co_await connection->write(as_bytes("413"), kPatience);
  EXPECT_EQ(outcome(written), "ok");
  const std::uint64_t begin = reactor.now_ms();
  co_await connection->close(true);
  took_ms = reactor.now_ms() - begin;
}

// A peer in the middle of a body that nobody wants reads our answer, not a reset.
TEST_P(ConnectionTest, LingersUntilThePeerHasReadTheAnswer) {
  test::SocketPair pair = test::tcp_pair();
  std::string answer;
  std::thread peer([&] {
    const std::string body(6 * limits::kMiB, 'b');
    say(pair.far, body);
    std::array<char, 16> buffer{};
    const ::ssize_t count = ::recv(pair.far.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) answer.assign(buffer.data(), static_cast<std::size_t>(count));
    pair.far.reset();
  });
  std::uint64_t took_ms = 0;
  run([&](Reactor& reactor) { return rejecting(reactor, pair, took_ms); });
  peer.join();
  EXPECT_EQ(answer, "413");
  EXPECT_LT(took_ms, limits::kLingerMs);
}

TEST_P(ConnectionTest, LingersNoLongerThanItsBound) {
  test::SocketPair pair = test::tcp_pair();
  say(pair.far, "and then silence");
  std::uint64_t took_ms = 0;
  run([&](Reactor& reactor) { return rejecting(reactor, pair, took_ms); });
  EXPECT_GE(took_ms, limits::kLingerMs - 1);
  EXPECT_LT(took_ms, 3 * limits::kLingerMs);
}

}  // namespace
}  // namespace sf::net

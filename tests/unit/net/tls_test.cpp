#include "support/on_reactor.hpp"
#include "support/socket_pair.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/net/connection.hpp>
#include <streamforge/net/tls.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "openssl.hpp"

namespace sf::net {
namespace {

// The kernel lists what it has once it was asked for it.
TEST(KernelTls, IsFoundWhereTheKernelListsIt) {
  const KernelTls found = probe_kernel_tls();
  std::ifstream list("/proc/sys/net/ipv4/tcp_available_ulp");
  ASSERT_TRUE(list.is_open());
  bool listed = false;
  for (std::string name; list >> name;) listed = listed || name == "tls";
  EXPECT_EQ(found.available, listed);
  EXPECT_EQ(found.why.empty(), listed) << found.why;
}

using io::Reactor;
using io::Task;
using test::outcome;

constexpr std::uint32_t kPatience = 10'000;

class TlsTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(TlsTest);

std::string noise(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

/// One connection over TCP: the near end ours, the far end OpenSSL's client, blocking.
struct Pair {
  explicit Pair(int buffer_bytes = 0, bool kernel = true) : sockets(test::tcp_pair(buffer_bytes)) {
    const auto files = self_signed_certificate(folder.path());
    auto made = TlsContext::make({.certificates = {files.value()}, .kernel = kernel}, 1);
    context = made.value().front();
    client_context.reset(::SSL_CTX_new(::TLS_client_method()));
    client.reset(::SSL_new(client_context.get()));
    ::SSL_set_fd(client.get(), sockets.far.get());
  }
  std::unique_ptr<Connection> adopt(Reactor& reactor) {
    return std::make_unique<Connection>(reactor, std::move(sockets.near), Address{"127.0.0.1", 1},
                                        context);
  }
  void say(std::string_view text) {
    std::size_t written = 0;
    EXPECT_EQ(::SSL_write_ex(client.get(), text.data(), text.size(), &written), 1);
  }
  /// `bytes` of what comes, or fewer at its end.
  std::string hear(std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t total = 0;
    std::size_t got = 0;
    while (total < bytes &&
           ::SSL_read_ex(client.get(), text.data() + total, bytes - total, &got) == 1) {
      total += got;
    }
    text.resize(total);
    return text;
  }
  [[nodiscard]] bool ended_well() const {
    return (::SSL_get_shutdown(client.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

  test::TempDir folder;
  test::SocketPair sockets;
  std::shared_ptr<TlsContext> context;
  SslContextPtr client_context;
  SslPtr client;
};

Task<void> conversing(Reactor& reactor, Pair& pair, const std::string& content, int file,
                      bool kernel) {
  auto connection = pair.adopt(reactor);
  EXPECT_FALSE(connection->secure());
  Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "ok");
  EXPECT_TRUE(connection->secure());
  EXPECT_FALSE(connection->can_splice());
  EXPECT_EQ(connection->kernel_encrypts(), kernel);
  Result<ByteSpan> bytes = co_await connection->read(kPatience);
  EXPECT_EQ(bytes ? as_text(*bytes) : "", "hello");

  const std::string head = "head";
  const ByteSpan head_bytes = as_bytes(head);
  Result<> written = co_await connection->write(head_bytes, kPatience, true);
  EXPECT_EQ(outcome(written), "ok");
  written = co_await connection->write_file(file, 1, content.size() - 1, kPatience);
  EXPECT_EQ(outcome(written), "ok");
  const std::array<ByteSpan, 3> pieces{as_bytes("a"), as_bytes(content), as_bytes("z")};
  written = co_await connection->write(pieces, kPatience);
  EXPECT_EQ(outcome(written), "ok");
  connection->give(as_bytes(content));
  Result<> flushed = co_await connection->flush(kPatience);
  EXPECT_EQ(outcome(flushed), "ok");
  const std::array<ByteSpan, 2> small{as_bytes("at "), as_bytes("once")};
  EXPECT_EQ(connection->write_now(small), 7u);

  std::vector<std::byte> body(content.size());
  Result<std::size_t> got = co_await connection->fill(body, kPatience);
  EXPECT_EQ(got.value_or(0), content.size());
  EXPECT_EQ(as_text(body), content);
  bytes = co_await connection->read(kPatience);
  EXPECT_TRUE(bytes && bytes->empty());  // The peer's close_notify.
  co_await connection->close(true);
}

void converse(test::OnReactor& test, bool kernel) {
  Pair pair(0, kernel);
  const std::string content = noise(3'000'000);
  const std::string path = pair.folder.file("content");
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::write(file.get(), content.data(), content.size()),
            static_cast<::ssize_t>(content.size()));
  std::thread peer([&] {
    ASSERT_EQ(::SSL_connect(pair.client.get()), 1);
    pair.say("hello");
    EXPECT_EQ(pair.hear(4), "head");
    EXPECT_TRUE(pair.hear(content.size() - 1) == content.substr(1));
    EXPECT_TRUE(pair.hear(content.size() + 2) == "a" + content + "z");
    EXPECT_TRUE(pair.hear(content.size()) == content);
    EXPECT_EQ(pair.hear(7), "at once");
    pair.say(content);
    ::SSL_shutdown(pair.client.get());
    EXPECT_EQ(pair.hear(1), "");
    EXPECT_TRUE(pair.ended_well());
  });
  const bool in_kernel = kernel && probe_kernel_tls().available;
  test.run(
      [&](Reactor& reactor) { return conversing(reactor, pair, content, file.get(), in_kernel); });
  peer.join();
}

TEST_P(TlsTest, SaysAndHearsTheSameBytes) { converse(*this, false); }

// Where the kernel refuses, nobody notices.
TEST_P(TlsTest, SaysAndHearsTheSameWhenTheKernelIsAsked) { converse(*this, true); }

Task<void> reading_what_is_cut(Reactor& reactor, Pair& pair) {
  auto connection = pair.adopt(reactor);
  Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "ok");
  std::array<std::byte, 100> body;
  Result<std::size_t> got = co_await connection->fill(body, 50);
  EXPECT_EQ(got.value_or(0), 4u);  // What had come when the time was over.
  got = co_await connection->fill(body, kPatience);
  EXPECT_EQ(got.value_or(0), 4u);  // What had come before the cut.
  got = co_await connection->fill(body, kPatience);
  EXPECT_EQ(outcome(got), "closed");
  co_await connection->close(true);
}

TEST_P(TlsTest, GivesWhatCameBeforeACut) {
  Pair pair;
  std::thread peer([&] {
    ASSERT_EQ(::SSL_connect(pair.client.get()), 1);
    pair.say("this");
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    pair.say("that");
    ::shutdown(pair.sockets.far.get(), SHUT_WR);
    EXPECT_EQ(pair.hear(1), "");
  });
  run([&](Reactor& reactor) { return reading_what_is_cut(reactor, pair); });
  peer.join();
}

Task<void> interrupt_soon(Reactor& reactor, Connection& connection) {
  co_await reactor.sleep_ms(30);
  connection.interrupt_read();
}

Task<void> being_interrupted(Reactor& reactor, Pair& pair) {
  auto connection = pair.adopt(reactor);
  Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "ok");
  reactor.spawn(interrupt_soon(reactor, *connection));
  Result<ByteSpan> bytes = co_await connection->read(kPatience);
  EXPECT_EQ(outcome(bytes), "cancelled");
  const Result<> asked = co_await connection->write(as_bytes("?"), kPatience);
  EXPECT_EQ(outcome(asked), "ok");
  bytes = co_await connection->read(kPatience);  // Nothing was lost by it.
  EXPECT_EQ(bytes ? as_text(*bytes) : "", "!");
  co_await connection->close(true);
}

TEST_P(TlsTest, AReadCanBeInterruptedAndRepeated) {
  Pair pair;
  std::thread peer([&] {
    ASSERT_EQ(::SSL_connect(pair.client.get()), 1);
    EXPECT_EQ(pair.hear(1), "?");
    pair.say("!");
    EXPECT_EQ(pair.hear(1), "");
  });
  run([&](Reactor& reactor) { return being_interrupted(reactor, pair); });
  peer.join();
}

Task<void> writing_to_nobody(Reactor& reactor, Pair& pair, const std::string& content) {
  auto connection = pair.adopt(reactor);
  Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "ok");
  const ByteSpan bytes = as_bytes(content);
  Result<> written = co_await connection->write(bytes, 50);
  EXPECT_EQ(outcome(written), "timed_out");
  EXPECT_FALSE(connection->takes_now());
  EXPECT_EQ(connection->write_now(std::span(&bytes, 1)), 0u);
  const std::uint64_t begun_ms = reactor.now_ms();
  co_await connection->close(false);  // With a record half sent there is nothing to say.
  EXPECT_LT(reactor.now_ms() - begun_ms, limits::kLingerMs);
}

TEST_P(TlsTest, APeerThatTakesNothingIsLeft) {
  Pair pair(4096);
  const std::string content = noise(8'000'000);
  std::thread peer([&] { EXPECT_EQ(::SSL_connect(pair.client.get()), 1); });
  run([&](Reactor& reactor) { return writing_to_nobody(reactor, pair, content); });
  peer.join();
}

Task<void> answering_and_closing(Reactor& reactor, Pair& pair, const std::string& content) {
  auto connection = pair.adopt(reactor);
  Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "ok");
  const ByteSpan bytes = as_bytes(content);
  Result<> written = co_await connection->write(bytes, kPatience);
  EXPECT_EQ(outcome(written), "ok");
  co_await connection->close(true);
}

// Where the kernel encrypts, the last records wait in it when the last call has ended.
TEST_P(TlsTest, ASlowReaderGetsTheEnd) {
  for (const std::size_t size : {1u, 16'384u, 33'000u, 49'152u, 100'000u, 131'072u, 200'001u}) {
    Pair pair(4096);
    const std::string content = noise(size);
    std::thread peer([&] {
      ASSERT_EQ(::SSL_connect(pair.client.get()), 1);
      std::string heard;
      while (heard.size() < size) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        const std::string more = pair.hear(std::min<std::size_t>(size - heard.size(), 8'192));
        if (more.empty()) break;
        heard += more;
      }
      EXPECT_TRUE(heard == content) << heard.size() << " of " << size;
      EXPECT_EQ(pair.hear(1), "");
      EXPECT_TRUE(pair.ended_well()) << size;
    });
    run([&](Reactor& reactor) { return answering_and_closing(reactor, pair, content); });
    peer.join();
  }
}

Task<void> abort_soon(Reactor& reactor, Connection& connection) {
  co_await reactor.sleep_ms(30);
  connection.abort();
}

Task<void> being_aborted(Reactor& reactor, Pair& pair) {
  auto connection = pair.adopt(reactor);
  reactor.spawn(abort_soon(reactor, *connection));
  const Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "cancelled");
  co_await connection->close(true);
}

TEST_P(TlsTest, AHandshakeCanBeAborted) {
  Pair pair;
  run([&](Reactor& reactor) { return being_aborted(reactor, pair); });
}

Task<void> meeting_plain_http(Reactor& reactor, Pair& pair) {
  auto connection = pair.adopt(reactor);
  const Result<> shaken = co_await connection->handshake(kPatience);
  EXPECT_EQ(outcome(shaken), "unsupported");
  EXPECT_FALSE(connection->secure());
  const Result<> written = co_await connection->write(as_bytes("plain"), kPatience);
  EXPECT_EQ(outcome(written), "ok");
  co_await connection->close(true);
}

TEST_P(TlsTest, PlainHttpGetsAPlainWord) {
  Pair pair;
  const std::string_view request = "GET / HTTP/1.1\r\n\r\n";
  ASSERT_GT(::send(pair.sockets.far.get(), request.data(), request.size(), 0), 0);
  ::shutdown(pair.sockets.far.get(), SHUT_WR);
  run([&](Reactor& reactor) { return meeting_plain_http(reactor, pair); });
  std::array<char, 16> text{};
  EXPECT_EQ(::recv(pair.sockets.far.get(), text.data(), text.size(), 0), 5);
}

Task<void> timing_out(Reactor& reactor, Pair& pair) {
  auto connection = pair.adopt(reactor);
  const Result<> shaken = co_await connection->handshake(30);
  EXPECT_EQ(outcome(shaken), "timed_out");
  co_await connection->close(false);
}

TEST_P(TlsTest, ASilentHandshakeEnds) {
  Pair pair;
  run([&](Reactor& reactor) { return timing_out(reactor, pair); });
}

}  // namespace
}  // namespace sf::net

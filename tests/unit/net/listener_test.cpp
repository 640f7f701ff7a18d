#include "support/on_reactor.hpp"

#include <streamforge/net/listener.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>
#include <vector>

namespace sf::net {
namespace {

using io::Reactor;
using io::Task;
using test::outcome;

constexpr std::uint32_t kPatience = 10'000;

class ListenerTest : public test::OnReactor {};
SF_ON_BOTH_BACKENDS(ListenerTest);

UniqueFd dial(const Address& address) {
  ::sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(address.port);
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const ::sockaddr*>(&name), sizeof name), 0);
  return socket;
}

Task<void> echo(std::unique_ptr<Connection> connection, std::vector<std::string>* endings) {
  EXPECT_TRUE(connection->peer().is_loopback());
  EXPECT_NE(connection->peer().port, 0);
  for (;;) {
    Result<ByteSpan> bytes = co_await connection->read(kPatience);
    if (!bytes || bytes->empty()) {
      endings->push_back(outcome(bytes));
      break;
    }
    Result<> written = co_await connection->write(*bytes, kPatience);
    EXPECT_EQ(outcome(written), "ok");
  }
  co_await connection->close(false);
}

struct Served {
  std::vector<std::string> endings;
  UniqueFd socket;
  Address address;

  Served() {
    Result<UniqueFd> bound = listen_tcp({"127.0.0.1", 0});
    EXPECT_TRUE(bound);
    socket = std::move(*bound);
    address = *local_address(socket.get());
  }
  Listener::Handler handler() {
    return [this](std::unique_ptr<Connection> connection) {
      return echo(std::move(connection), &endings);
    };
  }
};

Task<void> ask(Reactor& reactor, const UniqueFd& client, std::string_view text) {
  EXPECT_EQ(::send(client.get(), text.data(), text.size(), 0), static_cast<::ssize_t>(text.size()));
  std::string answer(text.size(), '\0');
  for (int waits = 0; waits < 2000; ++waits) {
    co_await reactor.sleep_ms(1);
    if (::recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT) > 0) break;
  }
  EXPECT_EQ(answer, text);
}

Task<void> serving(Reactor& reactor, Served& served) {
  Listener listener(reactor, std::move(served.socket), served.handler());
  listener.start();
  std::vector<UniqueFd> clients;
  for (int n = 0; n < 20; ++n) clients.push_back(dial(served.address));
  for (const UniqueFd& client : clients) co_await ask(reactor, client, "ping");
  EXPECT_EQ(listener.connections(), 20u);
  clients.resize(5);
  for (int waits = 0; listener.connections() > 5 && waits < 2000; ++waits) {
    co_await reactor.sleep_ms(1);
  }
  EXPECT_EQ(listener.connections(), 5u);
  clients.clear();
  co_await listener.drain(kPatience);
  EXPECT_EQ(listener.connections(), 0u);
  EXPECT_EQ(served.endings, std::vector<std::string>(20, "ok"));
}

TEST_P(ListenerTest, ServesManyAndDrainsWhenTheyLeave) {
  Served served;
  run([&](Reactor& reactor) { return serving(reactor, served); });
}

/// The congestion control of the other end of a connection over loopback, which this process has.
std::string control_at_the_other_end(const UniqueFd& client) {
  ::sockaddr_in wanted{};
  ::socklen_t bytes = sizeof wanted;
  EXPECT_EQ(::getsockname(client.get(), reinterpret_cast<::sockaddr*>(&wanted), &bytes), 0);
  for (int fd = 0; fd < 1024; ++fd) {
    ::sockaddr_in peer{};
    bytes = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<::sockaddr*>(&peer), &bytes) != 0) continue;
    if (peer.sin_family != AF_INET || peer.sin_port != wanted.sin_port) continue;
    char name[16] = {};
    bytes = sizeof name - 1;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &bytes), 0);
    return name;
  }
  return {};
}

Task<void> choosing_control(Reactor& reactor, unsigned near_us, std::string* control) {
  Served served;
  Listener listener(reactor, std::move(served.socket), served.handler());
  listener.use_congestion({.near = "reno", .far = "cubic", .near_us = near_us});
  listener.start();
  UniqueFd client = dial(served.address);
  co_await ask(reactor, client, "ping");
  *control = control_at_the_other_end(client);
  client.reset();
  co_await listener.drain(kPatience);
}

TEST_P(ListenerTest, GivesNearAndFarPeersTheirCongestionControl) {
  std::string control;
  run([&](Reactor& reactor) { return choosing_control(reactor, 10'000'000, &control); });
  EXPECT_EQ(control, "reno");
  if (!Congestion::choose("cubic")) GTEST_SKIP() << "this kernel does not give us cubic";
  run([&](Reactor& reactor) { return choosing_control(reactor, 0, &control); });
  EXPECT_EQ(control, "cubic");
}

Task<void> draining(Reactor& reactor, Served& served) {
  Listener listener(reactor, std::move(served.socket), served.handler());
  listener.start();
  const UniqueFd stays = dial(served.address);
  co_await ask(reactor, stays, "one");
  co_await listener.stop_accepting();
  const UniqueFd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(served.address.port);
  EXPECT_NE(::connect(late.get(), reinterpret_cast<const ::sockaddr*>(&name), sizeof name), 0);
  co_await ask(reactor, stays, "two");  // Those that run go on.
  const std::uint64_t begin = reactor.now_ms();
  co_await listener.drain(50);
  EXPECT_GE(reactor.now_ms() - begin, 49u);
  EXPECT_EQ(served.endings, std::vector<std::string>{"cancelled"});
}

TEST_P(ListenerTest, DrainAbortsThoseWhoStay) {
  Served served;
  run([&](Reactor& reactor) { return draining(reactor, served); });
}

Task<void> never_starting(Reactor& reactor, Served& served) {
  const Listener listener(reactor, std::move(served.socket), served.handler());
  co_return;
}

TEST_P(ListenerTest, MayGoWithoutHavingStarted) {
  Served served;
  run([&](Reactor& reactor) { return never_starting(reactor, served); });
}

}  // namespace
}  // namespace sf::net

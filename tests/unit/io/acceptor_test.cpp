#include "support/on_reactor.hpp"

#include <streamforge/io/receiver.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <string>
#include <vector>

namespace sf::io {
namespace {

using test::outcome;

class AcceptorTest : public test::OnReactor {
 protected:
  void SetUp() override {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::socklen_t bytes = sizeof address_;
    auto* name = reinterpret_cast<::sockaddr*>(&address_);
    ASSERT_EQ(::bind(listener_.get(), name, bytes), 0);
    ASSERT_EQ(::listen(listener_.get(), 100), 0);
    ASSERT_EQ(::getsockname(listener_.get(), name, &bytes), 0);
  }

 public:
  [[nodiscard]] UniqueFd dial() const {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(
        ::connect(socket.get(), reinterpret_cast<const ::sockaddr*>(&address_), sizeof address_),
        0);
    return socket;
  }

 protected:
  UniqueFd listener_;
  ::sockaddr_in address_{};
};
SF_ON_BOTH_BACKENDS(AcceptorTest);

Task<void> accepting(Reactor& reactor, int listener, const AcceptorTest& test) {
  Acceptor acceptor(reactor, listener);
  std::vector<UniqueFd> clients;
  for (int n = 0; n < 50; ++n) clients.push_back(test.dial());
  for (int n = 0; n < 50; ++n) {
    Result<UniqueFd> socket = co_await acceptor.next();
    EXPECT_EQ(outcome(socket), "ok");
    if (!socket) break;
    EXPECT_NE(::fcntl(socket->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(socket->get(), F_GETFD) & FD_CLOEXEC, 0);
  }
  clients.push_back(test.dial());  // Accepted by the kernel's multishot, and never taken.
  co_await reactor.sleep_ms(2);
  co_await acceptor.stop();
  Result<UniqueFd> none = co_await acceptor.next();
  EXPECT_EQ(outcome(none), "cancelled");
}

TEST_P(AcceptorTest, AcceptsManyAndStops) {
  run([&](Reactor& reactor) { return accepting(reactor, listener_.get(), *this); });
}

Task<void> take_all(Acceptor& acceptor, std::vector<UniqueFd>& taken, std::string& ending) {
  for (;;) {
    Result<UniqueFd> socket = co_await acceptor.next();
    if (!socket) {
      ending = outcome(socket);
      co_return;
    }
    taken.push_back(std::move(*socket));
  }
}

Task<void> stopping_a_waiter(Reactor& reactor, int listener) {
  Acceptor acceptor(reactor, listener);
  std::vector<UniqueFd> taken;
  std::string ending;
  reactor.spawn(take_all(acceptor, taken, ending));
  co_await reactor.sleep_ms(2);
  co_await acceptor.stop();
  co_await reactor.sleep_ms(1);
  EXPECT_EQ(ending, "cancelled");
}

TEST_P(AcceptorTest, StopEndsAWait) {
  run([&](Reactor& reactor) { return stopping_a_waiter(reactor, listener_.get()); });
}

/// Lowers the process's limit to what is open now and puts it back.
class FewDescriptors {
 public:
  FewDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const UniqueFd next(::dup(0));
    ::rlimit few = before_;
    few.rlim_cur = static_cast<::rlim_t>(next.get());
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  ::rlimit before_{};
};

Task<void> running_out(Reactor& reactor, int listener, const AcceptorTest& test) {
  Acceptor acceptor(reactor, listener);
  std::vector<UniqueFd> taken;
  std::string ending;
  const UniqueFd client = test.dial();
  {
    const FewDescriptors few;
    reactor.spawn(take_all(acceptor, taken, ending));
    co_await reactor.sleep_ms(150);
    EXPECT_TRUE(taken.empty());
    EXPECT_EQ(ending, "");
  }
  for (int waits = 0; taken.empty() && waits < 1000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(taken.size(), 1u);
  co_await acceptor.stop();
  co_await reactor.sleep_ms(1);
}

TEST_P(AcceptorTest, WaitsOutAShortageOfDescriptors) {
  run([&](Reactor& reactor) { return running_out(reactor, listener_.get(), *this); });
}

}  // namespace
}  // namespace sf::io

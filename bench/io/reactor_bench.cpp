/// What a turn of the reactor costs: a post that comes back, arming and cancelling a timer, and one
/// byte there and back over loopback, on both backends.

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/receiver.hpp>
#include <streamforge/io/timer.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

namespace sf::io {
namespace {

std::unique_ptr<Reactor> make_reactor(BackendKind kind) {
  ReactorConfig config;
  config.backend = kind;
  Result<std::unique_ptr<Reactor>> reactor = Reactor::create(config);
  return reactor ? std::move(*reactor) : nullptr;
}

BackendKind kind_of(benchmark::State& state) {
  const auto kind = static_cast<BackendKind>(state.range(0));
  state.SetLabel(std::string(name_of(kind)));
  return kind;
}

/// A story on a reactor of its own, to the story's end.
template <class Story>
void run(benchmark::State& state, Story story) {
  const std::unique_ptr<Reactor> reactor = make_reactor(kind_of(state));
  if (!reactor) return state.SkipWithError("this backend cannot be had here");
  reactor->post([&] { reactor->spawn(story(*reactor)); });
  reactor->run();
}

struct NextTurn {
  Reactor& reactor;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) const {
    reactor.post([caller] { caller.resume(); });
  }
  void await_resume() const noexcept {}
};

Task<void> post_and_return(Reactor& reactor, benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    NextTurn turn{reactor};
    co_await turn;
  }
  reactor.stop();
}

/// A message to oneself: one turn each.
void post_to_self(benchmark::State& state) {
  run(state, [&](Reactor& reactor) { return post_and_return(reactor, state); });
}

struct ThereAndBack {
  Reactor& home;
  Reactor& other;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) const {
    other.post([this, caller] { home.post([caller] { caller.resume(); }); });
  }
  void await_resume() const noexcept {}
};

Task<void> cross(Reactor& reactor, Reactor& other, benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    ThereAndBack trip{reactor, other};
    co_await trip;
  }
  other.stop();
  reactor.stop();
}

/// A message to another reactor's thread and its answer; both sleep in between.
void post_round_trip(benchmark::State& state) {
  const std::unique_ptr<Reactor> other = make_reactor(kind_of(state));
  if (!other) return state.SkipWithError("this backend cannot be had here");
  std::thread thread([&] { other->run(); });
  run(state, [&](Reactor& reactor) { return cross(reactor, *other, state); });
  thread.join();
}

/// Arming and cancelling one timer among a thousand.
void timer_arm_cancel(benchmark::State& state) {
  TimerWheel wheel(0);
  std::vector<Timer> others(1000);
  std::uint32_t ms = 1;
  for (Timer& timer : others) timer.arm(wheel, ms += 77, [] {});
  Timer timer;
  timer.arm(wheel, 1, [] {});
  for ([[maybe_unused]] auto _ : state) {
    timer.rearm(ms = (ms * 13 + 7) & 0xFFFF);
    benchmark::DoNotOptimize(timer);
    timer.cancel();
  }
}

struct Pair {
  UniqueFd near;
  UniqueFd far;
};

Pair loopback_pair() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t bytes = sizeof address;
  auto* name = reinterpret_cast<::sockaddr*>(&address);
  Pair pair;
  pair.far = UniqueFd(::socket(AF_INET, SOCK_STREAM, 0));
  if (::bind(listener.get(), name, bytes) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), name, &bytes) != 0 ||
      ::connect(pair.far.get(), name, bytes) != 0) {
    return {};
  }
  pair.near = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
  for (const UniqueFd* socket : {&pair.near, &pair.far}) {
    const int on = 1;
    ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return pair;
}

Task<void> echo(Reactor& reactor, int socket) {
  Receiver receiver(reactor, socket);
  for (;;) {
    Result<RecvChunk> chunk = co_await receiver.next();
    if (!chunk || chunk->empty()) break;
    const ::iovec piece{const_cast<std::byte*>(chunk->bytes().data()), chunk->bytes().size()};
    Result<std::size_t> sent = co_await reactor.send(socket, std::span(&piece, 1));
    if (!sent) break;
  }
  co_await receiver.stop();
  reactor.stop();
}

/// One byte to a reactor's receiver and back, from a plain blocking thread.
void loopback_ping_pong(benchmark::State& state) {
  Pair pair = loopback_pair();
  if (!pair.near) return state.SkipWithError("no loopback");
  const std::unique_ptr<Reactor> reactor = make_reactor(kind_of(state));
  if (!reactor) return state.SkipWithError("this backend cannot be had here");
  std::thread server([&] {
    reactor->post([&] { reactor->spawn(echo(*reactor, pair.near.get())); });
    reactor->run();
  });
  char byte = 'x';
  for ([[maybe_unused]] auto _ : state) {
    if (::send(pair.far.get(), &byte, 1, 0) != 1 || ::recv(pair.far.get(), &byte, 1, 0) != 1) {
      state.SkipWithError("the peer is gone");
      break;
    }
  }
  pair.far.reset();
  server.join();
}

void both(benchmark::internal::Benchmark* bench) {
  bench->Arg(static_cast<int>(BackendKind::kUring))->Arg(static_cast<int>(BackendKind::kEpoll));
}

BENCHMARK(post_to_self)->Apply(both);
BENCHMARK(post_round_trip)->Apply(both)->UseRealTime();
BENCHMARK(timer_arm_cancel);
BENCHMARK(loopback_ping_pong)->Apply(both)->UseRealTime();

}  // namespace
}  // namespace sf::io

BENCHMARK_MAIN();

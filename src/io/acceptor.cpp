#include "shot_driver.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/io/receiver.hpp>
#include <streamforge/io/timer.hpp>

#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

namespace sf::io {

namespace {

constexpr std::uint64_t kSayAgainMs = 60'000;

/// Out of descriptors or memory: waited out, for it is nobody's fault that asks here.
bool is_shortage(int sys) noexcept {
  return sys == EMFILE || sys == ENFILE || sys == ENOBUFS || sys == ENOMEM;
}

/// Errors of a connection that died before it was accepted, accept(2): the next one is as good.
bool is_of_the_connection(int sys) noexcept {
  switch (sys) {
    case ECONNABORTED:
    case EAGAIN:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Acceptor::Impl : ShotDriver {
  Impl(Reactor& home, int listener)
      : ShotDriver(home.backend_impl(), Kind::kAccept, listener, &Impl::on_accept), reactor(home) {}

  Reactor& reactor;
  std::deque<UniqueFd> queue;
  Timer retry;
  std::uint64_t said_ms = 0;
  std::int32_t error = 0;
  bool stopped = false;

  static void on_accept(Completion* self, std::int32_t result, std::uint32_t flags) {
    auto* impl = static_cast<Impl*>(self);
    if (result >= 0) impl->queue.emplace_back(result);
    if ((flags & kMore) != 0) return impl->wake_waiter();
    impl->armed = false;
    if (result < 0 && !impl->stopped) impl->recover(-result);
    impl->wake_both();
  }

  void recover(int sys) {
    if (is_of_the_connection(sys)) return;  // `next` arms again.
    if (!is_shortage(sys)) {
      error = sys;
      return;
    }
    const std::uint64_t now = reactor.now_ms();
    if (said_ms == 0 || now - said_ms >= kSayAgainMs) {
      said_ms = now;
      log::warn("io", "cannot accept connections; trying again until it passes",
                {{"error", std::strerror(sys)}, {"hint", "raise the limit of open files"}});
    }
    retry.arm(reactor.timers(), limits::kAcceptRetryMs, [this] { wake_waiter(); });
  }
};

Acceptor::Acceptor(Reactor& reactor, int listener)
    : impl_(std::make_unique<Impl>(reactor, listener)) {}

Acceptor::~Acceptor() { SF_ASSERT(!impl_->armed && !impl_->waiter && !impl_->stopper); }

Task<Result<UniqueFd>> Acceptor::next() {
  for (;;) {
    if (impl_->stopped) co_return fail(ErrorCode::kCancelled, "accept: stopped");
    if (!impl_->queue.empty()) {
      UniqueFd socket = std::move(impl_->queue.front());
      impl_->queue.pop_front();
      co_return socket;
    }
    if (impl_->error != 0) co_return fail_errno(impl_->error, "accept");
    if (!impl_->armed && !impl_->retry.armed()) impl_->arm();
    ShotDriver::Until until{impl_->waiter};
    co_await until;
  }
}

Task<void> Acceptor::stop() {
  impl_->stopped = true;
  impl_->retry.cancel();
  impl_->disarm();
  while (impl_->armed) {
    ShotDriver::Until until{impl_->stopper};
    co_await until;
  }
  impl_->queue.clear();
  impl_->wake_waiter();
}

}  // namespace sf::io

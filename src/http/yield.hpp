#pragma once

#include <streamforge/io/reactor.hpp>

#include <coroutine>

namespace sf::http {

/// `co_await` a local of this type: the reactor's other work runs first.
struct Yield {
  io::Reactor& reactor;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    reactor.post([waiter] { waiter.resume(); });
  }
  void await_resume() const noexcept {}
};

}  // namespace sf::http

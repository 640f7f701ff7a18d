#pragma once

/// Moves the calling coroutine to another reactor: `co_await hop_to(home)`. What follows runs
/// there. The target must outlive the hop.

#include <streamforge/io/reactor.hpp>

#include <coroutine>

namespace sf::transcode {

struct HopTo {
  io::Reactor& target;
  bool await_ready() const noexcept { return io::Reactor::current_or_null() == &target; }
  void await_suspend(std::coroutine_handle<> traveller) const {
    target.post([traveller] { traveller.resume(); });
  }
  void await_resume() const noexcept {}
};
inline HopTo hop_to(io::Reactor& target) noexcept { return HopTo{target}; }

}  // namespace sf::transcode

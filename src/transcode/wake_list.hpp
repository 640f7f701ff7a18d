#pragma once

/// Coroutines that wait for something that has a name: `co_await list.wait(id)` sleeps until
/// `wake(id)`, and goes on in a turn of its own. One reactor's thread.

#include <streamforge/io/reactor.hpp>

#include <coroutine>
#include <string>
#include <utility>
#include <vector>

namespace sf::transcode {

class WakeList {
 public:
  explicit WakeList(io::Reactor& home) : home_(home) {}
  WakeList(const WakeList&) = delete;

  struct Waiting {
    WakeList& list;
    const std::string& name;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const {
      list.waiters_.emplace_back(name, waiter);
    }
    void await_resume() const noexcept {}
  };
  /// `name` must live until it resumes.
  [[nodiscard]] Waiting wait(const std::string& name) { return {*this, name}; }

  void wake(const std::string& name) {
    std::erase_if(waiters_, [&](const auto& entry) {
      if (entry.first != name) return false;
      home_.post([waiter = entry.second] { waiter.resume(); });
      return true;
    });
  }

 private:
  io::Reactor& home_;
  std::vector<std::pair<std::string, std::coroutine_handle<>>> waiters_;
};

}  // namespace sf::transcode

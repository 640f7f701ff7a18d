#pragma once

/// Looks after uploads nobody asks for: once at start finishes those whose last byte is durable but
/// whose video was not queued before a crash, then removes expired ones, again and again.

#include <streamforge/io/reactor.hpp>
#include <streamforge/io/timer.hpp>

#include <atomic>
#include <coroutine>

namespace sf::tus {

struct Context;

/// Lives on the reactor that started it.
class Sweeper {
 public:
  explicit Sweeper(Context& context) noexcept : context_(context) {}
  Sweeper(const Sweeper&) = delete;

  /// On a reactor, at most once.
  void start();
  /// From any one reactor; at once when never started.
  io::Task<void> stop();

 private:
  class Pause;
  io::Task<void> run();
  io::Task<void> pass();
  void wake();

  Context& context_;
  io::Reactor* home_ = nullptr;  ///< Set once, before any other thread may stop it.
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{true};
  // Home's thread only.
  bool first_pass_ = true;
  io::Timer timer_;
  std::coroutine_handle<> sleeper_;
};

}  // namespace sf::tus

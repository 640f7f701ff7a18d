#pragma once

/// Makes one file of a final upload's parts, in the background and one final at a time, and then
/// finishes it as if its last byte had just arrived. What a crash or a shutdown interrupts is begun
/// again at the next start (sweeper).

#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>

#include <atomic>
#include <deque>
#include <string>

namespace sf::tus {

struct Context;

/// Lives on the reactor that started it.
class Assembler {
 public:
  explicit Assembler(Context& context) noexcept : context_(context) {}
  Assembler(const Assembler&) = delete;

  /// On a reactor, at most once, before anything is submitted from it.
  void start() noexcept { home_ = &io::Reactor::current(); }
  /// From any reactor; once for each final. Before `start` it is left to the next start's sweep.
  void submit(std::string id);

 private:
  io::Task<void> run();
  io::Task<void> assemble(std::string id);

  Context& context_;
  std::atomic<io::Reactor*> home_{nullptr};
  // Home's thread only.
  std::deque<std::string> waiting_;
  bool running_ = false;
};

}  // namespace sf::tus

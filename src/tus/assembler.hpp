#pragma once

/// Makes one file of a final upload's parts, in the background and one final at a time, and then
/// finishes it as if its last byte had just arrived. What a crash or a shutdown interrupts is begun
/// again at the next start (sweeper).

#include <streamforge/io/task.hpp>

#include <deque>
#include <mutex>
#include <string>

namespace sf::tus {

struct Context;

class Assembler {
 public:
  explicit Assembler(Context& context) noexcept : context_(context) {}
  Assembler(const Assembler&) = delete;

  /// On any reactor; once for each final. The work runs on whichever reactor finds none running.
  void submit(std::string id);

 private:
  io::Task<void> run();
  io::Task<void> assemble(std::string id);

  Context& context_;
  std::mutex mutex_;
  std::deque<std::string> waiting_;  ///< Guarded by mutex_.
  bool running_ = false;             ///< Guarded by mutex_.
};

}  // namespace sf::tus

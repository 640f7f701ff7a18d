#pragma once

/// Makes one file of a final upload's parts once each has all its bytes, in the background and one
/// final at a time, and then finishes it as if its last byte had just arrived. What a crash or a
/// shutdown interrupts is begun again at the next start (sweeper).

#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/records.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>

namespace sf::tus {

struct Context;

/// Lives on the reactor that started it.
class Assembler {
 public:
  explicit Assembler(Context& context) noexcept : context_(context) {}
  Assembler(const Assembler&) = delete;

  /// On a reactor, at most once, before anything is submitted from it.
  void start() noexcept { home_ = &io::Reactor::current(); }
  // From any reactor. Before `start` all is left to the first sweep.
  /// A new final, or one that a restart found.
  void submit(std::string id);
  /// A partial upload has got its last byte, or is no more. The finals that waited for it are
  /// looked at again; one that can never be made is removed.
  void part_ended(std::string id);

 private:
  enum class Gathered : std::uint8_t { kAll, kSomeMissing, kNever };

  void add(std::string id);
  io::Task<void> run();
  io::Task<void> assemble(std::string id);
  io::Task<Result<Gathered>> gather(store::Upload& upload);
  void await_no_more(const std::string& part, const std::string& upload);

  Context& context_;
  std::atomic<io::Reactor*> home_{nullptr};
  // Home's thread only.
  std::deque<std::string> waiting_;
  std::unordered_map<std::string, std::set<std::string>> awaited_;  ///< Part: finals that need it.
  bool running_ = false;
};

}  // namespace sf::tus

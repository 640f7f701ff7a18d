#pragma once

/// A reactor for a command of the terminal: runs one coroutine to its end on the calling thread,
/// with a pool for calls that block, and hears SIGINT, SIGTERM and SIGHUP.

#include <streamforge/io/offload.hpp>
#include <streamforge/io/reactor.hpp>

#include <atomic>
#include <functional>
#include <string_view>

namespace sf::transcode {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitInterrupted = 130;

struct Session {
  io::Reactor& home;
  io::OffloadPool& pool;
  std::atomic<bool> interrupted{false};  ///< For loops on the pool.
  std::function<void()> on_interrupt;  ///< On the reactor, once. A second signal ends the process.
};

/// One line on stderr: why the command failed.
void complain(std::string_view message);

/// Returns what `work` gives; 1, with a line on stderr, when there can be no reactor.
int run_session(io::BackendKind backend, const std::function<io::Task<int>(Session&)>& work);

}  // namespace sf::transcode

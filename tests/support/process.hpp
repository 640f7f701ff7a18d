#pragma once

/// Programs run by tests. Every child dies with the test's thread that started it, so a crashed or
/// killed test leaves nothing behind.

#include <streamforge/base/unique_fd.hpp>

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sf::test {

/// One running child; killed and reaped at the end of its life.
class Process {
 public:
  struct Streams {
    int in = -1;   ///< -1: /dev/null.
    int out = -1;  ///< -1: inherited.
    int err = -1;  ///< -1: inherited.
  };
  using Environment = std::vector<std::pair<std::string, std::string>>;

  /// argv[0] is looked up in PATH. Throws when the child cannot be made; a program that does not
  /// exist exits with 127.
  explicit Process(const std::vector<std::string>& argv, Streams streams,
                   const Environment& added_environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;
  /// The exit status (128 + number when a signal ended it), or nothing when it still runs after
  /// `timeout_ms`. May be asked again.
  [[nodiscard]] std::optional<int> wait(unsigned timeout_ms);

 private:
  pid_t pid_ = -1;
  UniqueFd handle_;  ///< pidfd: waiting with a bound, without signal handlers.
  std::optional<int> status_;
};

struct ProgramOutput {
  int exit = -1;  ///< -1: killed after its time was up.
  std::string out;
  std::string err;
};

struct ProgramOptions {
  unsigned timeout_ms = 60'000;
  std::string input;  ///< What it reads on stdin.
  Process::Environment environment;
};

/// Runs a program to its end and returns all that it wrote.
[[nodiscard]] ProgramOutput run_program(const std::vector<std::string>& argv,
                                        const ProgramOptions& options = {});

}  // namespace sf::test

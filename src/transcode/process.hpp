#pragma once

/// A worker process: our own binary with the verb `worker`, its stdin the command socket, its
/// stdout and stderr pipes to us. Owned by one thread, which must live as long as the process: the
/// kernel kills a worker when the thread that started it ends (PR_SET_PDEATHSIG).

#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sf::transcode {

struct ProcessOptions {
  std::string program;                 ///< Empty: this program.
  int cpu = -1;                        ///< Pin to this core; -1 leaves it free.
  int nice = 0;                        ///< 0: as we are.
  bool idle_class = false;             ///< SCHED_IDLE: runs when nothing else wants the core.
  bool awaited = false;                ///< Somebody waits: SCHED_OTHER, else SCHED_BATCH.
  std::uint64_t memory_bytes_max = 0;  ///< RLIMIT_DATA; 0: none. Not applied under sanitizers.
};

/// How a process ended.
struct ProcessEnd {
  bool by_signal = false;
  int code = 0;  ///< Exit status, or the signal.
  /// For a person: "ended by signal 11 (Segmentation fault)".
  [[nodiscard]] std::string in_words() const;
};

/// A look at a running process: /proc/{pid}/stat.
struct ProcessState {
  char letter = '?';  ///< R, S, D, T (stopped), t (traced), Z…
  std::uint64_t cpu_ms = 0;
};

class Process {
 public:
  /// kIo and kNotFound say what could not be done. Descriptors other than the three are closed in
  /// the child; signals reach it blocked: it unblocks them when it has its handlers.
  static Result<Process> start(const ProcessOptions& options);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();  ///< Kills and reaps it when that has not been done.

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Readable when the process has ended.
  [[nodiscard]] int exit_handle() const noexcept { return handle_.get(); }
  [[nodiscard]] int output() const noexcept { return output_.get(); }  ///< Non-blocking.
  [[nodiscard]] int errors() const noexcept { return errors_.get(); }  ///< Non-blocking.

  /// One packet and its descriptors, at once or not at all: kUnavailable when its queue is full,
  /// kClosed when it no longer listens.
  Result<> send(std::string_view packet, std::span<const int> descriptors) const;
  /// Ends the worker's stdin: it finishes and exits.
  void close_commands() noexcept { commands_.reset(); }
  void signal(int number) const noexcept;
  /// Lets it use `cpu_ms` more processor time than it has used (RLIMIT_CPU, rounded up to seconds).
  void allow_cpu_ms(std::uint64_t cpu_ms) const noexcept;
  /// The most it may write into one file (RLIMIT_FSIZE).
  void allow_file_bytes(std::uint64_t bytes) const noexcept;
  [[nodiscard]] std::optional<ProcessState> state() const;
  /// How it ended; nullopt while it runs. Does not wait.
  [[nodiscard]] std::optional<ProcessEnd> reap() noexcept;

 private:
  Process() noexcept = default;
  pid_t pid_ = -1;
  UniqueFd handle_;
  UniqueFd commands_;
  UniqueFd output_;
  UniqueFd errors_;
  std::optional<ProcessEnd> end_;
};

}  // namespace sf::transcode

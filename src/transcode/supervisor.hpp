#pragma once

/// Keeps worker processes alive and gives them tasks. One reactor's thread, which is the one that
/// starts them and must outlive them. A worker that crashes, hangs or exceeds a limit is replaced
/// with growing pauses; its task comes back with what happened, in words.

#include "process.hpp"
#include "protocol.hpp"
#include "video_log.hpp"

#include <streamforge/io/gate.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/transcode/scheduler.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sf::transcode {

struct TaskSpec {
  Command command;               ///< `task` is filled in by `run`.
  std::vector<int> descriptors;  ///< Source, plan, outputs; must live until `run` ends.
  std::function<void(double)> on_progress;
  /// An index pass of a source that still arrives has used all there is; so many bytes of its index
  /// are in the output, which stay until `grow`. Or a file is joined, and `feed` is due.
  std::function<void(std::uint64_t)> on_waiting;
};

/// How a task ended.
enum class TaskEnd : std::uint8_t {
  kDone,
  kReported,   ///< The engine said no, in words for the person who uploaded the file.
  kCancelled,  ///< By us: `cancel` or `stop`.
  kCrashed,    ///< The worker died.
  kHung,       ///< No sign of life for limits::kWorkerSilenceMs; killed.
  kLimit,      ///< Out of its memory or processor time.
};

struct TaskReport {
  TaskEnd end = TaskEnd::kDone;
  std::vector<SegmentOutput> outputs;  ///< kDone: one for each output descriptor.
  Error error;                         ///< Else: why.
  std::uint64_t wall_ms = 0;
};

class Supervisor {
 public:
  struct Timing {
    std::uint32_t silence_ms;   ///< No event for this long: hung.
    std::uint32_t stop_ms;      ///< SIGTERM to SIGKILL.
    std::uint32_t watch_ms;     ///< Between looks.
    std::uint32_t back_off_ms;  ///< First pause before a replacement; doubles up to 30 s.
    Timing();
  };

  Supervisor(io::Reactor& home, WorkerOptions options, VideoLog& log, Timing timing = Timing());
  ~Supervisor();  ///< `stop` must have been awaited, unless `start` never was called.
  Supervisor(const Supervisor&) = delete;

  /// `on_idle` is called whenever a worker can take a task.
  void start(std::function<void(unsigned worker)> on_idle);
  /// Ends tasks in flight (kCancelled) and all workers; they get `stop_ms` to end by themselves.
  io::Task<void> stop();

  /// Ordinary workers come first, urgent ones behind them, then followers.
  [[nodiscard]] unsigned count() const noexcept;
  [[nodiscard]] WorkerRole role(unsigned worker) const noexcept;
  [[nodiscard]] bool idle(unsigned worker) const noexcept;
  [[nodiscard]] pid_t pid(unsigned worker) const noexcept;  ///< -1 while there is none.
  /// Why a worker could not be started the last time; empty once one was ready since.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }

  /// The worker must be idle.
  io::Task<TaskReport> run(unsigned worker, TaskSpec spec);
  /// Answers a worker that waits for more of its source.
  void grow(unsigned worker, Arrived arrived);
  /// Answers a worker that waits for segments to join: a letter of `tracks` for each.
  void feed(unsigned worker, std::string tracks, bool whole, std::span<const int> segments);
  /// Ends the task this worker is at. Its `run` gives kCancelled.
  void cancel(unsigned worker);
  /// Makes workers close the source of `video`, which is going away.
  void forget(const std::string& video);

 private:
  struct Slot;
  io::Task<void> live(Slot& slot);
  io::Task<void> serve_one(Slot& slot);
  io::Task<void> read_events(Slot& slot);
  io::Task<void> read_errors(Slot& slot);
  io::Task<void> pause(Slot& slot, std::uint32_t ms);
  void hear(Slot& slot, std::string_view line);
  void say(Slot& slot, std::string_view line);
  void watch(Slot& slot);
  void kill(Slot& slot, TaskEnd as, std::string why);
  void answer(Slot& slot, Command command, std::span<const int> descriptors);
  void end_task(Slot& slot, TaskReport report);
  void end_by_death(Slot& slot, const ProcessEnd& end);

  io::Reactor& home_;
  const WorkerOptions options_;
  const Timing timing_;
  VideoLog& log_;
  std::function<void(unsigned)> on_idle_;
  std::vector<std::unique_ptr<Slot>> slots_;
  io::Gate gate_;
  std::uint64_t task_number_ = 0;
  std::string trouble_;
  bool stopping_ = false;
};

}  // namespace sf::transcode

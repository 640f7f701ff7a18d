#include "supervisor.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/base/metrics.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace sf::transcode {
namespace {

constexpr std::uint64_t kTaskCpuMsMax = 10 * 60'000;  // Ordinary tasks use seconds.
constexpr std::uint64_t kTaskFileBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kTaskLogBytesMax = 64 * limits::kKiB;
constexpr std::size_t kLineBytesMax = 4 * limits::kKiB;
constexpr std::uint32_t kBackOffMsMax = 30'000;
constexpr std::uint64_t kHealthyMs = 10'000;  // A worker that lived so long starts afresh at once.
constexpr std::uint32_t kLingerMs = 2'000;    // For a dead worker's pipes.
// A worker that gets no processor, or waits for a slow disk, is not hung; but not for ever.
constexpr unsigned kStarvationFactor = 10;

metrics::Counter& task_counter(TaskEnd end) {
  constexpr std::array<std::string_view, 6> kNames = {"done",    "failed", "cancelled",
                                                      "crashed", "hung",   "limit"};
  return metrics::counter("streamforge_transcode_tasks_total", "Worker tasks by how they ended",
                          {{"end", kNames[static_cast<std::size_t>(end)]}});
}

std::size_t outputs_expected(const Command& command) {
  return command.kind == TaskKind::kVideo ? command.rungs.size() : 1;
}

}  // namespace

Supervisor::Timing::Timing()
    : silence_ms(limits::kWorkerSilenceMs), stop_ms(3'000), watch_ms(1'000), back_off_ms(200) {}

struct Supervisor::Slot {
  Slot(unsigned number, WorkerRole what) : index(number), role(what) {}

  const unsigned index;
  const WorkerRole role;

  std::optional<Process> process;
  std::optional<io::Gate> readers;
  bool ready = false;
  bool was_ready = false;
  bool terminating = false;
  std::uint64_t terminate_ms = 0;
  std::optional<TaskReport> verdict;  // Why we killed it.
  std::uint64_t heard_ms = 0;
  std::uint64_t marked_ms = 0;  // heard_ms when cpu_mark_ms was taken.
  std::uint64_t cpu_mark_ms = 0;
  io::Timer watchdog;
  io::Timer pause_timer;
  std::coroutine_handle<> pause_waiter;

  // The task in hand.
  bool busy = false;
  bool cancelled = false;
  Command command;
  std::function<void(double)> on_progress;
  std::function<void(std::uint64_t)> on_waiting;
  bool waiting = false;  // For us: its silence means nothing.
  std::uint64_t began_ms = 0;
  TaskReport report;
  bool reported = false;
  std::coroutine_handle<> task_waiter;
  std::size_t log_bytes = 0;
  std::string last_video;
};

Supervisor::Supervisor(io::Reactor& home, WorkerOptions options, VideoLog& log, Timing timing)
    : home_(home), options_(std::move(options)), timing_(timing), log_(log) {
  const auto add = [this](unsigned count, WorkerRole role) {
    for (unsigned i = 0; i < count; ++i) {
      slots_.push_back(std::make_unique<Slot>(static_cast<unsigned>(slots_.size()), role));
    }
  };
  add(options_.workers, WorkerRole::kOrdinary);
  add(options_.urgent_workers, WorkerRole::kUrgent);
  add(options_.followers, WorkerRole::kFollower);
}

Supervisor::~Supervisor() = default;

unsigned Supervisor::count() const noexcept { return static_cast<unsigned>(slots_.size()); }
WorkerRole Supervisor::role(unsigned worker) const noexcept { return slots_[worker]->role; }
bool Supervisor::idle(unsigned worker) const noexcept {
  const Slot& slot = *slots_[worker];
  return slot.ready && !slot.busy && !slot.terminating && !stopping_;
}
pid_t Supervisor::pid(unsigned worker) const noexcept {
  const Slot& slot = *slots_[worker];
  return slot.process ? slot.process->pid() : -1;
}

void Supervisor::start(std::function<void(unsigned)> on_idle) {
  on_idle_ = std::move(on_idle);
  for (auto& slot : slots_) home_.spawn(live(*slot));
}

io::Task<void> Supervisor::stop() {
  stopping_ = true;
  for (auto& slot : slots_) {
    if (slot->pause_waiter) {
      slot->pause_timer.cancel();
      home_.post([waiter = std::exchange(slot->pause_waiter, nullptr)] { waiter.resume(); });
    }
    if (!slot->process) continue;
    slot->cancelled = true;
    slot->terminating = true;
    slot->terminate_ms = home_.now_ms();
    slot->process->signal(SIGTERM);
    slot->process->signal(SIGCONT);  // A stopped one could not end in order.
    slot->process->close_commands();
  }
  co_await gate_.close();
}

io::Task<void> Supervisor::live(Slot& slot) {
  const auto pass = gate_.enter();
  std::uint32_t back_off_ms = timing_.back_off_ms;
  while (!stopping_) {
    ProcessOptions options;
    options.program = options_.program;
    // A viewer waits for urgent ones, and for what followers find: they take the core that is free,
    // and a share of it like everybody's.
    options.awaited = slot.role != WorkerRole::kOrdinary;
    if (!options_.cpus.empty() && !options.awaited) {
      options.cpu = options_.cpus[slot.index % options_.cpus.size()];
    }
    options.nice = options.awaited ? 0 : options_.nice;
    options.idle_class = options_.idle_class && slot.role == WorkerRole::kOrdinary;
    options.memory_bytes_max = options_.memory_bytes_max;
    auto started = Process::start(options);
    const std::uint64_t began_ms = home_.now_ms();
    if (started) {
      slot.process.emplace(std::move(*started));
      co_await serve_one(slot);
      if (slot.terminating && slot.cancelled) back_off_ms = 0;  // We ended it.
    } else {
      trouble_ = started.error().message;
      log::error("transcode", "a worker cannot be started",
                 {{"worker", slot.index}, {"reason", trouble_}});
    }
    if (stopping_) break;
    if (home_.now_ms() - began_ms >= kHealthyMs) back_off_ms = 0;
    if (back_off_ms > 0) co_await pause(slot, back_off_ms);
    back_off_ms = std::clamp(back_off_ms * 2, timing_.back_off_ms, kBackOffMsMax);
  }
}

// One worker's life, from start to its end.
io::Task<void> Supervisor::serve_one(Slot& slot) {
  static metrics::Counter& starts =
      metrics::counter("streamforge_transcode_worker_starts_total", "Worker processes started");
  starts.add();
  slot.ready = slot.was_ready = slot.terminating = slot.cancelled = false;
  slot.verdict.reset();
  slot.heard_ms = home_.now_ms();
  slot.marked_ms = 0;
  slot.readers.emplace();
  home_.spawn(read_events(slot));
  home_.spawn(read_errors(slot));
  slot.watchdog.arm(home_.timers(), timing_.watch_ms, [this, &slot] { watch(slot); });

  std::optional<ProcessEnd> end;
  while (!end) {
    (void)co_await home_.poll(slot.process->exit_handle(), POLLIN);
    end = slot.process->reap();
  }
  slot.watchdog.cancel();
  slot.ready = false;
  // What it said last is still in its pipes; nobody else should hold their other ends.
  slot.watchdog.arm(home_.timers(), kLingerMs, [this, &slot] {
    home_.cancel(slot.process->output());
    home_.cancel(slot.process->errors());
  });
  co_await slot.readers->close();
  slot.watchdog.cancel();
  slot.readers.reset();

  const bool expected = slot.terminating || stopping_;
  if (!expected && !slot.was_ready) {
    trouble_ = concat("a worker ended before it was ready: ", end->in_words());
  }
  if (!expected || end->by_signal) {
    const std::string how = end->in_words();
    log::warn("transcode", "a worker ended",
              {{"worker", slot.index}, {"how", how}, {"video", slot.last_video}});
  }
  if (slot.busy) end_by_death(slot, *end);
  slot.process.reset();
}

io::Task<void> Supervisor::pause(Slot& slot, std::uint32_t ms) {
  struct Waiting {
    Supervisor& self;
    Slot& slot;
    std::uint32_t ms;
    bool await_ready() const noexcept { return self.stopping_; }
    void await_suspend(std::coroutine_handle<> waiter) const {
      slot.pause_waiter = waiter;
      slot.pause_timer.arm(self.home_.timers(), ms,
                           [&slot = slot] { std::exchange(slot.pause_waiter, nullptr).resume(); });
    }
    void await_resume() const noexcept {}
  };
  Waiting waiting{*this, slot, ms};
  co_await waiting;
}

io::Task<void> Supervisor::read_events(Slot& slot) {
  const auto pass = slot.readers->enter();
  std::vector<std::byte> chunk(16 * limits::kKiB);
  std::string line;
  for (;;) {
    const auto got = co_await home_.read(slot.process->output(), chunk);
    if (!got || *got == 0) break;
    std::string_view text = as_text(ByteSpan(chunk).first(*got));
    while (!text.empty()) {
      const auto newline = text.find('\n');
      line += text.substr(0, newline);
      if (line.size() > kMessageBytesMax) {
        kill(slot, TaskEnd::kCrashed, "it sent an event without end");
        line.clear();
      }
      if (newline == std::string_view::npos) break;
      hear(slot, line);
      line.clear();
      text.remove_prefix(newline + 1);
    }
  }
}

io::Task<void> Supervisor::read_errors(Slot& slot) {
  const auto pass = slot.readers->enter();
  std::vector<std::byte> chunk(4 * limits::kKiB);
  std::string line;
  for (;;) {
    const auto got = co_await home_.read(slot.process->errors(), chunk);
    if (!got || *got == 0) break;
    std::string_view text = as_text(ByteSpan(chunk).first(*got));
    while (!text.empty()) {
      const auto newline = text.find('\n');
      if (line.size() < kLineBytesMax) line += text.substr(0, newline);
      if (newline == std::string_view::npos) break;
      say(slot, line);
      line.clear();
      text.remove_prefix(newline + 1);
    }
  }
  if (!line.empty()) say(slot, line);
}

void Supervisor::hear(Slot& slot, std::string_view line) {
  if (slot.verdict)
    return;  // It is being killed; what it still says, even "done", is not believed.
  auto event = parse_event(line);
  if (!event) {
    kill(slot, TaskEnd::kCrashed, concat("it sent what is no event: ", printable(line, 80)));
    return;
  }
  slot.heard_ms = home_.now_ms();
  if (event->kind == WorkerEventKind::kReady) {
    slot.ready = slot.was_ready = true;
    trouble_.clear();
    if (!stopping_ && !slot.busy && on_idle_) on_idle_(slot.index);
    return;
  }
  if (!slot.busy || event->task != slot.command.task) return;
  switch (event->kind) {
    case WorkerEventKind::kProgress:
      if (slot.on_progress) slot.on_progress(event->done);
      break;
    case WorkerEventKind::kWaiting:
      slot.waiting = true;
      if (slot.on_waiting) slot.on_waiting(event->bytes);
      break;
    case WorkerEventKind::kDone: {
      if (event->outputs.size() != outputs_expected(slot.command)) {
        kill(slot, TaskEnd::kCrashed, "it made another number of files than it was given");
        break;
      }
      TaskReport report;
      report.outputs = std::move(event->outputs);
      end_task(slot, std::move(report));
      break;
    }
    case WorkerEventKind::kFailed: {
      TaskReport report;
      report.end = slot.cancelled ? TaskEnd::kCancelled : TaskEnd::kReported;
      report.error = std::move(event->error);
      end_task(slot, std::move(report));
      break;
    }
    case WorkerEventKind::kReady:
    case WorkerEventKind::kStarted:
      break;
  }
}

void Supervisor::say(Slot& slot, std::string_view line) {
  if (trim(line).empty()) return;
  const std::string text = printable(line, kLineBytesMax);
  log::debug("transcode", text, {{"worker", slot.index}, {"video", slot.last_video}});
  if (slot.log_bytes >= kTaskLogBytesMax) return;
  slot.log_bytes += text.size();
  log_.write(slot.last_video, slot.log_bytes < kTaskLogBytesMax
                                  ? concat("worker ", slot.index, ": ", text)
                                  : concat("worker ", slot.index, ": (says too much: cut)"));
}

// Looks after a worker that has been silent. A stopped one (SIGSTOP) is an operator's wish.
void Supervisor::watch(Slot& slot) {
  slot.watchdog.rearm(timing_.watch_ms);
  if (!slot.process) return;
  const std::uint64_t now_ms = home_.now_ms();
  if (slot.terminating) {
    if (now_ms - slot.terminate_ms >= timing_.stop_ms) slot.process->signal(SIGKILL);
    return;
  }
  if (slot.ready && (!slot.busy || slot.waiting)) return;
  const auto state = slot.process->state();
  if (!state) return;
  if (state->letter == 'T' || state->letter == 't') slot.heard_ms = now_ms;
  if (slot.marked_ms != slot.heard_ms) {
    slot.marked_ms = slot.heard_ms;
    slot.cpu_mark_ms = state->cpu_ms;
  }
  const std::uint64_t silent_ms = now_ms - slot.heard_ms;
  if (silent_ms < timing_.silence_ms) return;
  const std::uint64_t used_ms = state->cpu_ms - slot.cpu_mark_ms;
  const bool starved = state->letter == 'D' || (state->letter == 'R' && used_ms < silent_ms / 2);
  if (starved && silent_ms < std::uint64_t{timing_.silence_ms} * kStarvationFactor) return;
  kill(slot, TaskEnd::kHung,
       concat("it gave no sign of life for ", silent_ms / 1'000, " s and was ended"));
}

void Supervisor::kill(Slot& slot, TaskEnd as, std::string why) {
  if (!slot.process || slot.verdict) return;
  TaskReport verdict;
  verdict.end = as;
  verdict.error = {as == TaskEnd::kHung ? ErrorCode::kTimedOut : ErrorCode::kInternal,
                   std::move(why), 0};
  slot.verdict = std::move(verdict);
  slot.ready = false;
  slot.process->signal(SIGKILL);
}

void Supervisor::end_by_death(Slot& slot, const ProcessEnd& end) {
  TaskReport report;
  report.end = TaskEnd::kCrashed;
  report.error = {ErrorCode::kInternal, end.in_words(), 0};
  if (slot.verdict) {
    report = *slot.verdict;
  } else if (slot.cancelled) {
    report.end = TaskEnd::kCancelled;
    report.error = {ErrorCode::kCancelled, "cancelled", 0};
  } else if (end.by_signal && end.code == SIGXCPU) {
    report.end = TaskEnd::kLimit;
    report.error = {
        ErrorCode::kTooLarge,
        concat("it used more than ", kTaskCpuMsMax / 60'000, " minutes of processor time"), 0};
  } else if (end.by_signal && end.code == SIGKILL) {
    report.end = TaskEnd::kLimit;
    report.error = {ErrorCode::kTooLarge,
                    "it was killed from outside, most likely because memory ran out", 0};
  } else if (end.by_signal && end.code == SIGSYS) {
    report.error.message = "it tried what its sandbox forbids";
  }
  end_task(slot, std::move(report));
}

void Supervisor::end_task(Slot& slot, TaskReport report) {
  SF_ASSERT(slot.busy);
  report.wall_ms = home_.now_ms() - slot.began_ms;
  task_counter(report.end).add();
  if (report.end != TaskEnd::kDone && report.end != TaskEnd::kCancelled) {
    log_.write(slot.command.video,
               concat("worker ", slot.index, ": task failed: ", report.error.message));
  }
  slot.report = std::move(report);
  slot.busy = false;
  slot.on_progress = nullptr;
  slot.on_waiting = nullptr;
  slot.waiting = false;
  // In a turn of its own: the waiter may give this worker its next task at once.
  home_.post([waiter = std::exchange(slot.task_waiter, nullptr)] { waiter.resume(); });
  home_.post([this, worker = slot.index] {
    if (idle(worker) && on_idle_) on_idle_(worker);
  });
}

io::Task<TaskReport> Supervisor::run(unsigned worker, TaskSpec spec) {
  SF_ASSERT(idle(worker));
  Slot& slot = *slots_[worker];
  spec.command.task = ++task_number_;
  slot.command = std::move(spec.command);
  slot.on_progress = std::move(spec.on_progress);
  slot.on_waiting = std::move(spec.on_waiting);
  slot.waiting = false;
  slot.began_ms = slot.heard_ms = home_.now_ms();
  slot.log_bytes = 0;
  slot.last_video = slot.command.video;
  slot.cancelled = false;
  slot.process->allow_cpu_ms(kTaskCpuMsMax);
  // Of no index and no segment as much is written; a joined file is as large as its parts.
  const bool joins = slot.command.kind == TaskKind::kMp4;
  slot.process->allow_file_bytes(
      std::max(kTaskFileBytesMax, joins ? 2 * slot.command.source_bytes : 0));
  auto sent = slot.process->send(encode(slot.command), spec.descriptors);
  if (!sent) {
    // It is dying, or was about to: its end is noticed by `live`.
    TaskReport report;
    report.end = TaskEnd::kCrashed;
    report.error = std::move(sent.error());
    kill(slot, TaskEnd::kCrashed, report.error.message);
    co_return report;
  }
  struct Ended {
    Slot& slot;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept {
      slot.busy = true;
      slot.task_waiter = waiter;
    }
    void await_resume() const noexcept {}
  };
  Ended ended{slot};
  co_await ended;
  co_return std::move(slot.report);
}

void Supervisor::answer(Slot& slot, Command command, std::span<const int> descriptors) {
  if (!slot.busy || !slot.waiting || !slot.process || slot.terminating) return;
  command.task = slot.command.task;
  slot.waiting = false;
  slot.heard_ms = home_.now_ms();
  slot.process->allow_cpu_ms(kTaskCpuMsMax);
  auto sent = slot.process->send(encode(command), descriptors);
  if (!sent) kill(slot, TaskEnd::kCrashed, sent.error().message);
}

void Supervisor::grow(unsigned worker, Arrived arrived) {
  Command command;
  command.kind = TaskKind::kGrow;
  command.source_bytes = arrived.bytes;
  command.whole = arrived.whole;
  answer(*slots_[worker], std::move(command), {});
}

void Supervisor::feed(unsigned worker, std::string tracks, bool whole,
                      std::span<const int> segments) {
  Command command;
  command.kind = TaskKind::kFeed;
  command.tracks = std::move(tracks);
  command.whole = whole;
  answer(*slots_[worker], std::move(command), segments);
}

void Supervisor::cancel(unsigned worker) {
  Slot& slot = *slots_[worker];
  if (!slot.busy || !slot.process || slot.terminating) return;
  slot.cancelled = slot.terminating = true;
  slot.terminate_ms = home_.now_ms();
  slot.process->signal(SIGTERM);
  slot.process->signal(SIGCONT);
}

void Supervisor::forget(const std::string& video) {
  Command command;
  command.kind = TaskKind::kForget;
  for (auto& slot : slots_) {
    if (slot->last_video != video || !slot->process || slot->terminating) continue;
    slot->last_video.clear();
    (void)slot->process->send(encode(command), {});
  }
}

}  // namespace sf::transcode

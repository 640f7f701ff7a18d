#pragma once

/// The scheduler's inside. All of it lives on the home reactor; other threads only post to it.
///
///   records ──sync──▶ jobs_ + queue_ ──pump──▶ perform ──▶ worker ──▶ publish ──▶ flush ──▶
///   records wishes ──────────────▲                                                          └─▶
///   satisfied

#include "failure.hpp"
#include "job.hpp"
#include "progress.hpp"
#include "supervisor.hpp"
#include "task_queue.hpp"
#include "wake_list.hpp"

#include <streamforge/io/gate.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/transcode/scheduler.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace sf::transcode {

struct Scheduler::Impl : std::enable_shared_from_this<Scheduler::Impl> {
  Impl(io::Reactor& home_reactor, store::Catalogue& records, store::BlobStore& files,
       store::Demand& wishes, LadderOptions rungs, WorkerOptions workers);

  /// A segment that has its name but not yet its record.
  struct Made {
    std::uint32_t row = 0;
    std::uint32_t segment = 0;
    std::uint64_t bytes = 0;
    std::uint64_t duration_ticks = 0;
    std::string codecs;
    std::uint32_t damaged_frames = 0;
  };

  /// A video that is being worked on. Whoever acts for it holds a pass of `users`.
  struct Job {
    std::string id;
    hls::Presentation shown;
    std::vector<TrackShape> shapes;
    std::vector<Tally> tallies;
    std::uint64_t damaged_frames = 0;
    std::vector<Made> pending;
    bool flushing = false;
    bool finishing = false;
    bool ended = false;  ///< Out of the queue: what still comes is dropped.
    std::set<unsigned> workers;
    Pace pace;
    io::Timer flush_timer;
    io::Gate users;
  };
  using JobPtr = std::shared_ptr<Job>;

  /// What one task works on; open while it runs and is published.
  struct Files {
    UniqueFd source;
    UniqueFd plan;
    std::vector<UniqueFd> outputs;
    std::uint64_t source_bytes = 0;
  };

  // --- scheduler.cpp: jobs.
  io::Task<Result<>> start();
  io::Task<void> stop();
  io::Task<void> take_up_all(std::vector<store::Job> open);
  /// Makes what is known here agree with the job's record.
  io::Task<void> sync(std::string id);
  io::Task<void> sync_once(std::string id);
  io::Task<void> sync_alone(std::string id);
  io::Task<void> take_up(store::Job record);
  io::Task<Result<>> intend(std::string id,
                            std::function<Result<>(store::Job&, store::Video&)> change);
  io::Task<void> forget(std::string id);
  void end_job(const JobPtr& job, const Error& answer);
  io::Task<void> see_off(JobPtr job);
  [[nodiscard]] JobPtr find(const std::string& id) const;
  void refresh_positions();

  void on_wish(const store::Wish& wish);
  void answer_early_wishes();
  io::Task<void> answer_stranger(store::Wish wish);

  // --- scheduler_tasks.cpp: work.
  void pump();
  io::Task<void> perform(QueueTask task);
  io::Task<Result<>> open_files(const QueueTask& task, Files& files);
  io::Task<void> settle(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> settle_index(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> settle_segment(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> settle_failure(JobPtr job, QueueTask task, TaskReport report);
  io::Task<Result<>> store_plan(JobPtr job, std::string plan_bytes, Plan plan);
  void flush_soon(const JobPtr& job, bool now);
  io::Task<void> flush_alone(JobPtr job);
  io::Task<void> flush(JobPtr job);
  io::Task<bool> commit(JobPtr job, std::vector<Made> batch);
  io::Task<void> finish(JobPtr job);
  io::Task<void> fail_video(JobPtr job, store::Failure failure);

  // Constant after construction.
  io::Reactor& home;
  store::Catalogue& catalogue;
  store::BlobStore& blobs;
  store::Demand& demand;
  const LadderOptions ladder;
  const WorkerOptions options;

  // The home reactor's.
  VideoLog video_log;
  io::OffloadPool thinker;  ///< Plans of long videos take a while.
  Supervisor supervisor;
  TaskQueue queue;
  std::map<std::string, JobPtr> jobs;
  std::vector<JobPtr> leaving;
  WakeList left;  ///< By video: one of `leaving` has gone.
  WakeList synced;
  std::set<std::string> syncing;
  std::set<std::string> sync_again;
  std::vector<store::Wish> early_wishes;  ///< Came before their segments were known here.
  std::vector<bool> assigned;             ///< By worker: a task is on its way to it.
  unsigned publishing = 0;
  bool taking_up = true;
  bool started = false;
  bool stopping = false;
  bool pumping = false;
  bool pump_again = false;
  io::Timer retry_timer;
  io::Gate gate;

  // Any thread.
  mutable std::mutex positions_mutex;
  std::unordered_map<std::string, unsigned> positions;
};

}  // namespace sf::transcode

#pragma once

/// Decides what is encoded next. For the server: follows the catalogue's jobs and the viewers'
/// demand, keeps the worker processes busy, commits what they make. Owned by `app`; lives on one
/// reactor (the control reactor), whose thread also starts the workers.
///
/// A job: index (one worker task) → plan (pure) → playable → segment tasks, a segment of all rungs
/// of equal urgency at once, background ones lowest rung first, wished-for ones at the front; each
/// result synced, published, committed. Restart continues at the segments that have no record.

#include <streamforge/base/error.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/store/demand.hpp>
#include <streamforge/transcode/plan.hpp>

#include <memory>
#include <string>
#include <vector>

namespace sf::transcode {

struct WorkerOptions {
  std::string program;  ///< Our own binary; empty: /proc/self/exe.
  unsigned workers = 1;
  /// Beside them, for what a viewer waits for and the segment after it: a wish does not wait for a
  /// background task to end. Idle otherwise.
  unsigned urgent_workers = 1;
  /// Beside them, for index passes of sources that still arrive, which wait most of the time.
  unsigned followers = 2;
  std::vector<int> cpus;  ///< Pin worker i to cpus[i % size]; empty: free.
  int nice = 10;
  bool idle_class = true;  ///< Background workers run under SCHED_IDLE: when nothing else wants to.
  std::uint64_t memory_bytes_max = std::uint64_t{2} << 30;  ///< RLIMIT_DATA; 0: none.
  bool measure_quality = false;  ///< SSIM and PSNR of some segments of every encoded rung.
  std::string log_dir;           ///< DIR/log: what a worker says of a video goes to {id}.log there.
};

class Scheduler {
 public:
  Scheduler(io::Reactor& home, store::Catalogue& catalogue, store::BlobStore& blobs,
            store::Demand& demand, LadderOptions ladder, WorkerOptions workers);
  ~Scheduler();  ///< `stop` must have been awaited.
  Scheduler(const Scheduler&) = delete;

  /// Starts workers and takes up the open jobs. On the home reactor.
  io::Task<Result<>> start();
  /// Ends tasks in flight (they are done again after a restart) and the workers. Any reactor.
  io::Task<void> stop();

  // Intents; any reactor: recorded, then acted on.
  io::Task<Result<>> cancel(std::string video);
  io::Task<Result<>> retry(std::string video);
  io::Task<Result<>> pause(std::string video);
  io::Task<Result<>> resume(std::string video);
  io::Task<Result<>> prioritise(std::string video);
  /// The video is going away: ends its tasks, and answers when nothing of it is in flight.
  io::Task<void> forget(std::string video);

  /// Place in the queue, 1 for the next; 0 when it is not waiting. Any thread.
  [[nodiscard]] unsigned queue_position(const std::string& video) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // Messages on their way home hold it weakly.
};

}  // namespace sf::transcode

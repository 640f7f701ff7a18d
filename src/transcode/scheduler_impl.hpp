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

#include <streamforge/hls/subtitle_pack.hpp>
#include <streamforge/io/gate.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/transcode/scheduler.hpp>

#include <coroutine>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace sf::transcode {

/// Name of the blob that holds the plan, for workers.
inline constexpr std::string_view kPlanBlob = "plan";
/// Of the scratch that holds tiles until their sheets are drawn.
inline constexpr std::string_view kTilesBlob = "tiles";

struct Scheduler::Impl : std::enable_shared_from_this<Scheduler::Impl> {
  Impl(io::Reactor& home_reactor, store::Catalogue& records, store::BlobStore& files,
       store::Demand& wishes, LadderOptions rungs, WorkerOptions workers);

  struct Planned {
    Plan plan;
    std::string bytes;
  };

  /// A segment that has its name but not yet its record.
  struct Made {
    std::uint32_t row = 0;
    std::uint32_t segment = 0;
    std::uint64_t bytes = 0;
    std::uint64_t duration_ticks = 0;
    std::string codecs;
    std::uint32_t damaged_frames = 0;
    std::vector<IFrame> i_frames;
    std::optional<Quality> quality;
  };

  /// How the bytes of a video come, and the index pass that follows them.
  struct Arrival {
    bool on = false;  ///< Bytes are still to come.
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> length;  ///< Of the whole, where it was announced.
    std::uint64_t tail = 0;               ///< From here to its end all is there; 0: nothing.
    /// Planned of a table of contents, of whose payload too little is there to list any.
    std::optional<Planned> table;
    std::uint64_t first_bytes = 0;  ///< When it was first seen here.
    std::uint64_t first_ms = 0;
    bool given_up = false;  ///< It can only be read when it is whole.
    /// The pass has used all it was given, and waits with what it found in a file.
    struct Waiting {
      unsigned worker = 0;
      int output = -1;
      std::uint64_t index_bytes = 0;  ///< 0: nothing yet, or listed already.
    };
    std::optional<Waiting> waiting;
    bool extending = false;        ///< What it found is being planned.
    std::uint64_t used_bytes = 0;  ///< That the pass was given.
    std::uint64_t fed_ms = 0;
    std::uint64_t listed_ms = 0;
    io::Timer look_timer;
    io::Timer starve_timer;
  };

  /// A video that is being worked on. Whoever acts for it holds a pass of `users`.
  struct Job {
    std::string id;
    hls::Presentation shown;
    std::vector<TrackShape> shapes;
    std::vector<Tally> tallies;
    std::vector<Made> pending;
    bool flushing = false;
    bool finishing = false;
    bool ended = false;  ///< Out of the queue: what still comes is dropped.
    std::set<unsigned> workers;
    Pace pace;
    io::Timer flush_timer;
    io::Gate users;
    bool drawing = false;  ///< Its poster.
    bool poster_tried = false;
    bool extracting = false;  ///< Its subtitles.
    bool storyboard = false;  ///< All sheets are there.
    /// What was planned while only a part was there; null before, and once all is planned.
    std::shared_ptr<const Plan> outline;
    Arrival arrival;
  };
  using JobPtr = std::shared_ptr<Job>;

  /// A file that somebody waits for.
  struct Order {
    store::Wish wish;
    std::string rung;
    bool begun = false;
    bool ended = false;  ///< Its video is going away.
    // While a worker joins it.
    unsigned worker = 0;
    bool running = false;
    std::string sound;  ///< "audio/0", or none.
    std::uint32_t pictures = 0;
    std::uint32_t sounds = 0;
    std::uint32_t next_picture = 0;
    std::uint32_t next_sound = 0;
    std::optional<Error> missing;  ///< A segment that could not be opened.
  };
  using OrderPtr = std::shared_ptr<Order>;

  /// What one task works on; open while it runs and is published.
  struct Files {
    UniqueFd source;
    UniqueFd plan;
    std::vector<UniqueFd> outputs;
    SourceFile extent;  ///< Its descriptor is not set.
    UniqueFd tiles;     ///< Of a task that decodes the picture.
  };

  /// A segment that an urgent worker makes.
  struct InHand {
    enum class Why : std::uint8_t {
      kAwaited,
      kAhead,  ///< Of what is awaited.
      kLeft,   ///< All who waited have gone.
    };
    store::Wish wish;
    Why why = Why::kAwaited;
  };

  /// Somebody who waits for a worker outside the queue's order.
  struct Borrower {
    std::coroutine_handle<> waiter;
    std::optional<unsigned> worker;  ///< None when the server stops.
  };

  // --- scheduler.cpp: jobs.
  io::Task<Result<>> start();
  io::Task<void> stop();
  io::Task<void> take_up_all(std::vector<std::string> ids);
  /// Makes what is known here agree with the job's record.
  io::Task<void> sync(std::string id);
  io::Task<void> sync_once(std::string id);
  io::Task<void> sync_alone(std::string id);
  io::Task<void> take_up(store::Job record);
  /// What was planned and made of it before; false: nothing that is of use.
  io::Task<bool> recall(JobPtr job, const store::Video& video,
                        std::vector<std::vector<std::uint32_t>>& done);
  io::Task<Result<>> intend(std::string id,
                            std::function<Result<>(store::Job&, store::Video&)> change);
  io::Task<void> forget(std::string id);
  /// `answer` is what those get who still wait for one of its segments.
  void end_job(const JobPtr& job, const Result<>& answer);
  io::Task<void> see_off(JobPtr job);
  [[nodiscard]] JobPtr find(const std::string& id) const;
  void refresh_positions();

  // --- scheduler_arriving.cpp: videos whose bytes still come.
  void on_arrival(const store::Upload& upload);
  io::Task<void> take_up_arriving(std::string id);
  /// All its bytes are there, and its job waits.
  void arrived(const JobPtr& job, std::uint64_t bytes);
  /// Lists what the waiting pass has found, or gives it what has come since, or neither yet.
  void follow(const JobPtr& job);
  [[nodiscard]] bool worth_listing(const Job& job) const;
  io::Task<void> extend(JobPtr job, UniqueFd output, std::uint64_t index_bytes);
  void unfollow(const JobPtr& job);
  /// Whether all of it is planned, from a table of contents: only bytes are waited for.
  [[nodiscard]] static bool by_table(const Job& job) noexcept;
  /// The same as `follow`, by table; no worker is waited with.
  void follow_table(const JobPtr& job);
  io::Task<void> extend_table(JobPtr job, std::size_t listed);
  io::Task<void> take_table(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> begin_anew(JobPtr job);

  // --- scheduler_mp4.cpp: whole files, joined of segments.
  void order(const store::Wish& wish);
  /// Gives the first order to a worker, when one is free and no other file is being joined.
  void give_order();
  io::Task<void> fill(OrderPtr order);
  io::Task<Result<>> join(OrderPtr order);
  io::Task<void> feed(OrderPtr order);
  io::Task<void> forget_orders(std::string id);

  // --- scheduler_pictures.cpp: the poster and the storyboard.
  /// Gives spare workers to those who wait for one.
  void lend();
  void refuse_borrowers();
  io::Task<Result<>> draw(JobPtr job, Command command, std::string name);
  io::Task<Result<>> draw_with(JobPtr job, Command command, std::string name, unsigned worker);
  io::Task<void> draw_poster(JobPtr job);
  io::Task<void> draw_pictures(JobPtr job);
  // --- scheduler_subtitles.cpp: what subtitle tracks say, once all bytes are there.
  /// Does nothing when there is nothing to extract, or it is being done; `subtitles_ended` then
  /// tells of its end.
  io::Task<void> extract_subtitles(JobPtr job);
  io::Task<Result<>> extract(JobPtr job);
  io::Task<Result<std::vector<hls::PackedTrack>>> read_pack(std::string id);

  /// Removes what was drawn, or cut, for another plan.
  io::Task<Result<>> forget_pictures(std::string id);

  void on_wish(const store::Wish& wish);
  void on_left(const store::Wish& wish);
  /// Ends a task that nobody waits for, where another keeps somebody waiting.
  void make_room();
  void answer_early_wishes();
  io::Task<void> answer_stranger(store::Wish wish);

  // --- scheduler_tasks.cpp: work.
  void pump();
  io::Task<void> perform(QueueTask task);
  /// A worker for work outside the queue's order: followers first, never urgent ones.
  [[nodiscard]] std::optional<unsigned> spare_worker() const;
  io::Task<Result<>> open_files(const QueueTask& task, Files& files);
  /// Names a file that a worker made, when it is what the worker said of it.
  io::Task<Result<>> publish_made(std::string id, int file, std::uint64_t bytes, std::string name);
  io::Task<void> settle(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> settle_index(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> settle_segment(JobPtr job, QueueTask task, TaskReport report, Files files);
  io::Task<void> settle_failure(JobPtr job, QueueTask task, TaskReport report);
  static Result<Planned> plan_from(std::string_view index_bytes, const LadderOptions& ladder,
                                   const Plan* before, bool whole);
  io::Task<Result<std::string>> read_index(int file, std::uint64_t bytes);
  /// Records what is planned of a video: the first of it, or more.
  io::Task<Result<>> store_plan(JobPtr job, Planned planned, bool whole);
  /// Its second half: what players see, and the record. `plan` may have more than is `shown`.
  io::Task<Result<>> store_shown(JobPtr job, const Plan& plan, hls::Presentation shown, bool whole);
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
  WakeList poster_ended;     ///< By video: its poster is no longer being drawn.
  WakeList subtitles_ended;  ///< By video: its subtitles are no longer being extracted.
  std::set<std::string> syncing;
  std::set<std::string> sync_again;
  std::deque<std::string> gone;  ///< The last videos to go: news of them comes late.
  std::deque<Borrower*> borrowers;
  std::deque<OrderPtr> orders;            ///< The first may have begun.
  std::vector<store::Wish> early_wishes;  ///< Came before their segments were known here.
  std::vector<bool> assigned;             ///< By worker: a task is on its way to it.
  std::map<unsigned, InHand> in_hand;     ///< By urgent worker.
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

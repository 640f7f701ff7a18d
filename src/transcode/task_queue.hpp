#pragma once

/// Decides what is made next: the one engine of decisions of the server's scheduler and of the
/// command line. Pure: time and outcomes are told, tasks are given out; no I/O. One thread.
///
/// Order of what a free worker gets:
///   1. wished-for segments, first come, first served: the wished rung alone, nothing beside it;
///   2. index passes: they are short and make a video playable;
///   3. the few segments that follow a wish, in its rung: the viewer goes on watching;
///   4. background: one segment, all rungs that lack it, decoded once. The first segments of a
///      video begin with the rung alone that players begin with, so that it starts at once.
/// Urgent workers take 1, small ones of 2, and of 3 the very next one of a larger rung: one is
/// always near, for what they make ahead may be given up for a wish. Index passes of videos whose
/// bytes still arrive are for followers, which do nothing else. Background is shared out between
/// owners by least service; within an owner three of four turns go to the video with the least left
/// to do and every fourth to the oldest, so that a clip passes a film and the film still moves.
/// A worker stays in one stretch of one video (a block) to decode on where it stopped. Stretches
/// begin where little must be decoded before: at keyframes of the source, if they can.
/// Who finds none free takes the second part of what another has before him, or rests where the way
/// there costs more than it saves.

#include "protocol.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

/// One rung or audio track of a video: a row of segments of about equal cost.
struct TrackShape {
  std::string name;  ///< "720p", "audio/0".
  bool audio = false;
  std::uint32_t index = 0;  ///< In plan.rungs or plan.audio.
  std::uint32_t segments = 0;
  double cost = 1;  ///< Of one segment, in units that are the same for all videos.
  /// By segment, the work of decoding what is before it, for who has not just made the one before:
  /// in parts of what a segment of all rungs takes. May be shorter than `segments`: the rest needs
  /// nothing.
  std::vector<float> run_up;
  bool first = false;  ///< The rung that players begin with.
};

struct QueueOptions {
  unsigned workers = 1;             ///< Not counting urgent ones.
  std::uint32_t lead_segments = 3;  ///< Made in the first rung before; 0: no viewers here.
  std::uint32_t block_segments_max = 8;
  std::uint32_t ahead_segments = 4;
  unsigned attempts_max = 3;
  std::uint64_t urgent_index_bytes_max = std::uint64_t{1} << 30;
  std::uint64_t turn_ms = 8'000;  ///< A worker stays with a video so long while others wait.
};

struct QueueTask {
  std::uint64_t id = 0;
  TaskKind kind = TaskKind::kIndex;
  std::string video;
  std::uint32_t segment = 0;
  std::vector<std::uint32_t> tracks;  ///< Rows of the video's shape; empty for an index pass.
  unsigned worker = 0;
  bool urgent = false;    ///< Given to an urgent worker.
  bool arriving = false;  ///< kIndex: of a video whose bytes still come.
  bool wished = false;    ///< Somebody waits for it.
};

enum class WishAnswer : std::uint8_t {
  kQueued,
  kMade,     ///< Exists already.
  kUnknown,  ///< No such video, track or segment here.
  kBusy,     ///< Too many wishes wait.
};

class TaskQueue {
 public:
  explicit TaskQueue(QueueOptions options);
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;

  // --- Videos.
  struct Entry {
    std::string video;
    std::string owner;
    std::int64_t priority = 0;  ///< Higher levels are served before lower ones, always.
    std::int64_t queued_at_ms = 0;
    std::uint64_t source_bytes = 0;
    bool arriving = false;  ///< Its bytes still come.
  };
  /// A video whose index pass is to be run. Adding it twice changes nothing.
  void add(Entry entry);
  /// Its plan exists: segments from now on. `done` holds, per row, what exists. Where the plan is
  /// not `whole`, an index pass is still to be run, or runs.
  void set_tracks(std::string_view video, std::vector<TrackShape> tracks,
                  const std::vector<std::vector<std::uint32_t>>& done, bool whole = true);
  /// More of the same tracks, by now.
  void extend(std::string_view video, const std::vector<TrackShape>& tracks, bool whole);
  /// Whether an index pass of a video that still arrives is worth a follower: bytes come.
  void set_fed(std::string_view video, bool fed);
  /// All its bytes are there: any worker may index it.
  void set_arrived(std::string_view video, std::uint64_t source_bytes);
  /// Tasks given out stay with their worker; their outcome is ignored.
  void remove(std::string_view video);
  void set_paused(std::string_view video, bool paused);
  void set_priority(std::string_view video, std::int64_t priority);
  [[nodiscard]] bool contains(std::string_view video) const noexcept;
  [[nodiscard]] bool planned(std::string_view video) const noexcept;

  // --- Viewers.
  WishAnswer wish(std::string_view video, std::string_view track, std::uint32_t segment,
                  std::uint64_t now_ms);

  /// All who waited for it have gone, and do not go on watching there.
  void left(std::string_view video, std::string_view track, std::uint32_t segment);
  using CountsWish =
      std::function<bool(std::string_view video, std::string_view track, std::uint32_t segment)>;
  /// Whether there is a wish that `counts`, and that an urgent worker would be given now.
  [[nodiscard]] bool wish_waits(std::uint64_t now_ms, const CountsWish& counts) const;
  /// Whether an urgent worker would be given the segment after a wish now.
  [[nodiscard]] bool ahead_waits(std::uint64_t now_ms) const;

  // --- Workers.
  /// What `worker` is to do now; nullopt: nothing, though there may be something for another. Each
  /// task must come back by one of the three calls below.
  [[nodiscard]] std::optional<QueueTask> next(unsigned worker, WorkerRole role,
                                              std::uint64_t now_ms);
  /// The worker made it. Gives the rows of `task.tracks` that nobody made first: publish those.
  [[nodiscard]] std::vector<std::uint32_t> made(const QueueTask& task, std::uint64_t service_ms);
  /// It failed (or could not be published). False when its tries are used up: give the video up.
  /// Wishes for it stay in line.
  [[nodiscard]] bool failed(const QueueTask& task, std::uint64_t now_ms);
  /// It did not happen and nobody is to blame: shutdown, or the viewer left (`drop_wish`).
  void released(const QueueTask& task, bool drop_wish);
  /// Published and recorded.
  void committed(std::string_view video, std::uint32_t track, std::uint32_t segment);
  /// When a task that failed may be tried again, at the earliest; nullopt when none waits.
  [[nodiscard]] std::optional<std::uint64_t> next_retry_ms(std::uint64_t now_ms) const;

  // --- What is known.
  /// Whether somebody waits for the segment.
  [[nodiscard]] bool wished(std::string_view video, std::uint32_t track,
                            std::uint32_t segment) const noexcept;
  [[nodiscard]] bool complete(std::string_view video) const noexcept;
  struct Work {
    double done = 0;  ///< Cost of what is committed.
    double total = 0;
  };
  [[nodiscard]] Work work(std::string_view video) const noexcept;
  /// Videos of which nothing has been begun, next one first.
  [[nodiscard]] std::vector<std::string> waiting() const;

  static constexpr std::size_t kWishesMax = 1024;
  static constexpr std::uint64_t kAheadForMs = 30'000;
  /// Wait before try n + 1: 1 s, 4 s, 16 s…
  [[nodiscard]] static std::uint64_t back_off_ms(unsigned attempts) noexcept;

 private:
  struct Video;
  struct Owner {
    double service_ms = 0;
    unsigned videos = 0;
    unsigned turn = 0;
  };
  struct WorkerPlace {
    Video* video = nullptr;
    std::uint32_t begin = 0;  ///< Of its stretch.
    std::uint64_t since_ms = 0;
  };
  struct Cut {
    std::uint32_t at = 0;  ///< A segment.
    float gain = 0;        ///< In segments' worth of work.
  };
  struct WishEntry {
    Video* video = nullptr;
    std::uint32_t track = 0;
    std::uint32_t segment = 0;
  };

  [[nodiscard]] Video* find(std::string_view video) const noexcept;
  [[nodiscard]] static bool servable(const WishEntry& wish, bool urgent, std::uint64_t now_ms);
  std::optional<QueueTask> next_wished(unsigned worker, bool urgent, std::uint64_t now_ms);
  std::optional<QueueTask> next_index(unsigned worker, WorkerRole role, std::uint64_t now_ms);
  [[nodiscard]] std::optional<WishEntry> find_ahead(bool urgent, std::uint64_t now_ms) const;
  std::optional<QueueTask> next_ahead(unsigned worker, bool urgent, std::uint64_t now_ms);
  std::optional<QueueTask> next_background(unsigned worker, std::uint64_t now_ms);
  std::optional<QueueTask> from_video(Video& video, unsigned worker, std::uint64_t now_ms);
  std::optional<QueueTask> from_beginning(Video& video, unsigned worker, std::uint64_t now_ms);
  std::optional<QueueTask> from_block(Video& video, std::uint32_t block, unsigned worker,
                                      std::uint64_t now_ms);
  Video* choose(std::vector<Video*>& candidates);
  QueueTask give(Video& video, std::uint32_t segment, std::vector<std::uint32_t> tracks,
                 unsigned worker, bool urgent, bool wished);
  WorkerPlace& place(unsigned worker);
  void cut_into_blocks(Video& video) const;
  [[nodiscard]] static std::optional<Cut> find_cut(const Video& video, std::uint32_t block,
                                                   std::uint64_t now_ms);
  [[nodiscard]] bool block_taken(const Video& video, std::uint32_t block, unsigned but_not) const;
  void charge(const QueueTask& task, std::uint64_t service_ms);
  void forget_wish(const Video& video, std::uint32_t track, std::uint32_t segment);

  const QueueOptions options_;
  std::map<std::string, std::unique_ptr<Video>, std::less<>> videos_;
  std::map<std::string, Owner, std::less<>> owners_;
  std::deque<WishEntry> wishes_;
  std::vector<WorkerPlace> workers_;
  std::uint64_t task_id_ = 0;
};

}  // namespace sf::transcode

#pragma once

/// The catalogue: every record, in RocksDB, one column family per kind. All state changes are
/// single batches with a synced log; what a call committed survives kill -9 and power loss once it
/// has returned. Calls run on the offload pool and answer on the calling reactor. Any reactor.
///
/// Every commit that changes a Video publishes it on the event bus, after the commit, in its order.

#include <streamforge/io/offload.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/events.hpp>
#include <streamforge/store/records.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sf::store {

struct VideoQuery {
  std::string text;  ///< Words looked for in title and description.
  std::optional<VideoStatus> status;
  std::optional<Visibility> visibility;
  std::optional<std::string> owner;
  bool trash = false;  ///< Only what is deleted; else only what is not.
  enum class Sort : std::uint8_t { kNewest, kOldest, kTitle } sort = Sort::kNewest;
  unsigned limit = 50;
  std::string cursor;  ///< From the page before; empty for the first.
};
struct VideoPage {
  std::vector<Video> items;
  std::string next_cursor;  ///< Empty at the end.
};

class Database;

class Catalogue {
 public:
  /// `dir` is DIR/meta. Makes it when missing, upgrades older schemas in place, refuses newer ones
  /// (kUnsupported). With `in_memory` (tests) nothing touches the disk.
  [[nodiscard]] static Result<std::unique_ptr<Catalogue>> open(const std::string& dir,
                                                               io::OffloadPool& pool,
                                                               EventBus& events,
                                                               bool in_memory = false);
  /// Over a database opened by hand: the room's own tests, which bring an Env of their own.
  Catalogue(std::unique_ptr<Database> database, io::OffloadPool& pool, EventBus& events);
  /// Waits for what is being committed.
  ~Catalogue();

  // --- Uploads and videos.
  /// The upload and, unless it is a tus partial, its video, in one batch.
  io::Task<Result<>> create_upload(Upload upload, std::optional<Video> video);
  io::Task<Result<Upload>> upload(std::string id);
  /// The unfinished whole that parts of this owner call `name`; nullopt when there is none.
  io::Task<Result<std::optional<Upload>>> group(std::string owner, std::string name);
  /// A part (its `into` and `at` set) of an unfinished whole, in one batch with the whole and its
  /// video when those are new. A part of the same range is replaced; it must be `replaces` (empty:
  /// none), whose writer the caller has ended. kConflict: the group is no longer as the caller saw
  /// it, look again. kInvalidArgument: the part does not fit among the others.
  io::Task<Result<>> place_part(Upload part, std::string replaces, std::optional<Upload> whole,
                                std::optional<Video> video);
  /// What the final request of a whole brings: its own list and metadata.
  io::Task<Result<>> name_whole(std::string id, std::string concat, std::string metadata);
  /// The parts that a final upload waited for are all there, `bytes` in all, and have second names:
  /// it counts them as received. Its own file does not hold them yet, so nobody is told to read it.
  io::Task<Result<>> receive_parts(std::string id, std::uint64_t bytes);
  /// Records that the bytes up to `offset` are on disk (the caller synced them first) and, when
  /// given, the length that was deferred. Concurrent calls share one log sync. The video's
  /// received_bytes follow. An offset below the recorded one changes nothing; past the length it is
  /// kInvalidArgument, another length than the known one kConflict.
  io::Task<Result<>> advance_upload(std::string id, std::uint64_t offset,
                                    std::optional<std::uint64_t> length = std::nullopt);
  /// The last byte came from somebody whose right to send it had ended: from now on only a request
  /// of one who has it completes the upload, not the next start.
  io::Task<Result<>> refuse_end(std::string id);
  /// The file has been promoted: the upload is complete, its offset its length, its video queued
  /// and its job waiting: one batch. Idempotent. kConflict while the length is unknown.
  io::Task<Result<>> complete_upload(std::string id);
  /// The upload and, when it is not complete, its video, which can never get its bytes. Remove the
  /// file afterwards: a crash between leaves a file without a record, which `reconcile` removes.
  io::Task<Result<>> remove_upload(std::string id);
  io::Task<Result<std::vector<Upload>>> unfinished_uploads();
  /// Reads every upload's record: for now and then.
  io::Task<Result<Holdings>> holdings_of(std::string owner);

  io::Task<Result<Video>> video(std::string id);
  /// The record if it is in memory (recently read or written), else null: for hot paths, no wait.
  [[nodiscard]] std::shared_ptr<const Video> cached_video(const std::string& id) const;
  /// Takes another value with every change of this video (now and then with another's), after the
  /// change can be read. For who keeps things made of a record: read this first, then the record.
  [[nodiscard]] const std::atomic<std::uint64_t>& version_of(const std::string& id) const noexcept;
  io::Task<Result<VideoPage>> videos(VideoQuery query);
  /// Reads, lets `change` edit, commits with revision + 1. Calls for one id run one after another.
  /// `change` runs on the pool; its error is given back and nothing is written. With `expected`
  /// another revision is kConflict.
  io::Task<Result<Video>> update_video(std::string id, std::function<Result<>(Video&)> change,
                                       EventKind event = EventKind::kUpdated,
                                       std::optional<std::uint64_t> expected = std::nullopt);
  /// Video, upload, job and segment records, in one batch. Files are the caller's to remove, after.
  io::Task<Result<>> remove_video(std::string id);
  /// Ids in the trash since before `wall_time_ms`.
  io::Task<Result<std::vector<std::string>>> trash_before(std::int64_t wall_time_ms);

  // --- Jobs.
  io::Task<Result<std::optional<Job>>> job(std::string video);
  /// Jobs that are not done, failed or cancelled, oldest first: the queue at start.
  io::Task<Result<std::vector<Job>>> open_jobs();
  /// Job and video together, in one batch.
  io::Task<Result<Video>> update_job(std::string video,
                                     std::function<Result<>(Job&, Video&)> change,
                                     EventKind event = EventKind::kUpdated);
  /// Called, from any thread, after a commit that made or changed a job: wake the scheduler. It may
  /// not wait. Null takes it back: once that has returned it is not called any more.
  void set_job_listener(std::function<void(const Job&)> on_job);
  /// The same after a commit that moved the durable offset of a video's upload, unless that made it
  /// complete, which is told as a job.
  void watch_uploads(std::function<void(const Upload&)> on_upload);

  // --- Segments.
  /// Segments whose blobs are already published, and what they change of the video, in one batch.
  io::Task<Result<Video>> commit_segments(std::string video, std::vector<Segment> segments,
                                          std::function<Result<>(Video&)> change,
                                          EventKind event = EventKind::kProgress);
  /// All segments of a video, ordered by track, then number.
  io::Task<Result<std::vector<Segment>>> segments(std::string video);
  io::Task<Result<>> remove_segments(std::string video);

  // --- For Accounts (same room) and maintenance.
  struct Raw;
  [[nodiscard]] Raw& raw() noexcept;
  /// An online consistent copy into `dir`.
  io::Task<Result<>> backup(std::string dir);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::store

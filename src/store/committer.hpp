#pragma once

#include <streamforge/base/error.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/events.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "changes.hpp"
#include "database.hpp"
#include "video_cache.hpp"

namespace sf::store {

/// Every state change passes here, one after another, on at most one pool thread. Those that wait
/// while a sync runs become the next group: one batch, one sync, however many reactors ask. So
/// changes need no locks, each sees all before it, and events leave in the order of commits.
class Committer {
 public:
  /// Reads, decides and collects; on the pool, never two at once. An error writes nothing of it.
  using Prepare = std::function<Result<>(Changes&)>;

  Committer(Database& database, VideoCache& cache, EventBus& events, io::OffloadPool& pool);
  ~Committer();  ///< Waits for what was submitted.
  Committer(const Committer&) = delete;

  /// Success means durable. `prepare` may hold references to locals of the awaiting coroutine. With
  /// `alone` the group has no other change, so that a `then` function has run before the next
  /// change is prepared: for state that is kept in memory beside the catalogue.
  io::Task<Result<>> commit(Prepare prepare, bool alone = false);
  /// The same, blocking, from any thread but a reactor's or the pool's.
  Result<> commit_blocking(Prepare prepare);

  /// As Catalogue::set_job_listener.
  void set_job_listener(std::function<void(const Job&)> on_job);
  /// As Catalogue::watch_uploads.
  void watch_uploads(std::function<void(const Upload&)> on_upload);
  /// Called before the first change after the database was reopened: for state that is kept in
  /// memory beside the catalogue. Null takes it back; not called once this has returned.
  void set_reopen_listener(std::function<void()> on_reopen);

 private:
  struct Request {
    Prepare prepare;
    bool alone = false;
    std::function<void(Result<>)> done;
  };
  struct Awaiter;

  void submit(Request request);
  void drain();
  [[nodiscard]] std::vector<Request> next_group();
  void run(std::vector<Request>& requests);
  Result<> reopen_if_broken();
  void tell(const std::vector<Notice>& notices);

  Database& database_;
  VideoCache& cache_;
  EventBus& events_;
  io::OffloadPool& pool_;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::deque<Request> waiting_;
  bool draining_ = false;
  std::condition_variable idle_;

  /// Held while a listener runs, so that one that was taken back runs no more.
  std::mutex listener_mutex_;
  std::function<void(const Job&)> on_job_;
  std::function<void(const Upload&)> on_upload_;
  std::function<void()> on_reopen_;
};

}  // namespace sf::store

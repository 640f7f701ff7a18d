#include "committer.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/metrics.hpp>

#include <algorithm>
#include <exception>

namespace sf::store {
namespace {

struct CommitMetrics {
  metrics::Counter& changes =
      metrics::counter("streamforge_store_changes_total", "State changes that were made durable.");
  metrics::Counter& failures =
      metrics::counter("streamforge_store_commit_failures_total", "Commits that the disk refused.");
  /// Its count is the number of groups, and so of log syncs.
  metrics::Histogram& seconds = metrics::histogram(
      "streamforge_store_commit_seconds", "Time to write and sync one group of state changes.");
};

CommitMetrics& commit_metrics() {
  static CommitMetrics metrics;
  return metrics;
}

/// A change in its group, or nothing of it. Exceptions end here: they are a library's or a caller's
/// closure's, and concern this change alone.
Result<> join_group(const Committer::Prepare& prepare, Group& group) {
  try {
    Changes changes(group);
    if (auto prepared = prepare(changes); !prepared) return prepared;
    return std::move(changes).join();
  } catch (const std::exception& thrown) {
    return fail(ErrorCode::kInternal, concat("preparing a commit: ", thrown.what()));
  }
}

}  // namespace

struct Committer::Awaiter {
  Committer& committer;
  Prepare prepare;
  bool alone;
  Result<> result{};

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    io::Reactor& home = io::Reactor::current();
    committer.submit({std::move(prepare), alone, [this, &home, waiter](Result<> done) {
                        result = std::move(done);
                        home.post([waiter] { waiter.resume(); });
                      }});
  }
  Result<> await_resume() { return std::move(result); }
};

Committer::Committer(Database& database, VideoCache& cache, EventBus& events, io::OffloadPool& pool)
    : database_(database), cache_(cache), events_(events), pool_(pool) {}

Committer::~Committer() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !draining_; });
}

io::Task<Result<>> Committer::commit(Prepare prepare, bool alone) {
  Awaiter awaiter{*this, std::move(prepare), alone};
  co_return co_await awaiter;
}

Result<> Committer::commit_blocking(Prepare prepare) {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Result<>> answer;
  submit({std::move(prepare), false, [&](Result<> done) {
            const std::lock_guard lock(mutex);
            answer = std::move(done);
            answered.notify_one();
          }});
  std::unique_lock lock(mutex);
  answered.wait(lock, [&] { return answer.has_value(); });
  return std::move(*answer);
}

void Committer::set_job_listener(std::function<void(const Job&)> on_job) {
  const std::lock_guard lock(listener_mutex_);
  on_job_ = std::move(on_job);
}

void Committer::watch_uploads(std::function<void(const Upload&)> on_upload) {
  const std::lock_guard lock(listener_mutex_);
  on_upload_ = std::move(on_upload);
}

void Committer::set_reopen_listener(std::function<void()> on_reopen) {
  const std::lock_guard lock(listener_mutex_);
  on_reopen_ = std::move(on_reopen);
}

void Committer::submit(Request request) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(request));
    if (std::exchange(draining_, true)) return;
  }
  pool_.submit([this] { drain(); });
}

void Committer::drain() {
  // Stays on its pool thread while there is work: going to the end of the pool's line between two
  // groups would put every commit behind password hashes and folder walks.
  for (;;) {
    auto requests = next_group();
    if (requests.empty()) return;
    run(requests);
  }
}

std::vector<Committer::Request> Committer::next_group() {
  const std::lock_guard lock(mutex_);
  std::vector<Request> group;
  while (!waiting_.empty() && group.size() < limits::kCommitGroupMax) {
    const bool alone = waiting_.front().alone;
    if (alone && !group.empty()) break;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (alone) break;
  }
  if (group.empty()) {
    draining_ = false;
    idle_.notify_all();
  }
  return group;
}

Result<> Committer::reopen_if_broken() {
  if (!database_.broken()) return {};
  if (auto reopened = database_.reopen(); !reopened) return reopened;
  cache_.clear();
  const std::lock_guard lock(listener_mutex_);
  if (on_reopen_) on_reopen_();
  return {};
}

void Committer::run(std::vector<Request>& requests) {
  if (const auto usable = reopen_if_broken(); !usable) {
    commit_metrics().failures.add();
    for (auto& request : requests) request.done(usable);
    return;
  }
  Group group(database_, cache_);
  std::vector<Result<>> results;
  results.reserve(requests.size());
  for (const auto& request : requests) results.push_back(join_group(request.prepare, group));

  if (!group.empty()) {
    const auto began_ns = mono_ns();
    const auto written = database_.write(group.batch());
    if (written) {
      commit_metrics().seconds.observe_ns(mono_ns() - began_ns);
      commit_metrics().changes.add(static_cast<std::uint64_t>(
          std::ranges::count_if(results, [](const Result<>& r) { return r.has_value(); })));
      group.apply_to_cache();
    } else {
      commit_metrics().failures.add();
      for (auto& result : results) {
        if (result) result = written;
      }
    }
    if (written) tell(group.notices());
  }
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].done(std::move(results[i]));
}

void Committer::tell(const std::vector<Notice>& notices) {
  const std::lock_guard lock(listener_mutex_);
  for (const auto& notice : notices) {
    if (const auto* published = std::get_if<Published>(&notice)) {
      events_.publish(published->kind, published->video);
    } else if (const auto* job = std::get_if<Job>(&notice)) {
      if (on_job_) on_job_(*job);
    } else if (const auto* upload = std::get_if<Upload>(&notice)) {
      if (on_upload_) on_upload_(*upload);
    } else {
      std::get<std::function<void()>>(notice)();
    }
  }
}

}  // namespace sf::store

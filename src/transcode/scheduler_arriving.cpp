// Videos whose bytes still come. An index pass follows the durable offset in a worker of its own
// kind; what it has found is planned every few seconds, and what is settled of that is listed.
//
//   offset moved ──▶ follow ──grow──▶ worker ──waiting──▶ follow ──▶ extend (plan, blobs, record)
//
// Where a table of contents is there, the pass ends soon and all is planned; from then on bytes are
// compared with what each segment needs, and no worker is held.
//
//   offset moved ──▶ follow_table ──▶ extend_table (blob, record)

#include "scheduler_impl.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <fcntl.h>

#include <algorithm>

namespace sf::transcode {
namespace {

// Less is not worth a look.
constexpr std::uint64_t kFollowFromBytes = 256 * limits::kKiB;
constexpr std::uint64_t kFeedEveryMs = 250;
constexpr std::uint64_t kLookEveryMs = 500;
// RFC 8216 section 6.2.2: a new list comes between half a target duration after the one before and
// one and a half.
constexpr std::uint64_t kListEveryMs = 1'000 * hls::kTargetDurationSeconds / 2;
// An upload that will be there sooner is planned as a whole: that may give better rungs. By a table
// the plan is that of the whole anyway.
constexpr std::uint64_t kWorthMs = 3'000;
constexpr std::uint64_t kPaceKnownMs = 500;
// A pass over an upload that rests gives its worker to others.
constexpr std::uint32_t kStarveMs = 30'000;

}  // namespace

void Scheduler::Impl::on_arrival(const store::Upload& upload) {
  const JobPtr job = find(upload.id);
  if (!job) {
    if (upload.offset >= kFollowFromBytes) home.spawn(sync_alone(upload.id));
    return;
  }
  Arrival& arrival = job->arrival;
  if (!arrival.on) return;
  arrival.bytes = std::max(arrival.bytes, upload.offset);
  arrival.length = upload.length;
  // A part that is removed leaves its bytes where they were.
  if (upload.tail > 0 && upload.tail != arrival.tail) {
    arrival.tail = upload.tail;
    arrival.given_up = arrival.given_up && job->outline;
  }
  if (arrival.given_up) return;
  if (by_table(*job)) {
    follow_table(job);
    return;
  }
  queue.set_fed(job->id, true);
  if (arrival.waiting) {
    follow(job);
  } else {
    pump();
  }
}

io::Task<void> Scheduler::Impl::take_up_arriving(std::string id) {
  auto video = co_await catalogue.video(id);
  const auto upload = co_await catalogue.upload(id);
  if (!video || !upload || video->deleted_at_ms != 0 ||
      video->status != store::VideoStatus::kUploading ||
      std::ranges::find(gone, id) != gone.end()) {
    co_return;
  }
  auto job = std::make_shared<Job>();
  job->id = id;
  Arrival& arrival = job->arrival;
  arrival.on = true;
  // Not the video's received bytes: those of a group may lie anywhere.
  arrival.bytes = arrival.first_bytes = upload->offset;
  arrival.tail = upload->tail;
  if (video->source.bytes > 0) arrival.length = video->source.bytes;
  arrival.first_ms = home.now_ms();
  TaskQueue::Entry entry;
  entry.video = id;
  entry.owner = video->owner;
  entry.queued_at_ms = video->created_at_ms;
  entry.source_bytes = video->source.bytes;
  entry.arriving = true;

  std::vector<std::vector<std::uint32_t>> done;
  const bool planned = co_await recall(job, *video, done) && job->outline;
  if (stopping || find(id)) co_return;
  jobs.emplace(id, job);
  queue.add(std::move(entry));
  // After a restart nothing moves until the client comes back.
  queue.set_fed(id, !taking_up && !by_table(*job));
  if (planned) {
    queue.set_tracks(id, job->shapes, done, false);
    job->pace.begin(home.now_ms());
  }
}

void Scheduler::Impl::arrived(const JobPtr& job, std::uint64_t bytes) {
  job->arrival.on = false;
  job->arrival.bytes = bytes;
  if (by_table(*job)) {
    job->arrival.look_timer.cancel();
    if (job->arrival.extending) return;  // The whole is looked at after that.
    job->arrival.table.reset();
    queue.set_arrived(job->id, bytes);
    return;
  }
  queue.set_arrived(job->id, bytes);
  follow(job);
}

bool Scheduler::Impl::by_table(const Job& job) noexcept {
  return job.arrival.table || (job.outline && !job.outline->index.needs.empty());
}

// The pass came to an end before the bytes did: by its table all is known, or nothing more can be.
io::Task<void> Scheduler::Impl::take_table(JobPtr job, QueueTask task, TaskReport report,
                                           Files files) {
  auto text = co_await read_index(files.outputs.front().get(), report.outputs.front().bytes);
  Result<Planned> planned = fail(ErrorCode::kInternal, "");
  if (text) {
    auto thinking =
        io::offload(thinker, [this, &text] { return plan_from(*text, ladder, nullptr, true); });
    planned = co_await thinking;
  }
  if (job->ended) co_return;
  queue.released(task, false);
  Arrival& arrival = job->arrival;
  if (!arrival.on) co_return;  // The whole is there by now, and will be looked at.
  queue.set_fed(job->id, false);
  if (!planned || job->outline || planned->plan.index.needs.empty()) {
    arrival.given_up = true;
    co_return;
  }
  arrival.table.emplace(std::move(*planned));
  follow_table(job);
}

void Scheduler::Impl::follow_table(const JobPtr& job) {
  Arrival& arrival = job->arrival;
  if (!arrival.on || arrival.extending || job->ended || stopping) return;
  const Plan& plan = arrival.table ? arrival.table->plan : *job->outline;
  const std::size_t count = segments_within(plan, arrival.bytes);
  const std::size_t listed =
      arrival.table ? hls::kFirstSegments - 1 : job->shown.timeline.segment_count();
  if (count <= listed) return;  // More bytes lead here again.
  const std::uint64_t now_ms = home.now_ms();
  const std::uint64_t list_ms = arrival.listed_ms == 0 ? 0 : arrival.listed_ms + kListEveryMs;
  if (now_ms >= list_ms) {
    arrival.extending = true;
    home.spawn(extend_table(job, count));
  } else if (!arrival.look_timer.armed()) {
    const std::weak_ptr<Job> weak = job;
    const auto wait_ms = static_cast<std::uint32_t>(list_ms - now_ms);
    arrival.look_timer.arm(home.timers(), wait_ms, [this, weak] {
      if (const JobPtr due = weak.lock(); due && by_table(*due)) follow_table(due);
    });
  }
}

io::Task<void> Scheduler::Impl::extend_table(JobPtr job, std::size_t listed) {
  const auto pass = gate.enter();
  const auto job_pass = job->users.enter();
  Arrival& arrival = job->arrival;
  const bool first = job->outline == nullptr;
  std::shared_ptr<const Plan> plan = job->outline;
  Result<> stored;
  if (first) {
    std::string bytes = std::move(arrival.table->bytes);
    plan = std::make_shared<const Plan>(std::move(arrival.table->plan));
    arrival.table.reset();
    stored = co_await blobs.write_small(job->id, std::string(kPlanBlob), std::move(bytes));
  }
  if (stored) {
    hls::Presentation shown = present(*plan);
    shown.growing = true;
    auto& timeline = shown.timeline;
    timeline.video.resize(std::min(listed, timeline.video.size()));
    timeline.audio.resize(std::min(listed, timeline.audio.size()));
    stored = co_await store_shown(job, *plan, std::move(shown), false);
  }
  arrival.extending = false;
  if (job->ended) co_return;
  if (stored && first) {
    queue.set_tracks(job->id, job->shapes, {}, false);
    job->pace.begin(home.now_ms());
    log::info("transcode", "video plays while it arrives",
              {{"video", job->id}, {"bytes", arrival.bytes}});
  } else if (!stored) {
    log::warn("transcode", "a video is not followed any more while it arrives",
              {{"video", job->id}, {"reason", stored.error().message}});
    arrival.given_up = true;
  }
  arrival.listed_ms = home.now_ms();
  if (!arrival.on) {
    queue.set_arrived(job->id, arrival.bytes);
  } else if (stored) {
    follow_table(job);
  }
  answer_early_wishes();
  pump();
}

bool Scheduler::Impl::worth_listing(const Job& job) const {
  const Arrival& arrival = job.arrival;
  if (job.outline || !arrival.length) return true;
  const std::uint64_t passed_ms = home.now_ms() - arrival.first_ms;
  if (passed_ms < kPaceKnownMs) return false;
  const std::uint64_t came = arrival.bytes - arrival.first_bytes;
  const std::uint64_t rest = *arrival.length - std::min(*arrival.length, arrival.bytes);
  return rest > came * kWorthMs / passed_ms;
}

io::Task<void> Scheduler::Impl::extend(JobPtr job, UniqueFd output, std::uint64_t index_bytes) {
  const auto pass = gate.enter();
  const auto job_pass = job->users.enter();
  Arrival& arrival = job->arrival;
  const bool first = job->outline == nullptr;
  auto text = co_await read_index(output.get(), index_bytes);
  Result<Planned> planned = fail(ErrorCode::kInternal, "");
  if (text) {
    const std::shared_ptr<const Plan> before = job->outline;
    auto thinking = io::offload(
        thinker, [this, &text, &before] { return plan_from(*text, ladder, before.get(), false); });
    planned = co_await thinking;
  } else {
    planned = fail(std::move(text.error()));
  }
  if (job->ended) co_return;
  Result<> stored;
  if (planned && (arrival.on || !first)) {
    stored = co_await store_plan(job, std::move(*planned), false);
    if (job->ended) co_return;
    arrival.listed_ms = home.now_ms();
    if (stored && first) {
      queue.set_tracks(job->id, job->shapes, {}, false);
      job->pace.begin(home.now_ms());
      log::info("transcode", "video plays while it arrives",
                {{"video", job->id}, {"bytes", arrival.bytes}});
    }
  } else if (!planned && planned.error().code != ErrorCode::kUnavailable) {
    stored = fail(std::move(planned.error()));
  }
  arrival.extending = false;
  if (!stored) {
    log::warn("transcode", "a video is not followed any more while it arrives",
              {{"video", job->id}, {"reason", stored.error().message}});
    if (arrival.on) {
      arrival.given_up = true;
      unfollow(job);
    }
  }
  follow(job);
  answer_early_wishes();
  pump();
}

void Scheduler::Impl::follow(const JobPtr& job) {
  Arrival& arrival = job->arrival;
  if (!arrival.waiting || arrival.extending || job->ended || stopping) return;
  const std::uint64_t now_ms = home.now_ms();
  const std::uint64_t list_ms = arrival.listed_ms == 0 ? 0 : arrival.listed_ms + kListEveryMs;
  const bool found = arrival.on && arrival.waiting->index_bytes > 0;
  if (found && now_ms >= list_ms && worth_listing(*job)) {
    // The worker, and its file, may go while it is read.
    UniqueFd copy(::fcntl(arrival.waiting->output, F_DUPFD_CLOEXEC, 3));
    const std::uint64_t index_bytes = std::exchange(arrival.waiting->index_bytes, 0);
    if (copy) {
      arrival.extending = true;
      home.spawn(extend(job, std::move(copy), index_bytes));
      return;
    }
  }
  const bool more = !arrival.on || arrival.bytes > arrival.used_bytes;
  if (more && (!arrival.on || now_ms >= arrival.fed_ms + kFeedEveryMs)) {
    arrival.starve_timer.cancel();
    arrival.look_timer.cancel();
    const unsigned worker = arrival.waiting->worker;
    arrival.waiting.reset();
    arrival.used_bytes = arrival.bytes;
    arrival.fed_ms = now_ms;
    supervisor.grow(worker, {arrival.bytes, !arrival.on});
    return;
  }
  const std::weak_ptr<Job> weak = job;
  if ((more || found) && !arrival.look_timer.armed()) {
    const std::uint64_t wait_ms = more ? arrival.fed_ms + kFeedEveryMs - now_ms : kLookEveryMs;
    arrival.look_timer.arm(home.timers(), static_cast<std::uint32_t>(wait_ms), [this, weak] {
      if (const JobPtr due = weak.lock()) follow(due);
    });
  }
  if (!more && !arrival.starve_timer.armed()) {
    arrival.starve_timer.arm(home.timers(), kStarveMs, [this, weak] {
      if (const JobPtr due = weak.lock(); due && !due->ended) unfollow(due);
    });
  }
}

// Its pass is begun anew when bytes come again.
void Scheduler::Impl::unfollow(const JobPtr& job) {
  job->arrival.starve_timer.cancel();
  queue.set_fed(job->id, false);
  job->arrival.look_timer.cancel();
  if (!job->arrival.waiting) return;
  supervisor.cancel(job->arrival.waiting->worker);
  job->arrival.waiting.reset();
}

// The whole is not what its begin promised: what was listed is given up for what is true.
io::Task<void> Scheduler::Impl::begin_anew(JobPtr job) {
  log::warn("transcode", "a video contradicts what was listed of it while it arrived",
            {{"video", job->id}});
  std::function<Result<>(store::Video&)> change = [](store::Video& video) -> Result<> {
    video.playable = false;
    return {};
  };
  auto updated = co_await catalogue.update_video(job->id, std::move(change));
  if (!updated) {
    store::Failure failure = failure_of(updated.error());
    co_await fail_video(job, std::move(failure));
    co_return;
  }
  end_job(job, fail(ErrorCode::kUnavailable, "This video is being made anew."));
  if (!gate.closed()) home.spawn(sync_alone(job->id));
}

}  // namespace sf::transcode

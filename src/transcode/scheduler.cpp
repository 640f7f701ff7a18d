#include <streamforge/transcode/scheduler.hpp>

#include "hop.hpp"
#include "scheduler_impl.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/base/metrics.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

QueueOptions queue_options(const WorkerOptions& workers) {
  QueueOptions options;
  options.workers = workers.workers;
  options.attempts_max = limits::kTaskAttemptsMax;
  return options;
}

constexpr std::size_t kGoneMax = 256;

bool is_open(store::JobState state) {
  return state == store::JobState::kWaiting || state == store::JobState::kRunning ||
         state == store::JobState::kPaused;
}

Error unavailable(std::string_view why) { return {ErrorCode::kUnavailable, std::string(why), 0}; }

}  // namespace

Scheduler::Impl::Impl(io::Reactor& home_reactor, store::Catalogue& records, store::BlobStore& files,
                      store::Demand& wishes, LadderOptions rungs, WorkerOptions workers)
    : home(home_reactor),
      catalogue(records),
      blobs(files),
      demand(wishes),
      ladder(std::move(rungs)),
      options(std::move(workers)),
      video_log(options.log_dir),
      thinker(1, "planner"),
      supervisor(home, options, video_log),
      queue(queue_options(options)),
      left(home),
      synced(home),
      poster_ended(home),
      subtitles_ended(home),
      assigned(supervisor.count()) {}

io::Task<Result<>> Scheduler::Impl::start() {
  auto open = co_await catalogue.open_jobs();
  if (!open) co_return fail(std::move(open.error()));
  auto uploads = co_await catalogue.unfinished_uploads();
  if (!uploads) co_return fail(std::move(uploads.error()));
  started = true;
  const std::weak_ptr<Impl> weak = weak_from_this();
  // From any thread; only the home reactor looks inside.
  io::Reactor* reactor = &home;
  catalogue.set_job_listener([weak, reactor](const store::Job& changed) {
    reactor->post([weak, id = changed.video] {
      const auto self = weak.lock();
      if (self && !self->stopping) self->home.spawn(self->sync_alone(id));
    });
  });
  catalogue.watch_uploads([weak, reactor](const store::Upload& upload) {
    reactor->post([weak, upload] {
      const auto self = weak.lock();
      if (self && !self->stopping) self->on_arrival(upload);
    });
  });
  const auto at_home = [weak, reactor](void (Impl::*act)(const store::Wish&)) {
    return [weak, reactor, act](const store::Wish& wish) {
      reactor->post([weak, act, wish] {
        if (const auto self = weak.lock()) ((*self).*act)(wish);
      });
    };
  };
  demand.set_listener(at_home(&Impl::on_wish), at_home(&Impl::on_left));
  supervisor.start([this](unsigned) { pump(); });
  std::vector<std::string> ids;
  for (const store::Job& job : *open) ids.push_back(job.video);
  for (const store::Upload& upload : *uploads) {
    if (upload.offset > 0) ids.push_back(upload.id);
  }
  home.spawn(take_up_all(std::move(ids)));
  co_return {};
}

io::Task<void> Scheduler::Impl::take_up_all(std::vector<std::string> ids) {
  const auto pass = gate.enter();
  for (const std::string& id : ids) {
    if (stopping) break;
    co_await sync(id);
  }
  taking_up = false;
  answer_early_wishes();
  if (!jobs.empty()) log::info("transcode", "took up open jobs", {{"jobs", jobs.size()}});
}

io::Task<void> Scheduler::Impl::stop() {
  if (stopping || !started) co_return;
  stopping = true;
  catalogue.set_job_listener(nullptr);
  catalogue.watch_uploads(nullptr);
  demand.set_listener(nullptr);
  retry_timer.cancel();
  refuse_borrowers();
  co_await supervisor.stop();
  // What workers had made is still published; it gets its record too.
  co_await gate.close();
  std::vector<JobPtr> last;
  for (const auto& [id, job] : jobs) last.push_back(job);
  for (const JobPtr& job : last) {
    job->flush_timer.cancel();
    co_await flush(job);
  }
  demand.refuse_all(unavailable("The server is shutting down."));
}

io::Task<void> Scheduler::Impl::sync_alone(std::string id) {
  if (gate.closed()) co_return;
  const auto pass = gate.enter();
  co_await sync(std::move(id));
}

io::Task<void> Scheduler::Impl::sync(std::string id) {
  if (!syncing.insert(id).second) {
    sync_again.insert(id);
    co_await synced.wait(id);
    co_return;
  }
  do {
    sync_again.erase(id);
    co_await sync_once(id);
  } while (sync_again.contains(id));
  sync_again.erase(id);
  syncing.erase(id);
  synced.wake(id);
  answer_early_wishes();
  pump();
}

void Scheduler::Impl::answer_early_wishes() {
  for (const store::Wish& wish : std::exchange(early_wishes, {})) on_wish(wish);
}

io::Task<void> Scheduler::Impl::sync_once(std::string id) {
  auto record = co_await catalogue.job(id);
  if (!record) {
    log::error("transcode", "a job cannot be read",
               {{"video", id}, {"reason", record.error().message}});
    co_return;
  }
  const JobPtr known = find(id);
  if (!*record && (!known || known->arrival.on)) {
    if (!known) co_await take_up_arriving(std::move(id));
    co_return;
  }
  if (!*record || !is_open((*record)->state)) {
    // A job that ends here by itself is no longer known when its record changes.
    if (known && !known->finishing)
      end_job(known, fail(unavailable("This video is not being made any more.")));
    co_return;
  }
  if (known && known->arrival.on) {
    auto video = co_await catalogue.video(id);
    if (!video || known->ended) co_return;
    arrived(known, video->source.bytes);
  }
  if (known) {
    queue.set_paused(id, (*record)->state == store::JobState::kPaused);
    queue.set_priority(id, (*record)->priority);
    refresh_positions();
    co_return;
  }
  co_await take_up(std::move(**record));
}

io::Task<void> Scheduler::Impl::take_up(store::Job record) {
  auto video = co_await catalogue.video(record.video);
  if (!video || video->deleted_at_ms != 0 || video->status == store::VideoStatus::kReady) {
    co_return;
  }
  auto job = std::make_shared<Job>();
  job->id = record.video;
  TaskQueue::Entry entry;
  entry.video = record.video;
  entry.owner = video->owner;
  entry.priority = record.priority;
  entry.queued_at_ms = record.queued_at_ms;
  entry.source_bytes = video->source.bytes;

  std::vector<std::vector<std::uint32_t>> done;
  const bool planned = co_await recall(job, *video, done);
  if (stopping || find(job->id)) co_return;
  jobs.emplace(job->id, job);
  queue.add(std::move(entry));
  queue.set_paused(job->id, record.state == store::JobState::kPaused);
  if (planned) {
    queue.set_tracks(job->id, job->shapes, done, job->outline == nullptr);
    job->pace.begin(home.now_ms());
    job->poster_tried = video->poster;
    if (job->outline == nullptr && !job->poster_tried) home.spawn(draw_poster(job));
    if (job->outline == nullptr) home.spawn(extract_subtitles(job));
    if (queue.complete(job->id)) home.spawn(flush_alone(job));
  }
  refresh_positions();
}

io::Task<bool> Scheduler::Impl::recall(JobPtr job, const store::Video& video,
                                       std::vector<std::vector<std::uint32_t>>& done) {
  // Both halves of the plan must be there.
  auto shown_text = co_await blobs.read_small(job->id, std::string(hls::kPresentationBlob),
                                              hls::kPresentationBytesMax);
  auto file = co_await blobs.open_blob(job->id, std::string(kPlanBlob));
  if (!video.playable || !shown_text || !file) co_return false;
  // Workers of this version could not read another's plan: it is made anew, and its segments.
  std::array<std::byte, kPlanHeadBytes> head;
  const auto got = co_await home.read_at(file->get(), head, 0);
  if (!got || !is_current_plan(as_text(ByteSpan(head).first(*got)))) co_return false;
  auto shown = hls::parse_presentation(*shown_text);
  auto segments = co_await catalogue.segments(job->id);
  if (!shown || !segments) co_return false;
  if (shown->growing) {
    struct stat status{};
    if (::fstat(file->get(), &status) < 0) co_return false;
    auto text = co_await read_index(file->get(), static_cast<std::uint64_t>(status.st_size));
    if (!text) co_return false;
    auto parsing = io::offload(thinker, [&text]() -> Result<Plan> {
      auto plan = parse_plan(*text);
      if (!plan) return plan;
      return outline(*plan);
    });
    auto plan = co_await parsing;
    if (!plan) co_return false;
    job->outline = std::make_shared<const Plan>(std::move(*plan));
  }
  job->shown = std::move(*shown);
  job->shapes = shapes_of(job->shown);
  job->tallies = tallies_of(job->shapes);
  done.resize(job->shapes.size());
  for (const store::Segment& segment : *segments) {
    const auto row = std::ranges::find(job->shapes, segment.track, &TrackShape::name);
    if (row == job->shapes.end()) continue;
    const auto index = static_cast<std::size_t>(row - job->shapes.begin());
    std::vector<hls::KeyPicture> pictures;
    for (const store::IFrame& frame : segment.i_frames) {
      pictures.push_back({frame.pts_ticks, {frame.bytes, frame.offset}});
    }
    if (job->tallies[index].add(segment.number, segment.bytes, segment.duration_ticks,
                                segment.damaged_frames, std::move(pictures))) {
      done[index].push_back(segment.number);
    }
  }
  for (std::size_t i = 0; i < job->shapes.size(); ++i) {
    const auto& shape = job->shapes[i];
    job->tallies[i].codecs =
        shape.audio ? job->shown.audio[shape.index].codecs : job->shown.video[shape.index].codecs;
  }
  co_return true;
}

Scheduler::Impl::JobPtr Scheduler::Impl::find(const std::string& id) const {
  const auto found = jobs.find(id);
  return found == jobs.end() ? nullptr : found->second;
}

void Scheduler::Impl::end_job(const JobPtr& job, const Result<>& answer) {
  if (job->ended) return;
  job->ended = true;
  job->flush_timer.cancel();
  job->arrival.look_timer.cancel();
  job->arrival.starve_timer.cancel();
  queue.remove(job->id);
  jobs.erase(job->id);
  for (const unsigned worker : job->workers) supervisor.cancel(worker);
  leaving.push_back(job);
  if (!gate.closed()) home.spawn(see_off(job));
  demand.answer_segments(job->id, answer);
  refresh_positions();
}

// Waits until nobody acts for the job any more.
io::Task<void> Scheduler::Impl::see_off(JobPtr job) {
  const auto pass = gate.enter();
  co_await job->users.close();
  std::erase(leaving, job);
  left.wake(job->id);
}

io::Task<void> Scheduler::Impl::forget(std::string id) {
  gone.push_back(id);
  if (gone.size() > kGoneMax) gone.pop_front();
  if (const JobPtr job = find(id)) end_job(job, fail(unavailable("This video is being deleted.")));
  const auto still_here = [&] {
    return std::ranges::any_of(leaving, [&](const JobPtr& job) { return job->id == id; });
  };
  while (still_here() && !stopping) co_await left.wait(id);
  co_await forget_orders(id);
  supervisor.forget(id);
  video_log.remove(id);
}

io::Task<Result<>> Scheduler::Impl::intend(
    std::string id, std::function<Result<>(store::Job&, store::Video&)> change) {
  io::Reactor& caller = io::Reactor::current();
  auto updated = co_await catalogue.update_job(id, std::move(change));
  if (!updated && updated.error().code == ErrorCode::kNotFound && catalogue.cached_video(id)) {
    co_return fail(ErrorCode::kConflict, "This video is still being uploaded.");
  }
  if (!updated) co_return fail(std::move(updated.error()));
  co_await hop_to(home);
  co_await sync_alone(std::move(id));
  co_await hop_to(caller);
  co_return {};
}

void Scheduler::Impl::on_wish(const store::Wish& wish) {
  static metrics::Counter& wishes = metrics::counter(
      "streamforge_transcode_wishes_total", "Segments that viewers asked for before they existed");
  if (stopping) return;
  if (store::is_whole_file(wish)) return order(wish);
  // Its record may say "playable" before the queue knows its segments.
  const bool early =
      taking_up || syncing.contains(wish.video) || (find(wish.video) && !queue.planned(wish.video));
  if (early && early_wishes.size() < TaskQueue::kWishesMax) {
    early_wishes.push_back(wish);
    return;
  }
  wishes.add();
  switch (queue.wish(wish.video, wish.track, wish.segment, home.now_ms())) {
    case WishAnswer::kQueued:
      for (auto& [worker, task] : in_hand) {
        if (task.wish == wish) task.why = InHand::Why::kAwaited;
      }
      pump();
      make_room();
      break;
    case WishAnswer::kMade:
      demand.satisfy(wish);
      break;
    case WishAnswer::kBusy:
      demand.refuse(wish, unavailable("Too many viewers wait for segments."));
      break;
    case WishAnswer::kUnknown:
      home.spawn(answer_stranger(wish));
      break;
  }
}

void Scheduler::Impl::on_left(const store::Wish& wish) {
  queue.left(wish.video, wish.track, wish.segment);
  for (auto& [worker, task] : in_hand) {
    if (task.wish == wish) task.why = InHand::Why::kLeft;
  }
  make_room();
}

void Scheduler::Impl::make_room() {
  const auto end_one = [this](InHand::Why why) {
    const auto unwanted = std::ranges::find_if(in_hand, [&](const auto& entry) {
      return entry.second.why == why && !demand.wanted(entry.second.wish);
    });
    if (unwanted == in_hand.end()) return false;
    supervisor.cancel(unwanted->first);
    return true;
  };
  const auto is_wanted = [this](std::string_view video, std::string_view track,
                                std::uint32_t segment) {
    return demand.wanted({std::string(video), std::string(track), segment});
  };
  if (queue.wish_waits(home.now_ms(), is_wanted)) {
    if (!end_one(InHand::Why::kLeft)) end_one(InHand::Why::kAhead);
  } else if (queue.ahead_waits(home.now_ms())) {
    end_one(InHand::Why::kLeft);
  }
}

// A wish for a video that is not being made: it may just have become ready.
io::Task<void> Scheduler::Impl::answer_stranger(store::Wish wish) {
  if (gate.closed()) co_return;
  const auto pass = gate.enter();
  const auto blob = co_await blobs.open_blob(wish.video, segment_path(wish.track, wish.segment));
  if (blob) {
    demand.satisfy(wish);
  } else {
    demand.refuse(wish, {ErrorCode::kNotFound, "There is no such segment.", 0});
  }
}

void Scheduler::Impl::refresh_positions() {
  const std::vector<std::string> waiting = queue.waiting();
  std::unordered_map<std::string, unsigned> fresh;
  for (unsigned i = 0; i < waiting.size(); ++i) fresh.emplace(waiting[i], i + 1);
  const std::lock_guard lock(positions_mutex);
  positions.swap(fresh);
}

// --- The front door.

Scheduler::Scheduler(io::Reactor& home, store::Catalogue& catalogue, store::BlobStore& blobs,
                     store::Demand& demand, LadderOptions ladder, WorkerOptions workers)
    : impl_(std::make_shared<Impl>(home, catalogue, blobs, demand, std::move(ladder),
                                   std::move(workers))) {}
Scheduler::~Scheduler() { SF_ASSERT(!impl_->started || impl_->stopping); }

io::Task<Result<>> Scheduler::start() { return impl_->start(); }
io::Task<void> Scheduler::stop() {
  io::Reactor& caller = io::Reactor::current();
  co_await hop_to(impl_->home);
  co_await impl_->stop();
  co_await hop_to(caller);
}

io::Task<Result<>> Scheduler::cancel(std::string video) {
  std::function<Result<>(store::Job&, store::Video&)> change =
      [](store::Job& job, store::Video& record) -> Result<> {
    if (!is_open(job.state)) return fail(ErrorCode::kConflict, "There is nothing to cancel.");
    job.state = store::JobState::kCancelled;
    record.status = store::VideoStatus::kCancelled;
    record.paused = false;
    record.eta_ms = 0;
    return {};
  };
  return impl_->intend(std::move(video), std::move(change));
}

io::Task<Result<>> Scheduler::retry(std::string video) {
  std::function<Result<>(store::Job&, store::Video&)> change =
      [](store::Job& job, store::Video& record) -> Result<> {
    if (job.state != store::JobState::kFailed && job.state != store::JobState::kCancelled) {
      return fail(ErrorCode::kConflict, "Only a failed or cancelled video can be tried again.");
    }
    job.state = store::JobState::kWaiting;
    ++job.attempts;
    job.queued_at_ms = wall_ms();
    record.status = record.playable ? store::VideoStatus::kProcessing : store::VideoStatus::kQueued;
    record.error.reset();
    return {};
  };
  return impl_->intend(std::move(video), std::move(change));
}

io::Task<Result<>> Scheduler::pause(std::string video) {
  std::function<Result<>(store::Job&, store::Video&)> change =
      [](store::Job& job, store::Video& record) -> Result<> {
    if (!is_open(job.state)) return fail(ErrorCode::kConflict, "There is nothing to pause.");
    job.state = store::JobState::kPaused;
    record.paused = true;
    record.eta_ms = 0;
    return {};
  };
  return impl_->intend(std::move(video), std::move(change));
}

io::Task<Result<>> Scheduler::resume(std::string video) {
  std::function<Result<>(store::Job&, store::Video&)> change =
      [](store::Job& job, store::Video& record) -> Result<> {
    if (job.state != store::JobState::kPaused) {
      return fail(ErrorCode::kConflict, "This video is not paused.");
    }
    job.state = store::JobState::kWaiting;
    record.paused = false;
    return {};
  };
  return impl_->intend(std::move(video), std::move(change));
}

io::Task<Result<>> Scheduler::prioritise(std::string video) {
  std::function<Result<>(store::Job&, store::Video&)> change = [](store::Job& job,
                                                                  store::Video&) -> Result<> {
    if (!is_open(job.state)) return fail(ErrorCode::kConflict, "There is nothing left to do.");
    // The one asked for last goes first.
    job.priority = wall_ms();
    return {};
  };
  return impl_->intend(std::move(video), std::move(change));
}

io::Task<void> Scheduler::forget(std::string video) {
  io::Reactor& caller = io::Reactor::current();
  co_await hop_to(impl_->home);
  co_await impl_->forget(std::move(video));
  co_await hop_to(caller);
}

unsigned Scheduler::queue_position(const std::string& video) const {
  const std::lock_guard lock(impl_->positions_mutex);
  const auto found = impl_->positions.find(video);
  return found == impl_->positions.end() ? 0 : found->second;
}

}  // namespace sf::transcode

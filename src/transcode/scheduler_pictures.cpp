/// Pictures of a video: the poster as soon as it is planned, the storyboard's sheets when all its
/// segments are there. Drawn by borrowed workers, small tasks outside the queue's order. A video
/// whose pictures cannot be drawn is ready without them.

#include "scheduler_impl.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/hls/storyboard.hpp>

#include <sys/stat.h>

namespace sf::transcode {
namespace {

void complain(const std::string& video, const std::string& name, const Error& error) {
  log::warn("transcode", "a picture could not be drawn",
            {{"video", video}, {"file", name}, {"reason", error.message}});
}

}  // namespace

void Scheduler::Impl::lend() {
  while (!borrowers.empty()) {
    const auto worker = spare_worker();
    if (!worker) return;
    Borrower* borrower = borrowers.front();
    borrowers.pop_front();
    borrower->worker = worker;
    assigned[*worker] = true;
    home.post([waiter = borrower->waiter] { waiter.resume(); });
  }
}

void Scheduler::Impl::refuse_borrowers() {
  for (Borrower* borrower : std::exchange(borrowers, {})) {
    home.post([waiter = borrower->waiter] { waiter.resume(); });
  }
}

io::Task<Result<>> Scheduler::Impl::draw(JobPtr job, Command command, std::string name) {
  struct Borrowing {
    Impl& self;
    Borrower& borrower;
    bool await_ready() const noexcept { return self.stopping; }
    void await_suspend(std::coroutine_handle<> waiter) const {
      borrower.waiter = waiter;
      self.borrowers.push_back(&borrower);
      self.pump();
    }
    void await_resume() const noexcept {}
  };
  Borrower borrower;
  Borrowing borrowing{*this, borrower};
  co_await borrowing;
  if (!borrower.worker) co_return fail(ErrorCode::kUnavailable, "the server is stopping");
  const unsigned worker = *borrower.worker;
  auto drawn = co_await draw_with(job, std::move(command), std::move(name), worker);
  assigned[worker] = false;
  pump();
  co_return drawn;
}

io::Task<Result<>> Scheduler::Impl::draw_with(JobPtr job, Command command, std::string name,
                                              unsigned worker) {
  auto source = co_await blobs.open_source(job->id);
  if (!source) co_return fail(std::move(source.error()));
  struct stat status{};
  if (::fstat(source->get(), &status) < 0) co_return fail_errno(errno, "fstat");
  auto plan = co_await blobs.open_blob(job->id, std::string(kPlanBlob));
  if (!plan) co_return fail(std::move(plan.error()));
  auto output = co_await blobs.make_unnamed(job->id);
  if (!output) co_return fail(std::move(output.error()));
  TaskSpec spec;
  spec.descriptors = {source->get(), plan->get()};
  UniqueFd tiles;
  if (command.kind == TaskKind::kSheet) {
    auto opened = co_await blobs.open_scratch(job->id, std::string(kTilesBlob));
    if (!opened) co_return fail(std::move(opened.error()));
    tiles = std::move(*opened);
    spec.descriptors.push_back(tiles.get());
  }
  spec.descriptors.push_back(output->get());
  if (job->ended || !supervisor.idle(worker)) {
    co_return fail(ErrorCode::kCancelled, "it is not wanted any more");
  }
  command.video = job->id;
  command.source_bytes = static_cast<std::uint64_t>(status.st_size);
  spec.command = std::move(command);
  job->workers.insert(worker);
  const TaskReport report = co_await supervisor.run(worker, std::move(spec));
  job->workers.erase(worker);
  if (report.end != TaskEnd::kDone) co_return fail(report.error);
  if (job->ended) co_return fail(ErrorCode::kCancelled, "it is not wanted any more");
  co_return co_await publish_made(job->id, output->get(), report.outputs.front().bytes,
                                  std::move(name));
}

io::Task<void> Scheduler::Impl::draw_poster(JobPtr job) {
  if (gate.closed() || job->ended || job->poster_tried || job->shown.video.empty()) co_return;
  const auto pass = gate.enter();
  const auto job_pass = job->users.enter();
  job->poster_tried = job->drawing = true;
  Command command;
  command.kind = TaskKind::kPoster;
  std::string name(hls::kPosterName);
  auto drawn = co_await draw(job, std::move(command), name);
  if (drawn && !job->ended) {
    std::function<Result<>(store::Video&)> change = [](store::Video& video) -> Result<> {
      video.poster = true;
      return {};
    };
    auto updated =
        co_await catalogue.update_video(job->id, std::move(change), store::EventKind::kUpdated);
    if (!updated) drawn = fail(std::move(updated.error()));
  }
  if (!drawn && !job->ended && !stopping) complain(job->id, name, drawn.error());
  job->drawing = false;
  poster_ended.wake(job->id);
}

// Before the video is ready, so that a restart in the middle goes on here.
io::Task<void> Scheduler::Impl::draw_pictures(JobPtr job) {
  if (job->shown.video.empty()) co_return;
  co_await draw_poster(job);
  while (job->drawing) co_await poster_ended.wait(job->id);
  const auto segments = static_cast<std::uint32_t>(job->shown.timeline.video.size());
  for (std::uint32_t sheet = 0; sheet < hls::sheet_count(segments); ++sheet) {
    const std::string name = hls::sheet_name(sheet);
    const auto there = co_await blobs.open_blob(job->id, name);
    if (there) continue;
    Command command;
    command.kind = TaskKind::kSheet;
    command.segment = sheet;
    auto drawn = co_await draw(job, std::move(command), name);
    if (job->ended || stopping) co_return;
    if (!drawn) {
      complain(job->id, name, drawn.error());
      co_return;
    }
  }
  job->storyboard = true;
  auto removed = co_await blobs.remove_blob(job->id, std::string(kTilesBlob));
  if (!removed) complain(job->id, std::string(kTilesBlob), removed.error());
}

io::Task<Result<>> Scheduler::Impl::forget_pictures(std::string id) {
  auto removed = co_await blobs.remove_blob(id, std::string(hls::kSubtitlePackBlob));
  if (removed) removed = co_await blobs.remove_blob(id, std::string(kTilesBlob));
  for (std::uint32_t sheet = 0; removed; ++sheet) {
    // They are drawn in order: behind the first that is missing there is none.
    const std::string name = hls::sheet_name(sheet);
    const auto there = co_await blobs.open_blob(id, name);
    if (!there) break;
    removed = co_await blobs.remove_blob(id, name);
  }
  co_return removed;
}

}  // namespace sf::transcode

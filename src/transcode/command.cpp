#include <streamforge/transcode/command.hpp>

#include "command_files.hpp"
#include "command_input.hpp"
#include "command_session.hpp"
#include "command_subtitles.hpp"
#include "command_view.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "progress.hpp"
#include "quality.hpp"
#include "supervisor.hpp"
#include "task_queue.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/hls/storyboard.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace sf::transcode {
namespace {

constexpr const char* kVideo = "film";  // The one of this run, to queue and workers.
constexpr const char* kPlanName = ".plan";
constexpr const char* kTimelineName = ".timeline";
constexpr const char* kTilesName = ".tiles";
constexpr const char* kPackName = ".subtitles";
constexpr std::size_t kPlanBytesMax = std::size_t{256} << 20;
constexpr std::uint32_t kTickMs = 250;

QueueOptions queue_options(unsigned workers) {
  QueueOptions options;
  options.workers = workers;
  options.lead_segments = 0;  // Nobody watches yet: each segment is decoded once.
  options.attempts_max = limits::kTaskAttemptsMax;
  return options;
}

WorkerOptions worker_options(WorkerOptions options) {
  options.workers = std::max(1u, options.workers);
  options.urgent_workers = 0;
  options.followers = 0;
  options.idle_class = false;  // Somebody waits for all of it.
  return options;
}

/// What prepares a run, on the pool: the folder, its manifest, the film.
struct Prepared {
  OutputDir out;
  Manifest manifest;
  bool begun = false;  ///< By a run before.
  Input input;
};

void clear_folder(const OutputDir& out, const Manifest& manifest) {
  for (const ManifestSegment& segment : manifest.segments) {
    // "720p", "audio/0": names that we wrote; nothing that leads out of the folder.
    const std::string folder = segment.track.substr(0, segment.track.find('/'));
    if (!folder.empty() && folder.front() != '.') out.remove_tree(folder);
  }
  out.remove_tree("storyboard");
  out.remove_tree("subtitles");
  for (const char* name : {kPlanName, kTimelineName, kTilesName, kPackName, kSpoolName,
                           "master.m3u8", "poster.jpg", "storyboard.vtt"}) {
    out.remove(name);
  }
}

Result<Prepared> prepare(const TranscodeCommand& command) {
  const bool from_stdin = command.input == "-";
  Prepared prepared;
  if (!from_stdin) {
    auto input = open_input(command.input);
    if (!input) return fail(std::move(input.error()));
    prepared.input = std::move(*input);
  } else {
    prepared.input.name = std::string("-");
  }
  auto out = OutputDir::open(command.out_dir);
  if (!out) return fail(std::move(out.error()));
  prepared.out = std::move(*out);
  ManifestHead wanted;
  wanted.input = prepared.input.name;
  wanted.bytes = prepared.input.bytes;
  wanted.modified_ns = prepared.input.modified_ns;
  for (const LadderRung& rung : command.ladder.rungs) wanted.rungs.push_back(to_string(rung));
  wanted.segment_seconds = command.ladder.segment_seconds;
  wanted.copy = command.ladder.copy;

  auto text = prepared.out.manifest();
  if (!text) return fail(std::move(text.error()));
  // A run that was killed before its first line was whole has done nothing.
  if (text->find('\n') != std::string::npos) {
    auto found = parse_manifest(*text);
    if (command.restart) {
      if (found) clear_folder(prepared.out, *found);
    } else if (!found) {
      return fail(found.error().code, concat("cannot go on in ", command.out_dir, ": ",
                                             found.error().message, "; --restart begins anew"));
    } else if (const std::string why = difference(found->head, wanted); !why.empty()) {
      return fail(ErrorCode::kConflict,
                  concat("cannot go on in ", command.out_dir, ": ", why,
                         ". Choose another folder with --out, or begin anew with --restart"));
    } else {
      prepared.manifest = std::move(*found);
      prepared.begun = true;
    }
  }
  if (!prepared.begun) {
    if (auto cleared = prepared.out.clear_manifest(); !cleared) return fail(cleared.error());
    if (auto told = prepared.out.append_manifest(encode(wanted)); !told) return fail(told.error());
  } else if (text->back() != '\n') {
    // The line that was cut off must not swallow the next one.
    const std::string whole = text->substr(0, text->rfind('\n') + 1);
    if (auto cleared = prepared.out.clear_manifest(); !cleared) return fail(cleared.error());
    if (auto told = prepared.out.append_manifest(whole); !told) return fail(told.error());
  }
  prepared.manifest.head = std::move(wanted);
  return prepared;
}

/// One run of the command. Lives on the session's reactor.
class LocalTranscode {
 public:
  LocalTranscode(Session& session, const TranscodeCommand& command)
      : session_(session),
        home_(session.home),
        command_(command),
        log_({}),
        supervisor_(home_, worker_options(command.workers), log_),
        queue_(queue_options(worker_options(command.workers).workers)),
        assigned_(supervisor_.count()),
        view_(command.progress) {}

  io::Task<int> run() {
    began_ms_ = home_.now_ms();
    session_.on_interrupt = [this] { end(fail(ErrorCode::kCancelled, "interrupted")); };
    Result<> done = co_await whole();
    session_.on_interrupt = nullptr;
    view_.clear();
    if (session_.interrupted && !done) {
      view_.interrupted(command_.out_dir);
      co_return kExitInterrupted;
    }
    if (!done) {
      view_.failed(failure_code_.empty() ? name_of(done.error().code) : failure_code_,
                   done.error().message);
      co_return kExitFailed;
    }
    co_return kExitDone;
  }

 private:
  io::Task<Result<>> whole();
  io::Task<Result<>> take_input();
  io::Task<Result<>> take_up_plan();
  io::Task<Result<>> work();
  io::Task<Result<>> draw_pictures();
  io::Task<Result<>> extract_subtitles();
  io::Task<Result<>> draw(Command command, std::string name);
  io::Task<Result<>> finish();
  io::Task<void> tick();
  void pump();
  io::Task<void> perform(QueueTask task);
  io::Task<Result<std::vector<Unnamed>>> make_outputs(std::size_t count);
  io::Task<void> settle_index(QueueTask task, TaskReport report, std::vector<Unnamed> outputs);
  io::Task<void> settle_segment(QueueTask task, TaskReport report, std::vector<Unnamed> outputs);
  void settle_failure(const QueueTask& task, const TaskReport& report);
  void adopt(hls::Presentation shown, const std::vector<ManifestSegment>& segments);
  void count(const ManifestSegment& segment, std::uint32_t row);
  void end(Result<> outcome);
  [[nodiscard]] ProgressState progress() const;
  [[nodiscard]] double begun() const;  ///< Of the work in hand.
  [[nodiscard]] std::string master_path() const { return command_.out_dir + "/master.m3u8"; }

  Session& session_;
  io::Reactor& home_;
  const TranscodeCommand& command_;
  VideoLog log_;
  Supervisor supervisor_;
  TaskQueue queue_;
  std::vector<bool> assigned_;
  ProgressView view_;
  OutputDir out_;
  Manifest manifest_;
  Input input_;
  UniqueFd plan_;
  UniqueFd tiles_;  // Of what is decoded; what is missing is decoded again.
  hls::Presentation shown_;
  std::vector<TrackShape> shapes_;
  std::vector<Tally> tallies_;
  std::map<std::uint32_t, std::vector<Quality>> measured_;  // By row.
  std::size_t kept_ = 0;                                    // Segments of runs before.
  std::map<unsigned, std::pair<double, double>> running_;   // Worker: cost, part done.
  std::atomic<std::uint64_t> spooled_bytes_{0};
  Pace pace_;
  double paced_work_ = 0;
  std::uint64_t began_ms_ = 0;
  std::string_view stage_ = "reading";
  std::string failure_code_;
  std::optional<Result<>> outcome_;
  std::coroutine_handle<> waiter_;
  io::Timer retry_timer_;
  io::Gate gate_;
};

io::Task<Result<>> LocalTranscode::whole() {
  auto preparing = io::offload(session_.pool, [this] { return prepare(command_); });
  auto prepared = co_await preparing;
  if (!prepared) co_return fail(std::move(prepared.error()));
  out_ = std::move(prepared->out);
  manifest_ = std::move(prepared->manifest);
  input_ = std::move(prepared->input);
  if (auto taken = co_await take_input(); !taken) co_return fail(std::move(taken.error()));
  if (manifest_.complete) {
    view_.ready(master_path(), home_.now_ms() - began_ms_, 0);
    co_return {};
  }
  auto opening =
      io::offload(session_.pool, [this] { return out_.open_file(kTilesName, O_RDWR | O_CREAT); });
  auto tiles = co_await opening;
  if (!tiles) co_return fail(std::move(tiles.error()));
  tiles_ = std::move(*tiles);
  if (auto worked = co_await work(); !worked) co_return fail(std::move(worked.error()));
  co_return co_await finish();
}

io::Task<Result<>> LocalTranscode::take_input() {
  if (command_.input != "-") co_return {};
  if (manifest_.spool) {
    auto comparing = io::offload(
        session_.pool, [this] { return compare_input(*manifest_.spool, session_.interrupted); });
    if (auto same = co_await comparing; !same) co_return fail(std::move(same.error()));
  } else {
    auto spooling = io::offload(session_.pool, [this]() -> Result<ManifestSpool> {
      auto spool = spool_input(out_, session_.interrupted, spooled_bytes_);
      if (spool) {
        if (auto told = out_.append_manifest(encode(*spool)); !told) return fail(told.error());
      }
      return spool;
    });
    auto spool = co_await spooling;
    if (!spool) co_return fail(std::move(spool.error()));
    manifest_.spool = std::move(*spool);
  }
  if (manifest_.complete) co_return {};  // The copy is gone since.
  auto opened = open_spool(out_, *manifest_.spool);
  if (!opened) co_return fail(std::move(opened.error()));
  input_ = std::move(*opened);
  co_return {};
}

// What a run before has left: its plan, and segments whose files are what the manifest says.
io::Task<Result<>> LocalTranscode::take_up_plan() {
  if (!manifest_.planned) co_return {};
  struct Found {
    UniqueFd plan;
    hls::Presentation shown;
    std::vector<ManifestSegment> segments;
  };
  auto looking = io::offload(session_.pool, [this]() -> Result<Found> {
    Found found;
    auto plan = out_.open_file(kPlanName, O_RDONLY);
    if (!plan) return fail(std::move(plan.error()));
    found.plan = std::move(*plan);
    auto text = out_.read(kTimelineName, hls::kPresentationBytesMax);
    if (!text) return fail(std::move(text.error()));
    auto shown = hls::parse_presentation(*text);
    if (!shown) return fail(std::move(shown.error()));
    found.shown = std::move(*shown);
    for (ManifestSegment& segment : manifest_.segments) {
      const auto size = out_.size(segment_path(segment.track, segment.segment));
      if (size && *size == segment.bytes) found.segments.push_back(std::move(segment));
    }
    return found;
  });
  auto found = co_await looking;
  // Lost or damaged: indexing again gives the same plan.
  if (!found) co_return {};
  plan_ = std::move(found->plan);
  adopt(std::move(found->shown), found->segments);
  co_return {};
}

void LocalTranscode::adopt(hls::Presentation shown, const std::vector<ManifestSegment>& segments) {
  shown_ = std::move(shown);
  shapes_ = shapes_of(shown_);
  tallies_ = tallies_of(shapes_);
  std::vector<std::vector<std::uint32_t>> done(shapes_.size());
  for (const ManifestSegment& segment : segments) {
    const auto shape = std::ranges::find(shapes_, segment.track, &TrackShape::name);
    if (shape == shapes_.end()) continue;
    const auto row = static_cast<std::uint32_t>(shape - shapes_.begin());
    if (tallies_[row].segments.size() <= segment.segment) continue;
    count(segment, row);
    done[row].push_back(segment.segment);
    ++kept_;
  }
  std::size_t total = 0;
  for (const TrackShape& shape : shapes_) total += shape.segments;
  queue_.set_tracks(kVideo, shapes_, done);
  stage_ = "encoding";
  paced_work_ = queue_.work(kVideo).done;
  pace_.begin(home_.now_ms());
  view_.planned(shown_, kept_, total);
}

void LocalTranscode::count(const ManifestSegment& segment, std::uint32_t row) {
  if (!tallies_[row].add(segment.segment, segment.bytes, segment.duration_ticks,
                         segment.damaged_frames, segment.key_pictures)) {
    return;
  }
  if (!segment.codecs.empty()) tallies_[row].codecs = segment.codecs;
  if (segment.quality) measured_[row].push_back(*segment.quality);
}

io::Task<Result<>> LocalTranscode::work() {
  queue_.add({kVideo, "", 0, 0, input_.bytes});
  if (auto taken = co_await take_up_plan(); !taken) co_return fail(std::move(taken.error()));
  supervisor_.start([this](unsigned) { pump(); });
  home_.spawn(tick());
  if (queue_.complete(kVideo)) end({});
  struct Outcome {
    LocalTranscode& self;
    bool await_ready() const noexcept { return self.outcome_.has_value(); }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { self.waiter_ = waiter; }
    void await_resume() const noexcept {}
  };
  Outcome outcome{*this};
  co_await outcome;
  retry_timer_.cancel();
  if (*outcome_ && !session_.interrupted) {
    auto drawn = co_await draw_pictures();
    if (!drawn && !session_.interrupted) {
      view_.warning(concat("no poster or storyboard: ", drawn.error().message));
    }
    auto extracted = co_await extract_subtitles();
    if (!extracted && !session_.interrupted) {
      view_.warning(concat("no subtitles: ", extracted.error().message));
    }
    if (session_.interrupted) outcome_ = fail(ErrorCode::kCancelled, "interrupted");
  }
  co_await supervisor_.stop();
  co_await gate_.close();
  co_return std::move(*outcome_);
}

// The first outcome counts.
void LocalTranscode::end(Result<> outcome) {
  if (outcome_) return;
  outcome_ = std::move(outcome);
  if (waiter_) {
    home_.post([waiter = std::exchange(waiter_, nullptr)] { waiter.resume(); });
  }
}

void LocalTranscode::pump() {
  if (outcome_) return;
  for (unsigned worker = 0; worker < supervisor_.count(); ++worker) {
    if (!supervisor_.idle(worker) || assigned_[worker]) continue;
    auto task = queue_.next(worker, WorkerRole::kOrdinary, home_.now_ms());
    if (!task) continue;  // There may be some for another.
    assigned_[worker] = true;
    home_.spawn(perform(std::move(*task)));
  }
  if (const auto retry_ms = queue_.next_retry_ms(home_.now_ms())) {
    retry_timer_.arm(home_.timers(), static_cast<std::uint32_t>(*retry_ms - home_.now_ms()),
                     [this] { pump(); });
  }
}

io::Task<Result<std::vector<Unnamed>>> LocalTranscode::make_outputs(std::size_t count) {
  auto making = io::offload(session_.pool, [this, count]() -> Result<std::vector<Unnamed>> {
    std::vector<Unnamed> outputs;
    for (std::size_t i = 0; i < count; ++i) {
      auto output = out_.make_unnamed();
      if (!output) return fail(std::move(output.error()));
      outputs.push_back(std::move(*output));
    }
    return outputs;
  });
  co_return co_await making;
}

io::Task<void> LocalTranscode::perform(QueueTask task) {
  const auto pass = gate_.enter();
  auto outputs = co_await make_outputs(std::max<std::size_t>(1, task.tracks.size()));
  TaskReport report;
  if (!outputs) {
    report.end = TaskEnd::kReported;
    report.error = std::move(outputs.error());
  } else if (outcome_ || !supervisor_.idle(task.worker)) {
    report.end = TaskEnd::kCancelled;
  } else {
    TaskSpec spec;
    spec.command = command_of(task, shapes_, {.bytes = input_.bytes});
    spec.descriptors = {input_.file.get()};
    if (task.kind != TaskKind::kIndex) spec.descriptors.push_back(plan_.get());
    for (const Unnamed& output : *outputs) spec.descriptors.push_back(output.file.get());
    spec.command.measure = measures(task, shapes_, command_.workers.measure_quality);
    if (task.kind == TaskKind::kVideo) {
      spec.command.tiles = true;
      spec.descriptors.push_back(tiles_.get());
    }
    double cost = task.kind == TaskKind::kIndex ? 1 : 0;
    for (const std::uint32_t row : task.tracks) cost += shapes_[row].cost;
    running_[task.worker] = {cost, 0};
    spec.on_progress = [this, worker = task.worker](double done) {
      running_[worker].second = done;
    };
    report = co_await supervisor_.run(task.worker, std::move(spec));
    running_.erase(task.worker);
  }
  assigned_[task.worker] = false;
  if (report.end == TaskEnd::kCancelled) {
    queue_.released(task, false);
  } else if (report.end != TaskEnd::kDone) {
    settle_failure(task, report);
  } else if (task.kind == TaskKind::kIndex) {
    co_await settle_index(std::move(task), std::move(report), std::move(*outputs));
  } else {
    co_await settle_segment(std::move(task), std::move(report), std::move(*outputs));
  }
  pump();
}

void LocalTranscode::settle_failure(const QueueTask& task, const TaskReport& report) {
  const bool again = queue_.failed(task, home_.now_ms());
  const bool hopeless = is_final(report, task.kind) || report.error.code == ErrorCode::kNoSpace;
  if (again && !hopeless) return;
  const std::string part =
      task.kind == TaskKind::kIndex ? std::string() : concat("segment ", task.segment);
  const store::Failure failure = failure_of(report, part, hopeless ? 1 : limits::kTaskAttemptsMax);
  failure_code_ = failure.code;
  end(fail(report.error.code, report.error.code == ErrorCode::kNoSpace
                                  ? concat("no space left in ", command_.out_dir)
                                  : failure.message));
}

io::Task<void> LocalTranscode::settle_index(QueueTask task, TaskReport report,
                                            std::vector<Unnamed> outputs) {
  struct Planned {
    hls::Presentation shown;
    UniqueFd file;
    std::vector<std::string> warnings;
  };
  const std::uint64_t bytes = report.outputs.front().bytes;
  auto planning = io::offload(session_.pool, [&, this]() -> Result<Planned> {
    if (bytes > kPlanBytesMax) {
      return fail(ErrorCode::kTooLarge, "this film has more packets than can be indexed");
    }
    std::string text(bytes, '\0');
    if (::pread(outputs.front().file.get(), text.data(), text.size(), 0) !=
        static_cast<ssize_t>(text.size())) {
      return fail(ErrorCode::kIo, "the index cannot be read back");
    }
    if (!outputs.front().hidden.empty()) out_.remove(outputs.front().hidden);
    auto index = parse_index(text);
    if (!index) return fail(std::move(index.error()));
    auto plan = make_plan(std::move(*index), command_.ladder);
    if (!plan) return fail(std::move(plan.error()));
    Planned planned;
    planned.shown = present(*plan);
    planned.warnings = plan->index.warnings;
    if (auto wrote = out_.write(kPlanName, serialize(*plan)); !wrote) return fail(wrote.error());
    if (auto wrote = out_.write(kTimelineName, hls::serialize(planned.shown)); !wrote) {
      return fail(wrote.error());
    }
    if (auto told = out_.append_manifest(planned_line()); !told) return fail(told.error());
    auto file = out_.open_file(kPlanName, O_RDONLY);
    if (!file) return fail(std::move(file.error()));
    planned.file = std::move(*file);
    return planned;
  });
  auto planned = co_await planning;
  if (!planned) {
    report.end = TaskEnd::kReported;
    report.error = std::move(planned.error());
    settle_failure(task, report);
    co_return;
  }
  for (const std::string& warning : planned->warnings) view_.warning(warning);
  plan_ = std::move(planned->file);
  (void)queue_.made(task, report.wall_ms);
  adopt(std::move(planned->shown), {});
  if (queue_.complete(kVideo)) end({});
}

io::Task<void> LocalTranscode::settle_segment(QueueTask task, TaskReport report,
                                              std::vector<Unnamed> outputs) {
  (void)queue_.made(task, report.wall_ms);
  pump();  // The worker goes on while its files are synced.
  for (std::size_t i = 0; i < task.tracks.size(); ++i) {
    const std::uint32_t row = task.tracks[i];
    const SegmentOutput& output = report.outputs[i];
    const ManifestSegment made{shapes_[row].name,
                               task.segment,
                               output.bytes,
                               static_cast<std::uint64_t>(output.duration_ticks),
                               output.codecs,
                               output.damaged_frames,
                               key_pictures(output.i_frames),
                               output.quality};
    // The file first, then the line that says so.
    auto publishing = io::offload(session_.pool, [&, this]() -> Result<> {
      auto named = out_.publish(outputs[i], segment_path(made.track, made.segment));
      return named ? out_.append_manifest(encode(made)) : named;
    });
    auto published = co_await publishing;
    if (!published) {
      QueueTask rest = task;
      rest.tracks = {row};
      TaskReport failed;
      failed.end = TaskEnd::kReported;
      failed.error = std::move(published.error());
      settle_failure(rest, failed);
      continue;
    }
    count(made, row);
    queue_.committed(kVideo, row, task.segment);
    view_.segment(made);
  }
  if (queue_.complete(kVideo)) end({});
}

double LocalTranscode::begun() const {
  double work = 0;
  for (const auto& [worker, part] : running_) work += part.first * part.second;
  return work;
}

ProgressState LocalTranscode::progress() const {
  ProgressState state;
  state.stage = stage_;
  const double begun = this->begun();
  const TaskQueue::Work work = queue_.work(kVideo);
  if (work.total <= 0) {
    state.done = begun;  // The index pass.
    return state;
  }
  state.done = std::min(1.0, (work.done + begun) / work.total);
  const std::uint64_t now_ms = home_.now_ms();
  state.eta_ms = pace_.eta_ms(std::max(0.0, work.total - work.done - begun), now_ms);
  const double seconds = static_cast<double>(shown_.timeline.duration_ticks()) /
                         static_cast<double>(hls::kTicksPerSecond);
  state.speed = pace_.per_second(now_ms) / work.total * seconds;
  return state;
}

io::Task<void> LocalTranscode::tick() {
  const auto pass = gate_.enter();
  while (!outcome_) {
    // By the parts of tasks too: the first segments of a film end late and all at once.
    if (const TaskQueue::Work work = queue_.work(kVideo); work.total > 0) {
      const double now = work.done + begun();
      pace_.add(std::max(0.0, now - paced_work_), home_.now_ms());
      paced_work_ = now;
    }
    view_.update(progress());
    bool alive = false;
    for (unsigned worker = 0; worker < supervisor_.count(); ++worker) {
      alive = alive || supervisor_.pid(worker) >= 0;
    }
    if (!alive && !supervisor_.trouble().empty()) {
      end(fail(ErrorCode::kUnavailable, supervisor_.trouble()));
    }
    co_await home_.sleep_ms(kTickMs);
  }
}

io::Task<Result<>> LocalTranscode::draw(Command command, std::string name) {
  constexpr std::uint32_t kLookMs = 20;
  if (out_.size(name)) co_return {};  // By a run before.
  auto outputs = co_await make_outputs(1);
  if (!outputs) co_return fail(std::move(outputs.error()));
  std::optional<unsigned> worker;
  while (!worker) {
    if (session_.interrupted) co_return fail(ErrorCode::kCancelled, "interrupted");
    for (unsigned i = 0; i < supervisor_.count() && !worker; ++i) {
      if (supervisor_.idle(i)) worker = i;
    }
    if (worker) break;
    if (!supervisor_.trouble().empty()) {
      co_return fail(ErrorCode::kUnavailable, supervisor_.trouble());
    }
    co_await home_.sleep_ms(kLookMs);
  }
  TaskSpec spec;
  spec.descriptors = {input_.file.get(), plan_.get()};
  if (command.kind == TaskKind::kSheet) spec.descriptors.push_back(tiles_.get());
  spec.descriptors.push_back(outputs->front().file.get());
  command.video = kVideo;
  command.source_bytes = input_.bytes;
  spec.command = std::move(command);
  const TaskReport report = co_await supervisor_.run(*worker, std::move(spec));
  if (report.end != TaskEnd::kDone) co_return fail(report.error);
  auto publishing =
      io::offload(session_.pool, [&, this] { return out_.publish(outputs->front(), name); });
  co_return co_await publishing;
}

io::Task<Result<>> LocalTranscode::draw_pictures() {
  if (shown_.video.empty()) co_return {};
  Command poster;
  poster.kind = TaskKind::kPoster;
  auto drawn = co_await draw(std::move(poster), std::string(hls::kPosterName));
  const auto segments = static_cast<std::uint32_t>(shown_.timeline.video.size());
  for (std::uint32_t sheet = 0; sheet < hls::sheet_count(segments) && drawn; ++sheet) {
    Command command;
    command.kind = TaskKind::kSheet;
    command.segment = sheet;
    drawn = co_await draw(std::move(command), hls::sheet_name(sheet));
  }
  if (!drawn) co_return drawn;
  auto writing = io::offload(session_.pool, [this] {
    return out_.write(std::string(hls::kStoryboardName), hls::storyboard(shown_));
  });
  co_return co_await writing;
}

io::Task<Result<>> LocalTranscode::extract_subtitles() {
  auto looking = io::offload(session_.pool, [this]() -> Result<std::vector<SubtitleInfo>> {
    const auto text = out_.read(kPlanName, kPlanBytesMax);
    if (!text) return fail(text.error());
    auto plan = parse_plan(*text);
    if (!plan) return fail(std::move(plan.error()));
    return std::move(plan->index.subtitles);
  });
  const auto found = co_await looking;
  if (!found) co_return fail(found.error());
  if (found->empty()) co_return {};
  Command command;
  command.kind = TaskKind::kSubtitles;
  auto drawn = co_await draw(std::move(command), kPackName);
  if (!drawn) co_return drawn;
  auto unpacking = io::offload(session_.pool, [this, &found]() -> Result<UnpackedSubtitles> {
    const auto pack = out_.read(kPackName, kPlanBytesMax);
    if (!pack) return fail(pack.error());
    return unpack_subtitles(out_, *pack, *found);
  });
  auto unpacked = co_await unpacking;
  if (!unpacked) co_return fail(std::move(unpacked.error()));
  for (const std::string& warning : unpacked->warnings) view_.warning(warning);
  shown_.subtitles = std::move(unpacked->tracks);
  co_return {};
}

io::Task<Result<>> LocalTranscode::finish() {
  for (std::size_t row = 0; row < shapes_.size(); ++row) {
    tallies_[row].tell(shapes_[row].name, shown_);
  }
  auto writing = io::offload(session_.pool, [this]() -> Result<> {
    for (const PlaylistFile& file : playlists_of(shown_, shapes_, tallies_)) {
      if (auto wrote = out_.write(file.path, file.text); !wrote) return wrote;
    }
    if (auto told = out_.append_manifest(complete_line()); !told) return told;
    for (const char* name : {kPlanName, kTimelineName, kTilesName, kPackName, kSpoolName}) {
      out_.remove(name);
    }
    return {};
  });
  if (auto wrote = co_await writing; !wrote) co_return fail(std::move(wrote.error()));
  for (const auto& [row, segments] : measured_) {
    view_.quality(shapes_[row].name, segments.size(), mean_of(segments));
  }
  const std::string partial = partial_warning(losses_of(shapes_, tallies_));
  if (!partial.empty()) view_.warning(partial);
  const std::uint64_t wall_ms = home_.now_ms() - began_ms_;
  const double film_ms = static_cast<double>(shown_.timeline.duration_ticks()) /
                         (static_cast<double>(hls::kTicksPerSecond) / 1'000);
  const bool in_one_run = kept_ == 0 && wall_ms > 0;
  view_.ready(master_path(), wall_ms, in_one_run ? film_ms / static_cast<double>(wall_ms) : 0);
  co_return {};
}

io::Task<int> run_whole(Session& session, const TranscodeCommand& command) {
  LocalTranscode transcode(session, command);
  co_return co_await transcode.run();
}

}  // namespace

int run_transcode(const TranscodeCommand& command) {
  return run_session(command.backend,
                     [&command](Session& session) { return run_whole(session, command); });
}

}  // namespace sf::transcode

#include "scheduler_impl.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <sys/stat.h>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::uint32_t kCommitDelayMs = 200;  // Background results share a record write.
constexpr std::uint64_t kIndexBytesMax = std::uint64_t{256} << 20;

/// What a commit says of one track; absolute, so that saying it twice is harmless.
struct TrackCount {
  std::string name;
  std::uint64_t done = 0;
  std::uint64_t bytes = 0;
  std::string codecs;
  hls::Rates rates;
  std::uint64_t i_frame_bps = 0;
  std::vector<Quality> measured;  ///< Of segments that were not counted before.
};

template <class Record>
void set_counts(Record& record, const TrackCount& count) {
  record.segments_done = count.done;
  record.bytes = count.bytes;
  if (!count.codecs.empty()) record.codecs = count.codecs;
  record.peak_bps = count.rates.peak_bps;
  record.average_bps = count.rates.average_bps;
}

void add_quality(store::Rendition& rendition, const Quality& quality) {
  const auto mean = [before = rendition.measured_segments](std::uint64_t& of, double one) {
    of = (of * before + static_cast<std::uint64_t>(one + 0.5)) / (before + 1);
  };
  mean(rendition.ssim_millionths, quality.ssim * 1e6);
  mean(rendition.psnr_millidb, quality.psnr_db * 1e3);
  ++rendition.measured_segments;
}

void set_counts(store::Video& video, const std::vector<TrackCount>& counts) {
  for (const TrackCount& count : counts) {
    for (store::Rendition& rendition : video.renditions) {
      if (rendition.name != count.name) continue;
      set_counts(rendition, count);
      rendition.i_frame_bps = count.i_frame_bps;
      for (const Quality& quality : count.measured) add_quality(rendition, quality);
    }
    for (store::AudioTrack& track : video.audio) {
      if (concat("audio/", track.name) == count.name) set_counts(track, count);
    }
  }
}

/// Of the whole, while it arrives.
std::uint64_t expected_ms(const Plan& plan) {
  const std::int64_t ticks =
      plan.index.needs.empty() ? plan.index.promised_ticks : plan.timeline.duration_ticks();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, ticks)) /
         (hls::kTicksPerSecond / 1'000);
}

void describe_subtitles(store::Video& video, const std::vector<SubtitleInfo>& found) {
  video.subtitles.clear();
  for (const SubtitleInfo& info : found) {
    video.subtitles.push_back({std::to_string(video.subtitles.size()), info.language, info.title,
                               info.codec, info.is_default, info.forced, info.hearing_impaired,
                               false, info.left_out});
  }
}

void describe(store::Video& video, const Plan& plan, const hls::Presentation& shown) {
  video.playable = true;
  video.duration_ms =
      static_cast<std::uint64_t>(shown.timeline.duration_ticks()) / (hls::kTicksPerSecond / 1'000);
  video.expected_duration_ms = shown.growing ? expected_ms(plan) : 0;
  video.source.container = plan.index.container;
  video.warnings = plan.index.warnings;
  if (plan.index.video) {
    video.width = plan.index.video->display_width;
    video.height = plan.index.video->display_height;
    video.fps_numerator = static_cast<std::uint32_t>(plan.frame_rate.numerator);
    video.fps_denominator = static_cast<std::uint32_t>(plan.frame_rate.denominator);
    video.source.video_codec = plan.index.video->codec;
  }
  if (!plan.index.audio.empty()) video.source.audio_codec = plan.index.audio.front().codec;
  const auto before = std::exchange(video.renditions, {});
  for (std::size_t i = 0; i < plan.rungs.size(); ++i) {
    const RungPlan& rung = plan.rungs[i];
    store::Rendition rendition;
    rendition.name = rung.name;
    rendition.width = rung.width;
    rendition.height = rung.height;
    rendition.mode = rung.mode;
    rendition.why = rung.why;
    rendition.codecs = shown.video[i].codecs;
    rendition.max_bps = std::uint64_t{rung.max_kbps} * 1'000;
    rendition.segments_total = shown.timeline.video.size();
    if (const auto old = std::ranges::find(before, rung.name, &store::Rendition::name);
        old != before.end()) {  // More of it has come: what was measured stays.
      rendition.measured_segments = old->measured_segments;
      rendition.ssim_millionths = old->ssim_millionths;
      rendition.psnr_millidb = old->psnr_millidb;
    }
    video.renditions.push_back(std::move(rendition));
  }
  video.audio.clear();
  for (std::size_t i = 0; i < plan.audio.size(); ++i) {
    const AudioPlan& audio = plan.audio[i];
    store::AudioTrack track;
    track.name = audio.name;
    track.language = audio.language;
    track.label = audio.label;
    track.mode = audio.mode;
    track.why = audio.why;
    track.codecs = shown.audio[i].codecs;
    track.channels = audio.channels;
    track.sample_rate = audio.sample_rate;
    track.segments_total = shown.timeline.audio.size();
    video.audio.push_back(std::move(track));
  }
  describe_subtitles(video, plan.index.subtitles);
}

std::vector<TrackCount> counts_of(const std::vector<TrackShape>& shapes,
                                  const std::vector<Tally>& tallies, bool whole) {
  std::vector<TrackCount> counts;
  for (std::size_t row = 0; row < shapes.size(); ++row) {
    const Tally& tally = tallies[row];
    counts.push_back({shapes[row].name, tally.done, tally.bytes, tally.codecs,
                      whole ? tally.rates() : hls::Rates{}});
  }
  return counts;
}

bool is_over(store::JobState state) {
  return state == store::JobState::kCancelled || state == store::JobState::kFailed ||
         state == store::JobState::kDone;
}

}  // namespace

Result<Scheduler::Impl::Planned> Scheduler::Impl::plan_from(std::string_view index_bytes,
                                                            const LadderOptions& ladder,
                                                            const Plan* before, bool whole) {
  auto index = parse_index(index_bytes);
  if (!index) return fail(std::move(index.error()));
  auto plan = whole && before == nullptr ? make_plan(std::move(*index), ladder)
                                         : plan_arriving(std::move(*index), ladder, before, whole);
  if (!plan) return fail(std::move(plan.error()));
  std::string bytes = serialize(*plan);
  return Planned{std::move(*plan), std::move(bytes)};
}

void Scheduler::Impl::pump() {
  pump_again = true;
  if (pumping) return;  // A task that failed at once came back here.
  pumping = true;
  while (std::exchange(pump_again, false) && !stopping) {
    give_order();
    lend();
    // Made faster than the disk takes it: no more before some of it is published.
    const unsigned publishing_max = 2 * supervisor.count() + 4;
    for (unsigned i = 0; i < supervisor.count() && publishing < publishing_max; ++i) {
      const unsigned worker = supervisor.count() - 1 - i;  // Urgent ones first.
      if (!supervisor.idle(worker) || assigned[worker]) continue;
      auto task = queue.next(worker, supervisor.role(worker), home.now_ms());
      if (!task) continue;
      if (task->kind == TaskKind::kIndex) refresh_positions();
      assigned[worker] = true;
      home.spawn(perform(std::move(*task)));
    }
    if (const auto retry_ms = queue.next_retry_ms(home.now_ms())) {
      const auto wait_ms = std::min<std::uint64_t>(*retry_ms - home.now_ms(), 60'000);
      retry_timer.arm(home.timers(), static_cast<std::uint32_t>(wait_ms), [this] { pump(); });
    }
  }
  pumping = false;
}

std::optional<unsigned> Scheduler::Impl::spare_worker() const {
  for (unsigned worker = supervisor.count(); worker-- > 0;) {  // Followers are the last.
    if (supervisor.role(worker) == WorkerRole::kUrgent) continue;
    if (supervisor.idle(worker) && !assigned[worker]) return worker;
  }
  return std::nullopt;
}

io::Task<Result<>> Scheduler::Impl::publish_made(std::string id, int file, std::uint64_t bytes,
                                                 std::string name) {
  struct stat status{};
  if (::fstat(file, &status) < 0 || bytes == 0 ||
      static_cast<std::uint64_t>(status.st_size) != bytes) {
    co_return fail(ErrorCode::kInternal, "the worker's file is not what it said");
  }
  co_return co_await blobs.publish(std::move(id), file, std::move(name));
}

io::Task<Result<>> Scheduler::Impl::open_files(const QueueTask& task, Files& files) {
  auto source = co_await blobs.open_source(task.video);
  if (!source) co_return fail(std::move(source.error()));
  files.source = std::move(*source);
  struct stat status{};
  if (::fstat(files.source.get(), &status) < 0) co_return fail_errno(errno, "fstat");
  // Of a file that still arrives what is durable counts, not the room that is kept for it.
  const JobPtr job = find(task.video);
  files.extent.bytes = static_cast<std::uint64_t>(status.st_size);
  if (job && job->arrival.on) {
    files.extent.bytes = job->arrival.bytes;
    files.extent.tail = job->arrival.length ? job->arrival.tail : 0;
    files.extent.length = job->arrival.length.value_or(0);
  }
  if (task.kind != TaskKind::kIndex) {
    auto plan = co_await blobs.open_blob(task.video, std::string(kPlanBlob));
    if (!plan) co_return fail(std::move(plan.error()));
    files.plan = std::move(*plan);
  }
  const std::size_t outputs = std::max<std::size_t>(1, task.tracks.size());
  for (std::size_t i = 0; i < outputs; ++i) {
    auto output = co_await blobs.make_unnamed(task.video);
    if (!output) co_return fail(std::move(output.error()));
    files.outputs.push_back(std::move(*output));
  }
  const auto decoded = [&job](std::uint32_t row) { return !job->shown.video[row].copied; };
  if (job && task.kind == TaskKind::kVideo && std::ranges::any_of(task.tracks, decoded)) {
    auto tiles = co_await blobs.open_scratch(task.video, std::string(kTilesBlob));
    if (tiles) files.tiles = std::move(*tiles);  // Without it they are decoded again.
  }
  co_return {};
}

io::Task<void> Scheduler::Impl::perform(QueueTask task) {
  const auto pass = gate.enter();
  const JobPtr job = find(task.video);
  const auto job_pass = job->users.enter();
  if (task.kind != TaskKind::kIndex && (task.wished || task.urgent)) {
    // Whoever waited may be gone by now.
    const store::Wish wish{task.video, job->shapes[task.tracks.front()].name, task.segment};
    if (task.wished && !demand.wanted(wish)) {
      assigned[task.worker] = false;
      queue.released(task, true);
      pump();
      co_return;
    }
    const auto why = task.wished ? InHand::Why::kAwaited : InHand::Why::kAhead;
    if (task.urgent) in_hand[task.worker] = {wish, why};
  }
  Files files;
  TaskReport report;
  auto opened = co_await open_files(task, files);
  if (!opened) {
    report.end = TaskEnd::kReported;
    report.error = std::move(opened.error());
  } else if (job->ended || !supervisor.idle(task.worker)) {
    report.end = TaskEnd::kCancelled;
  } else {
    TaskSpec spec;
    spec.command = command_of(task, job->shapes, files.extent);
    spec.descriptors = {files.source.get()};
    if (files.plan) spec.descriptors.push_back(files.plan.get());
    for (const UniqueFd& output : files.outputs) spec.descriptors.push_back(output.get());
    spec.command.measure = measures(task, job->shapes, options.measure_quality);
    if (files.tiles) {
      spec.command.tiles = true;
      spec.descriptors.push_back(files.tiles.get());
    }
    if (task.kind == TaskKind::kIndex && (task.arriving || job->outline)) {
      spec.command.arriving = true;
      spec.command.whole = !job->arrival.on;
      job->arrival.used_bytes = files.extent.bytes;
      spec.on_waiting = [this, job, worker = task.worker,
                         output = files.outputs.front().get()](std::uint64_t index_bytes) {
        job->arrival.waiting = {worker, output, index_bytes};
        follow(job);
      };
    }
    job->workers.insert(task.worker);
    report = co_await supervisor.run(task.worker, std::move(spec));
    job->workers.erase(task.worker);
    if (task.kind == TaskKind::kIndex) job->arrival.waiting.reset();
  }
  in_hand.erase(task.worker);
  assigned[task.worker] = false;
  if (!job->ended) co_await settle(job, std::move(task), std::move(report), std::move(files));
  pump();
}

io::Task<void> Scheduler::Impl::settle(JobPtr job, QueueTask task, TaskReport report, Files files) {
  switch (report.end) {
    case TaskEnd::kCancelled:
      queue.released(task, false);
      break;
    case TaskEnd::kDone:
      if (task.kind == TaskKind::kIndex) {
        co_await settle_index(job, std::move(task), std::move(report), std::move(files));
      } else {
        co_await settle_segment(job, std::move(task), std::move(report), std::move(files));
      }
      break;
    default:
      co_await settle_failure(job, std::move(task), std::move(report));
      break;
  }
}

io::Task<void> Scheduler::Impl::settle_failure(JobPtr job, QueueTask task, TaskReport report) {
  const bool again = queue.failed(task, home.now_ms());
  const bool hopeless = is_final(report, task.kind) || report.error.code == ErrorCode::kNotFound;
  if (again && !hopeless) co_return;
  if (job->arrival.on) {
    // What is there may be too little, or the file may be bad: that is told of the whole.
    if (task.kind == TaskKind::kIndex) job->arrival.given_up = true;
    if (task.kind == TaskKind::kIndex) queue.set_fed(job->id, false);
    for (const std::uint32_t row : task.tracks) {
      demand.refuse({job->id, job->shapes[row].name, task.segment}, report.error);
    }
    co_return;
  }
  const std::string part =
      task.kind == TaskKind::kIndex ? std::string() : concat("segment ", task.segment);
  co_await fail_video(job, failure_of(report, part, hopeless ? 1 : limits::kTaskAttemptsMax));
}

io::Task<Result<std::string>> Scheduler::Impl::read_index(int file, std::uint64_t bytes) {
  if (bytes > kIndexBytesMax) {
    co_return fail(ErrorCode::kTooLarge, "This file has more packets than can be indexed.");
  }
  std::string text(bytes, '\0');
  const std::span<char> space(text);
  auto read = co_await home.read_exactly_at(file, std::as_writable_bytes(space), 0);
  if (!read) co_return fail(std::move(read.error()));
  co_return text;
}

io::Task<void> Scheduler::Impl::settle_index(JobPtr job, QueueTask task, TaskReport report,
                                             Files files) {
  if (job->arrival.on) {
    co_await take_table(job, std::move(task), std::move(report), std::move(files));
    co_return;
  }
  auto text = co_await read_index(files.outputs.front().get(), report.outputs.front().bytes);
  Result<Planned> planned = fail(ErrorCode::kInternal, "");
  if (text) {
    const std::shared_ptr<const Plan> before = job->outline;
    auto thinking = io::offload(
        thinker, [this, &text, &before] { return plan_from(*text, ladder, before.get(), true); });
    planned = co_await thinking;
  } else {
    planned = fail(std::move(text.error()));
  }
  if (job->ended) co_return;
  if (!planned && planned.error().code == ErrorCode::kConflict && job->outline) {
    co_await begin_anew(job);
    co_return;
  }
  Result<> stored;
  if (planned) {
    const bool first = job->outline == nullptr;
    stored = co_await store_plan(job, std::move(*planned), true);
    if (job->ended) co_return;
    if (stored) {
      (void)queue.made(task, report.wall_ms);
      if (first) queue.set_tracks(job->id, job->shapes, {});
    }
  } else {
    stored = fail(std::move(planned.error()));
  }
  if (!stored) {
    report.end = TaskEnd::kReported;
    report.error = std::move(stored.error());
    co_await settle_failure(job, std::move(task), std::move(report));
    co_return;
  }
  job->pace.begin(home.now_ms());
  answer_early_wishes();
  if (!job->poster_tried) home.spawn(draw_poster(job));
  home.spawn(extract_subtitles(job));
  if (queue.complete(job->id)) co_await flush(job);
}

// The plan's blobs first, then the record that says that they are there.
io::Task<Result<>> Scheduler::Impl::store_plan(JobPtr job, Planned planned, bool whole) {
  hls::Presentation shown = present(planned.plan);
  shown.growing = !whole;
  auto wrote =
      co_await blobs.write_small(job->id, std::string(kPlanBlob), std::move(planned.bytes));
  if (!wrote) co_return fail(std::move(wrote.error()));
  co_return co_await store_shown(job, planned.plan, std::move(shown), whole);
}

io::Task<Result<>> Scheduler::Impl::store_shown(JobPtr job, const Plan& plan,
                                                hls::Presentation shown, bool whole) {
  const bool first = job->outline == nullptr;
  std::string shown_text = hls::serialize(shown);
  auto wrote = co_await blobs.write_small(job->id, std::string(hls::kPresentationBlob),
                                          std::move(shown_text));
  if (!wrote) co_return fail(std::move(wrote.error()));
  // Segments of an earlier plan, whose blobs were lost, belong to no timeline that is known.
  if (first) {
    auto cleared = co_await catalogue.remove_segments(job->id);
    if (!cleared) co_return fail(std::move(cleared.error()));
    auto removed = co_await forget_pictures(job->id);
    if (!removed) co_return fail(std::move(removed.error()));
  }
  if (job->ended) co_return fail(ErrorCode::kConflict, "It has been ended.");
  std::vector<TrackShape> shapes = shapes_of(shown);
  if (!first) {
    // Who reads the new record may ask for what is new at once.
    queue.extend(job->id, shapes, whole);
    for (std::size_t row = 0; row < shapes.size(); ++row) {
      job->tallies[row].grow(shapes[row]);
    }
    job->shapes = shapes;
    job->shown = shown;
  }
  std::vector<TrackCount> counts;
  if (!first) counts = counts_of(job->shapes, job->tallies, whole);
  const Losses losses = losses_of(job->shapes, job->tallies);
  std::function<Result<>(store::Video&)> tell = [&](store::Video& video) -> Result<> {
    if (first) video.renditions.clear();
    describe(video, plan, shown);
    if (first) video.poster = video.storyboard = false;
    set_counts(video, counts);
    set_partial_warning(video.warnings, losses);
    return {};
  };
  Result<store::Video> updated = fail(ErrorCode::kInternal, "");
  if (whole) {
    std::function<Result<>(store::Job&, store::Video&)> change =
        [&tell](store::Job& record, store::Video& video) -> Result<> {
      if (is_over(record.state)) return fail(ErrorCode::kConflict, "It has been ended.");
      if (record.state == store::JobState::kWaiting) record.state = store::JobState::kRunning;
      if (video.status == store::VideoStatus::kQueued) {
        video.status = store::VideoStatus::kProcessing;
      }
      return tell(video);
    };
    updated =
        co_await catalogue.update_job(job->id, std::move(change), store::EventKind::kPlayable);
  } else {
    const auto event = first ? store::EventKind::kPlayable : store::EventKind::kProgress;
    updated = co_await catalogue.update_video(job->id, std::move(tell), event);
  }
  if (!updated) co_return fail(std::move(updated.error()));
  if (first) {
    job->shown = std::move(shown);
    job->shapes = std::move(shapes);
    job->tallies = tallies_of(job->shapes);
  }
  job->outline = whole ? nullptr : std::make_shared<const Plan>(outline(plan));
  co_return {};
}

io::Task<void> Scheduler::Impl::settle_segment(JobPtr job, QueueTask task, TaskReport report,
                                               Files files) {
  const std::vector<std::uint32_t> rows = queue.made(task, report.wall_ms);
  ++publishing;
  pump();  // The worker goes on while its files are synced.
  for (std::size_t i = 0; i < task.tracks.size(); ++i) {
    const std::uint32_t row = task.tracks[i];
    if (std::ranges::find(rows, row) == rows.end()) continue;  // Another worker was first.
    const SegmentOutput& output = report.outputs[i];
    std::string name = segment_path(job->shapes[row].name, task.segment);
    auto published =
        co_await publish_made(job->id, files.outputs[i].get(), output.bytes, std::move(name));
    if (job->ended) break;
    if (!published) {
      QueueTask rest = task;
      rest.tracks = {row};
      TaskReport failed;
      failed.end = TaskEnd::kReported;
      failed.error = std::move(published.error());
      log::error("transcode", "a segment could not be kept",
                 {{"video", job->id}, {"reason", failed.error.message}});
      co_await settle_failure(job, std::move(rest), std::move(failed));
      if (job->ended) break;
      continue;
    }
    job->pending.push_back({row, task.segment, output.bytes,
                            static_cast<std::uint64_t>(output.duration_ticks), output.codecs,
                            output.damaged_frames, output.i_frames, output.quality});
    flush_soon(job, queue.wished(job->id, row, task.segment));
  }
  --publishing;
}

void Scheduler::Impl::flush_soon(const JobPtr& job, bool now) {
  // The last ones too: the video becomes ready with them.
  std::size_t open = 0;
  for (const Tally& tally : job->tallies) open += tally.segments.size() - tally.done;
  if (now || job->pending.size() >= open) {
    job->flush_timer.cancel();
    if (!job->flushing) home.spawn(flush_alone(job));
  } else if (!job->flush_timer.armed()) {
    const std::weak_ptr<Job> weak = job;
    job->flush_timer.arm(home.timers(), kCommitDelayMs, [this, weak] {
      const JobPtr due = weak.lock();
      if (due && !due->ended && !due->flushing && !gate.closed()) home.spawn(flush_alone(due));
    });
  }
}

io::Task<void> Scheduler::Impl::flush_alone(JobPtr job) {
  if (gate.closed() || job->ended) co_return;  // `stop` flushes what is left.
  const auto pass = gate.enter();
  const auto job_pass = job->users.enter();
  co_await flush(job);
}

io::Task<void> Scheduler::Impl::flush(JobPtr job) {
  if (job->flushing) co_return;
  job->flushing = true;
  while (!job->pending.empty() && !job->ended) {
    std::vector<Made> batch = std::exchange(job->pending, {});
    if (!co_await commit(job, std::move(batch))) break;
  }
  job->flushing = false;
  if (!job->ended && !job->finishing && queue.complete(job->id)) co_await finish(job);
}

io::Task<bool> Scheduler::Impl::commit(JobPtr job, std::vector<Made> batch) {
  std::vector<store::Segment> segments;
  std::set<std::uint32_t> touched;
  std::map<std::uint32_t, std::vector<Quality>> measured;
  double work = 0;
  for (const Made& made : batch) {
    Tally& tally = job->tallies[made.row];
    const bool first = tally.add(made.segment, made.bytes, made.duration_ticks, made.damaged_frames,
                                 key_pictures(made.i_frames));
    if (first && made.quality) measured[made.row].push_back(*made.quality);
    if (!made.codecs.empty()) tally.codecs = made.codecs;
    work += job->shapes[made.row].cost;
    touched.insert(made.row);
    const std::string& track = job->shapes[made.row].name;
    store::Segment& segment = segments.emplace_back();
    segment.video = job->id;
    segment.track = track;
    segment.number = made.segment;
    segment.bytes = made.bytes;
    segment.duration_ticks = made.duration_ticks;
    segment.damaged_frames = made.damaged_frames;
    segment.blob_key = concat(job->id, '/', segment_path(track, made.segment));
    for (const IFrame& frame : made.i_frames) {
      segment.i_frames.push_back({frame.pts_ticks, frame.offset, frame.bytes});
    }
  }
  std::vector<TrackCount> counts;
  for (const std::uint32_t row : touched) {
    const Tally& tally = job->tallies[row];
    TrackCount& count = counts.emplace_back();
    count = {job->shapes[row].name, tally.done, tally.bytes, tally.codecs, {}, 0, measured[row]};
    if (job->outline) continue;  // What a part measures says nothing of the rest.
    count.rates = tally.rates();
    // The list first, then the record that offers it.
    auto list = i_frame_list_of(job->shown, tally);
    if (!list) continue;
    auto wrote = co_await blobs.write_small(job->id, concat(count.name, '/', hls::kIFrameListName),
                                            std::move(list->text));
    if (wrote) count.i_frame_bps = list->peak_bps;
  }
  const auto so_far = queue.work(job->id);
  const std::uint64_t eta_ms =
      job->pace.eta_ms(std::max(0.0, so_far.total - so_far.done - work), home.now_ms());
  std::function<Result<>(store::Video&)> change =
      [counts, eta_ms,
       losses = losses_of(job->shapes, job->tallies)](store::Video& video) -> Result<> {
    set_counts(video, counts);
    set_partial_warning(video.warnings, losses);
    const bool on = video.status == store::VideoStatus::kQueued ||
                    video.status == store::VideoStatus::kProcessing;
    if (on) video.status = store::VideoStatus::kProcessing;
    video.eta_ms = on ? eta_ms : 0;
    return {};
  };
  auto committed =
      co_await catalogue.commit_segments(job->id, std::move(segments), std::move(change));
  if (!committed) {
    log::error("transcode", "segments could not be recorded",
               {{"video", job->id}, {"reason", committed.error().message}});
    if (job->ended) co_return false;
    TaskReport failed;
    failed.end = TaskEnd::kReported;
    failed.error = std::move(committed.error());
    store::Failure failure = failure_of(failed, "", 1);
    co_await fail_video(job, std::move(failure));
    co_return false;
  }
  if (job->ended) co_return false;
  job->pace.add(work, home.now_ms());
  for (const Made& made : batch) {
    queue.committed(job->id, made.row, made.segment);
    demand.satisfy({job->id, job->shapes[made.row].name, made.segment});
  }
  co_return true;
}

// Everything exists: the folder becomes a plain HLS tree, then the video is ready.
io::Task<void> Scheduler::Impl::finish(JobPtr job) {
  job->finishing = true;
  co_await draw_pictures(job);
  co_await extract_subtitles(job);
  while (job->extracting) co_await subtitles_ended.wait(job->id);
  if (job->ended) co_return;
  if (stopping) {  // The next start goes on here.
    job->finishing = false;
    co_return;
  }
  std::vector<TrackCount> counts;
  for (std::size_t row = 0; row < job->shapes.size(); ++row) {
    const Tally& tally = job->tallies[row];
    const TrackShape& shape = job->shapes[row];
    tally.tell(shape.name, job->shown);
    const auto list = i_frame_list_of(job->shown, tally);
    counts.push_back({shape.name,
                      tally.done,
                      tally.bytes,
                      tally.codecs,
                      tally.rates(),
                      list ? list->peak_bps : 0,
                      {}});
  }
  for (PlaylistFile& file : playlists_of(job->shown, job->shapes, job->tallies)) {
    auto wrote = co_await blobs.write_small(job->id, std::move(file.path), std::move(file.text));
    if (job->ended) co_return;
    if (!wrote) {
      job->finishing = false;
      store::Failure failure = failure_of(wrote.error());
      co_await fail_video(job, std::move(failure));
      co_return;
    }
  }
  std::function<Result<>(store::Job&, store::Video&)> change =
      [counts, storyboard = job->storyboard](store::Job& record, store::Video& video) -> Result<> {
    if (is_over(record.state)) return fail(ErrorCode::kConflict, "It has been ended.");
    record.state = store::JobState::kDone;
    video.storyboard = storyboard;
    set_counts(video, counts);
    video.status = store::VideoStatus::kReady;
    video.ready_at_ms = wall_ms();
    video.eta_ms = 0;
    video.error.reset();
    return {};
  };
  auto updated =
      co_await catalogue.update_job(job->id, std::move(change), store::EventKind::kReady);
  if (!updated) {
    log::error("transcode", "a finished video could not be recorded",
               {{"video", job->id}, {"reason", updated.error().message}});
  } else {
    log::info("transcode", "video ready", {{"video", job->id}});
  }
  end_job(job, {});  // Who asked meanwhile finds it made.
}

io::Task<void> Scheduler::Impl::fail_video(JobPtr job, store::Failure failure) {
  if (job->ended) co_return;
  log::warn("transcode", "video failed",
            {{"video", job->id}, {"code", failure.code}, {"reason", failure.message}});
  video_log.write(job->id, concat("failed: ", failure.message));
  end_job(job, fail(ErrorCode::kUnavailable, failure.message));
  std::function<Result<>(store::Job&, store::Video&)> change =
      [failure](store::Job& record, store::Video& video) -> Result<> {
    if (is_over(record.state)) return fail(ErrorCode::kConflict, "It has been ended.");
    record.state = store::JobState::kFailed;
    video.status = store::VideoStatus::kFailed;
    video.error = failure;
    video.eta_ms = 0;
    return {};
  };
  auto updated =
      co_await catalogue.update_job(job->id, std::move(change), store::EventKind::kFailed);
  if (!updated && updated.error().code != ErrorCode::kConflict) {
    log::error("transcode", "a failure could not be recorded",
               {{"video", job->id}, {"reason", updated.error().message}});
  }
}

}  // namespace sf::transcode

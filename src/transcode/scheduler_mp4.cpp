/// Whole files: a rung of a ready video and its first sound, joined by a worker when somebody asks
/// for them, kept as processed/{id}/{rung}.mp4. A viewer's wish comes here by the demand; those
/// for the same file are one order.

#include "scheduler_impl.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::size_t kOrdersMax = 64;
constexpr std::uint32_t kRestartLookMs = 100;  // For a worker that died.
constexpr unsigned kRestartTries = 300;
// Beyond what is counted: pictures held across a begin, roundings.
constexpr std::uint64_t kSpareFrames = 64;

std::uint64_t frames_in(std::int64_t ticks, double per_second) {
  return static_cast<std::uint64_t>(static_cast<double>(ticks) * per_second /
                                    static_cast<double>(hls::kTicksPerSecond));
}

Command mp4_command(const store::Video& video, const store::Rendition& rung,
                    const hls::Presentation& shown) {
  Command command;
  command.kind = TaskKind::kMp4;
  command.video = video.id;
  command.rungs = {rung.name};
  command.source_bytes = rung.bytes;
  Mp4Shape& shape = command.mp4;
  shape.width = rung.width;
  shape.height = rung.height;
  shape.end_ticks = shown.timeline.duration_ticks();
  const std::uint64_t segments = shown.timeline.video.size();
  const std::uint64_t frames =
      frames_in(shape.end_ticks, shown.frame_rate) + 2 * segments + kSpareFrames;
  std::uint64_t sounds = 0;
  std::int64_t duration_ticks = shape.end_ticks;
  if (!video.audio.empty()) {
    const store::AudioTrack& sound = video.audio.front();
    shape.sound = true;
    shape.language = sound.language;
    command.source_bytes += sound.bytes;
    duration_ticks = std::max(duration_ticks, shown.timeline.audio.back().end_ticks);
    sounds = frames_in(duration_ticks, static_cast<double>(sound.sample_rate) /
                                           static_cast<double>(hls::kAacFrameSamples)) +
             2 * shown.timeline.audio.size() + kSpareFrames;
  }
  shape.head_bytes_max = mp4_head_bytes(frames, sounds, duration_ticks, command.source_bytes);
  return command;
}

Error in_words(const TaskReport& report) {
  if (report.end == TaskEnd::kReported) return report.error;
  return {ErrorCode::kUnavailable, concat("The file could not be made: ", report.error.message), 0};
}

}  // namespace

void Scheduler::Impl::order(const store::Wish& wish) {
  const auto same = [&](const OrderPtr& order) {
    return order->wish.video == wish.video && order->wish.track == wish.track;
  };
  if (std::ranges::any_of(orders, same)) return;
  if (std::ranges::find(gone, wish.video) != gone.end()) {
    demand.refuse(wish, {ErrorCode::kNotFound, "This video has been deleted.", 0});
  } else if (orders.size() >= kOrdersMax) {
    demand.refuse(wish, {ErrorCode::kUnavailable, "Too many files are being made.", 0});
  } else {
    auto made = std::make_shared<Order>();
    made->wish = wish;
    made->rung = wish.track.substr(0, wish.track.size() - store::kMp4Ending.size());
    orders.push_back(std::move(made));
    pump();
  }
}

// One at a time: what limits them is the disk, and uploads that begin meanwhile need the other
// follower.
void Scheduler::Impl::give_order() {
  if (orders.empty() || orders.front()->begun) return;
  const auto worker = spare_worker();
  if (!worker) return;
  const OrderPtr order = orders.front();
  order->begun = true;
  order->worker = *worker;
  assigned[*worker] = true;
  home.spawn(fill(order));
}

io::Task<void> Scheduler::Impl::fill(OrderPtr order) {
  const auto pass = gate.enter();
  auto joined = co_await join(order);
  assigned[order->worker] = false;
  std::erase(orders, order);
  if (joined) {
    demand.satisfy(order->wish);
  } else {
    log::warn("transcode", "a file could not be made",
              {{"video", order->wish.video},
               {"file", order->wish.track},
               {"reason", joined.error().message}});
    demand.refuse(order->wish, joined.error());
  }
  left.wake(order->wish.video);
  pump();
}

io::Task<Result<>> Scheduler::Impl::join(OrderPtr order) {
  const std::string id = order->wish.video;
  const auto there = co_await blobs.open_blob(id, order->wish.track);
  if (there) co_return {};
  auto video = co_await catalogue.video(id);
  if (!video) co_return fail(std::move(video.error()));
  const auto rung = std::ranges::find(video->renditions, order->rung, &store::Rendition::name);
  if (rung == video->renditions.end() || video->deleted_at_ms != 0) {
    co_return fail(ErrorCode::kNotFound, "There is no such rung.");
  }
  if (video->status != store::VideoStatus::kReady) {
    co_return fail(ErrorCode::kUnavailable, "This video is not ready yet.");
  }
  auto text = co_await blobs.read_small(id, std::string(hls::kPresentationBlob),
                                        hls::kPresentationBytesMax);
  if (!text) co_return fail(std::move(text.error()));
  auto shown = hls::parse_presentation(*text);
  if (!shown) co_return fail(std::move(shown.error()));
  const Command command = mp4_command(*video, *rung, *shown);
  order->pictures = static_cast<std::uint32_t>(shown->timeline.video.size());
  if (command.mp4.sound) {
    order->sound = concat("audio/", video->audio.front().name);
    order->sounds = static_cast<std::uint32_t>(shown->timeline.audio.size());
  }
  if (command.source_bytes + command.mp4.head_bytes_max > blobs.free_bytes()) {
    co_return fail(ErrorCode::kNoSpace, "the disk has no room for this file");
  }
  TaskReport report;
  for (unsigned attempt = 0; attempt < limits::kTaskAttemptsMax; ++attempt) {
    auto output = co_await blobs.make_unnamed(id);
    if (!output) co_return fail(std::move(output.error()));
    if (order->ended || stopping || !supervisor.idle(order->worker)) {
      co_return fail(ErrorCode::kUnavailable, "The file is not being made any more.");
    }
    order->next_picture = order->next_sound = 0;
    TaskSpec spec;
    spec.command = command;
    spec.descriptors = {output->get()};
    spec.on_waiting = [this, order](std::uint64_t) { home.spawn(feed(order)); };
    order->running = true;
    report = co_await supervisor.run(order->worker, std::move(spec));
    order->running = false;
    if (order->missing) co_return fail(*order->missing);
    if (report.end == TaskEnd::kReported || report.end == TaskEnd::kCancelled) break;
    if (report.end != TaskEnd::kDone) {
      // Its worker died, and is being replaced.
      for (unsigned i = 0; i < kRestartTries && !supervisor.idle(order->worker); ++i) {
        if (order->ended || stopping) break;
        co_await home.sleep_ms(kRestartLookMs);
      }
      continue;
    }
    co_return co_await publish_made(id, output->get(), report.outputs.front().bytes,
                                    order->wish.track);
  }
  co_return fail(in_words(report));
}

// The next segments in the order of time, picture before sound, to the worker that asks for them.
io::Task<void> Scheduler::Impl::feed(OrderPtr order) {
  if (gate.closed()) co_return;
  const auto pass = gate.enter();
  std::string tracks;
  std::vector<UniqueFd> files;
  std::vector<int> descriptors;
  const auto more = [&] {
    return order->next_picture < order->pictures || order->next_sound < order->sounds;
  };
  while (more() && files.size() < kDescriptorsMax) {
    const bool picture =
        order->next_picture < order->pictures &&
        (order->next_picture <= order->next_sound || order->next_sound >= order->sounds);
    std::uint32_t& next = picture ? order->next_picture : order->next_sound;
    std::string name = segment_path(picture ? order->rung : order->sound, next);
    auto file = co_await blobs.open_blob(order->wish.video, std::move(name));
    if (!order->running) co_return;
    if (!file) {
      order->missing = std::move(file.error());
      supervisor.cancel(order->worker);
      co_return;
    }
    ++next;
    tracks += picture ? 'v' : 'a';
    descriptors.push_back(file->get());
    files.push_back(std::move(*file));
  }
  supervisor.feed(order->worker, std::move(tracks), !more(), descriptors);
}

// What waits is refused, what has begun is ended; answers when nothing of it is in flight.
io::Task<void> Scheduler::Impl::forget_orders(std::string id) {
  const auto of_it = [&](const OrderPtr& order) { return order->wish.video == id; };
  for (const OrderPtr& order : orders) {
    if (!of_it(order)) continue;
    order->ended = true;
    if (order->running) supervisor.cancel(order->worker);
    if (!order->begun) {
      demand.refuse(order->wish, {ErrorCode::kNotFound, "This video is being deleted.", 0});
    }
  }
  std::erase_if(orders, [&](const OrderPtr& order) { return of_it(order) && !order->begun; });
  while (std::ranges::any_of(orders, of_it) && !stopping) co_await left.wait(id);
}

}  // namespace sf::transcode

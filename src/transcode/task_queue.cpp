#include "task_queue.hpp"

#include <streamforge/base/assert.hpp>

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

// What is known of one segment of one track.
constexpr std::uint8_t kRunning = 1;        // Some ordinary worker makes it.
constexpr std::uint8_t kRunningUrgent = 2;  // An urgent worker makes it.
constexpr std::uint8_t kMade = 4;           // Made, being published.
constexpr std::uint8_t kDone = 8;           // Recorded.
constexpr std::uint8_t kWished = 16;        // Somebody waits for it.
constexpr std::uint8_t kTaken = kRunning | kRunningUrgent | kMade | kDone;

constexpr std::size_t kAheadEntriesMax = 8;
// Tries are counted by what was tried together: the rungs of a segment, or one audio track of it.
constexpr std::uint32_t kPicture = UINT32_MAX;

}  // namespace

struct TaskQueue::Video {
  struct Row {
    TrackShape shape;
    std::vector<std::uint8_t> cells;
  };
  struct Tries {
    unsigned count = 0;
    std::uint64_t not_before_ms = 0;
  };
  struct Ahead {
    std::uint32_t track = 0;
    std::uint32_t next = 0;
    std::uint32_t end = 0;
    std::uint64_t expires_ms = 0;
  };
  using TryKey = std::pair<std::uint32_t, std::uint32_t>;

  Entry entry;
  bool planned = false;
  bool whole = false;  // The plan, if there is one, says all.
  bool fed = false;    // While it arrives: bytes come.
  bool paused = false;
  bool index_running = false;
  bool begun = false;
  Tries index_tries;
  std::vector<Row> rows;
  std::uint32_t segments = 0;    // Of the longest row.
  std::uint32_t scan_from = 0;   // Nothing before it is free.
  std::uint64_t free_cells = 0;  // Neither given out nor made.
  std::uint64_t open_cells = 0;  // Not yet recorded.
  double cost_total = 0;
  double cost_done = 0;
  std::map<TryKey, Tries> tries;
  std::vector<Ahead> aheads;
  std::vector<std::uint32_t> blocks;  // Where each begins.

  [[nodiscard]] std::uint32_t block_end(std::size_t block) const noexcept {
    return block + 1 < blocks.size() ? blocks[block + 1] : segments;
  }
  /// The one that holds the segment.
  [[nodiscard]] std::uint32_t block_of(std::uint32_t segment) const noexcept {
    const auto after = std::ranges::upper_bound(blocks, segment);
    return after == blocks.begin() ? 0 : static_cast<std::uint32_t>(after - blocks.begin() - 1);
  }
  [[nodiscard]] float run_up(std::uint32_t segment) const noexcept {
    float most = 0;
    for (const Row& row : rows) {
      const auto& known = row.shape.run_up;
      if (segment < known.size()) most = std::max(most, known[segment]);
    }
    return most;
  }
  [[nodiscard]] double cost_left() const noexcept { return cost_total - cost_done; }
  [[nodiscard]] TryKey key(std::uint32_t track, std::uint32_t segment) const {
    return {rows[track].shape.audio ? track : kPicture, segment};
  }
  [[nodiscard]] bool being_tried(std::uint32_t track, std::uint32_t segment) const {
    return std::ranges::any_of(rows, [&](const Row& row) {
      const auto other = static_cast<std::uint32_t>(&row - rows.data());
      return segment < row.cells.size() && key(other, segment) == key(track, segment) &&
             (row.cells[segment] & (kRunning | kRunningUrgent)) != 0;
    });
  }
  [[nodiscard]] bool may_try(std::uint32_t track, std::uint32_t segment,
                             std::uint64_t now_ms) const {
    if (tries.empty()) return true;
    const auto found = tries.find(key(track, segment));
    if (found == tries.end()) return true;
    // What has failed is tried by one worker at a time: each try counts.
    return found->second.not_before_ms <= now_ms && !being_tried(track, segment);
  }
  [[nodiscard]] bool is_free(std::uint32_t track, std::uint32_t segment,
                             std::uint64_t now_ms) const {
    const Row& row = rows[track];
    return segment < row.cells.size() && (row.cells[segment] & kTaken) == 0 &&
           may_try(track, segment, now_ms);
  }
  /// Audio first: small, and needed with every rung.
  [[nodiscard]] std::vector<std::uint32_t> free_audio(std::uint32_t segment,
                                                      std::uint64_t now_ms) const {
    for (std::uint32_t track = 0; track < rows.size(); ++track) {
      if (rows[track].shape.audio && is_free(track, segment, now_ms)) return {track};
    }
    return {};
  }
  [[nodiscard]] std::vector<std::uint32_t> free_rungs(std::uint32_t segment,
                                                      std::uint64_t now_ms) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t track = 0; track < rows.size(); ++track) {
      if (!rows[track].shape.audio && is_free(track, segment, now_ms)) found.push_back(track);
    }
    return found;
  }
  /// The rung that playing begins with; none without picture.
  [[nodiscard]] std::optional<std::uint32_t> first_rung() const {
    const auto found = std::ranges::find_if(rows, [](const Row& row) { return row.shape.first; });
    if (found == rows.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - rows.begin());
  }
  /// Sound, or the rung that playing begins with.
  [[nodiscard]] bool is_quick(std::uint32_t track) const {
    return rows[track].shape.audio || rows[track].shape.first;
  }
  void skip_taken() {
    const auto taken_here = [this](const Row& row) {
      return scan_from >= row.cells.size() || (row.cells[scan_from] & kTaken) != 0;
    };
    while (scan_from < segments && std::ranges::all_of(rows, taken_here)) ++scan_from;
  }
  void clear(std::uint32_t track, std::uint32_t segment, std::uint8_t bits) {
    auto& cell = rows[track].cells[segment];
    const bool was_taken = (cell & kTaken) != 0;
    cell = static_cast<std::uint8_t>(cell & ~bits);
    if (!was_taken || (cell & kTaken) != 0) return;
    ++free_cells;
    scan_from = std::min(scan_from, segment);
  }
  void set(std::uint32_t track, std::uint32_t segment, std::uint8_t bits) {
    auto& cell = rows[track].cells[segment];
    if ((cell & kTaken) == 0 && (bits & kTaken) != 0) --free_cells;
    cell |= bits;
  }
};

TaskQueue::TaskQueue(QueueOptions options) : options_(options) {}
TaskQueue::~TaskQueue() = default;

std::uint64_t TaskQueue::back_off_ms(unsigned attempts) noexcept {
  return std::uint64_t{1'000} << (2 * std::min(attempts > 0 ? attempts - 1 : 0, 8u));
}

TaskQueue::Video* TaskQueue::find(std::string_view video) const noexcept {
  const auto found = videos_.find(video);
  return found == videos_.end() ? nullptr : found->second.get();
}

void TaskQueue::add(Entry entry) {
  if (find(entry.video)) return;
  auto [owner, is_new] = owners_.try_emplace(entry.owner);
  if (is_new) {
    // A newcomer is due at once, but is owed nothing for the time it was away.
    std::optional<double> least;
    for (const auto& [name, other] : owners_) {
      if (&other != &owner->second)
        least = std::min(least.value_or(other.service_ms), other.service_ms);
    }
    owner->second.service_ms = least.value_or(0);
  }
  ++owner->second.videos;
  auto video = std::make_unique<Video>();
  video->entry = std::move(entry);
  std::string id = video->entry.video;
  videos_.emplace(std::move(id), std::move(video));
}

void TaskQueue::set_tracks(std::string_view id, std::vector<TrackShape> tracks,
                           const std::vector<std::vector<std::uint32_t>>& done, bool whole) {
  Video* video = find(id);
  if (!video) return;
  SF_ASSERT(!video->planned);
  video->planned = true;
  video->whole = whole;
  for (TrackShape& shape : tracks) {
    Video::Row row;
    row.cells.resize(shape.segments);
    video->segments = std::max(video->segments, shape.segments);
    video->cost_total += shape.cost * shape.segments;
    video->open_cells += shape.segments;
    row.shape = std::move(shape);
    video->rows.push_back(std::move(row));
  }
  video->free_cells = video->open_cells;
  cut_into_blocks(*video);
  for (std::uint32_t track = 0; track < done.size() && track < video->rows.size(); ++track) {
    for (const std::uint32_t segment : done[track]) {
      if (segment < video->rows[track].cells.size()) committed(id, track, segment);
    }
  }
}

void TaskQueue::extend(std::string_view id, const std::vector<TrackShape>& tracks, bool whole) {
  Video* video = find(id);
  if (!video) return;
  SF_ASSERT(video->planned && tracks.size() == video->rows.size());
  video->whole = whole;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    Video::Row& row = video->rows[i];
    const auto before = static_cast<std::uint32_t>(row.cells.size());
    SF_ASSERT(tracks[i].segments >= before);
    const std::uint32_t more = tracks[i].segments - before;
    row.cells.resize(tracks[i].segments);
    row.shape.segments = tracks[i].segments;
    row.shape.run_up = tracks[i].run_up;
    video->segments = std::max(video->segments, tracks[i].segments);
    video->cost_total += row.shape.cost * more;
    video->open_cells += more;
    video->free_cells += more;
    if (more > 0) video->scan_from = std::min(video->scan_from, before);
  }
  cut_into_blocks(*video);
}

void TaskQueue::set_fed(std::string_view id, bool fed) {
  if (Video* video = find(id)) video->fed = fed;
}

void TaskQueue::set_arrived(std::string_view id, std::uint64_t source_bytes) {
  Video* video = find(id);
  if (!video) return;
  video->entry.arriving = false;
  video->entry.source_bytes = source_bytes;
  video->index_tries = {};
}

void TaskQueue::remove(std::string_view id) {
  const auto found = videos_.find(id);
  if (found == videos_.end()) return;
  Video* video = found->second.get();
  std::erase_if(wishes_, [video](const WishEntry& wish) { return wish.video == video; });
  for (WorkerPlace& worker : workers_) {
    if (worker.video == video) worker = {};
  }
  const auto owner = owners_.find(video->entry.owner);
  if (--owner->second.videos == 0) owners_.erase(owner);
  videos_.erase(found);
}

void TaskQueue::set_paused(std::string_view video, bool paused) {
  if (Video* found = find(video)) found->paused = paused;
}

void TaskQueue::set_priority(std::string_view video, std::int64_t priority) {
  if (Video* found = find(video)) found->entry.priority = priority;
}

bool TaskQueue::contains(std::string_view video) const noexcept { return find(video) != nullptr; }

bool TaskQueue::planned(std::string_view video) const noexcept {
  const Video* found = find(video);
  return found && found->planned;
}

WishAnswer TaskQueue::wish(std::string_view id, std::string_view track_name, std::uint32_t segment,
                           std::uint64_t now_ms) {
  Video* video = find(id);
  if (!video || !video->planned) return WishAnswer::kUnknown;
  const auto row = std::ranges::find(video->rows, track_name, [](const Video::Row& candidate) {
    return std::string_view(candidate.shape.name);
  });
  if (row == video->rows.end() || segment >= row->cells.size()) return WishAnswer::kUnknown;
  const auto track = static_cast<std::uint32_t>(row - video->rows.begin());

  auto ahead = std::ranges::find_if(video->aheads, [&](const Video::Ahead& candidate) {
    return candidate.track == track && candidate.next <= segment + 1 && segment <= candidate.end;
  });
  if (ahead == video->aheads.end()) {
    std::erase_if(video->aheads,
                  [now_ms](const Video::Ahead& old) { return old.expires_ms <= now_ms; });
    if (video->aheads.size() == kAheadEntriesMax) video->aheads.erase(video->aheads.begin());
    ahead = video->aheads.emplace(video->aheads.end());
  }
  *ahead = {track, segment + 1, segment + 1 + options_.ahead_segments, now_ms + kAheadForMs};

  std::uint8_t& cell = row->cells[segment];
  if ((cell & kDone) != 0) return WishAnswer::kMade;
  if ((cell & kWished) != 0) return WishAnswer::kQueued;
  if (wishes_.size() >= kWishesMax) return WishAnswer::kBusy;
  cell |= kWished;
  wishes_.push_back({video, track, segment});
  return WishAnswer::kQueued;
}

void TaskQueue::left(std::string_view id, std::string_view track_name, std::uint32_t segment) {
  Video* video = find(id);
  if (!video) return;
  std::erase_if(video->aheads, [&](const Video::Ahead& ahead) {
    return ahead.next == segment + 1 && video->rows[ahead.track].shape.name == track_name;
  });
}

void TaskQueue::forget_wish(const Video& video, std::uint32_t track, std::uint32_t segment) {
  std::erase_if(wishes_, [&](const WishEntry& wish) {
    return wish.video == &video && wish.track == track && wish.segment == segment;
  });
}

std::optional<QueueTask> TaskQueue::next(unsigned worker, WorkerRole role, std::uint64_t now_ms) {
  const bool urgent = role == WorkerRole::kUrgent;
  if (role == WorkerRole::kFollower) return next_index(worker, role, now_ms);
  if (auto task = next_wished(worker, urgent, now_ms)) return task;
  if (auto task = next_index(worker, role, now_ms)) return task;
  if (auto task = next_ahead(worker, urgent, now_ms)) return task;
  return urgent ? std::nullopt : next_background(worker, now_ms);
}

bool TaskQueue::servable(const WishEntry& wish, bool urgent, std::uint64_t now_ms) {
  const std::uint8_t cell = wish.video->rows[wish.track].cells[wish.segment];
  if ((cell & (kMade | kDone | kRunningUrgent)) != 0) return false;
  // A background worker has it among other rungs, at the lowest priority: an urgent one is
  // sooner done with it alone, and the first result counts.
  if ((cell & kRunning) != 0 && !urgent) return false;
  return wish.video->may_try(wish.track, wish.segment, now_ms);
}

bool TaskQueue::wish_waits(std::uint64_t now_ms, const CountsWish& counts) const {
  return std::ranges::any_of(wishes_, [&](const WishEntry& wish) {
    return servable(wish, true, now_ms) &&
           counts(wish.video->entry.video, wish.video->rows[wish.track].shape.name, wish.segment);
  });
}

std::optional<QueueTask> TaskQueue::next_wished(unsigned worker, bool urgent,
                                                std::uint64_t now_ms) {
  for (const WishEntry& wish : wishes_) {
    if (!servable(wish, urgent, now_ms)) continue;
    return give(*wish.video, wish.segment, {wish.track}, worker, urgent, true);
  }
  return std::nullopt;
}

std::optional<QueueTask> TaskQueue::next_index(unsigned worker, WorkerRole role,
                                               std::uint64_t now_ms) {
  const bool urgent = role == WorkerRole::kUrgent;
  Video* best = nullptr;
  for (const auto& [id, video] : videos_) {
    if (video->whole || video->index_running || video->paused) continue;
    if (video->index_tries.not_before_ms > now_ms) continue;
    if (video->entry.arriving != (role == WorkerRole::kFollower)) continue;
    if (video->entry.arriving && !video->fed) continue;
    if (urgent && video->entry.source_bytes > options_.urgent_index_bytes_max) continue;
    const auto sooner = [](const Video& a, const Video& b) {
      if (a.entry.priority != b.entry.priority) return a.entry.priority > b.entry.priority;
      return a.entry.queued_at_ms < b.entry.queued_at_ms;
    };
    if (!best || sooner(*video, *best)) best = video.get();
  }
  if (!best) return std::nullopt;
  best->index_running = true;
  best->begun = best->begun || !best->entry.arriving;
  QueueTask task;
  task.id = ++task_id_;
  task.kind = TaskKind::kIndex;
  task.video = best->entry.video;
  task.worker = worker;
  task.urgent = urgent;
  task.arriving = best->entry.arriving;
  return task;
}

std::optional<TaskQueue::WishEntry> TaskQueue::find_ahead(bool urgent, std::uint64_t now_ms) const {
  for (const auto& [id, video] : videos_) {
    if (video->paused) continue;
    for (const Video::Ahead& ahead : video->aheads) {
      if (ahead.expires_ms <= now_ms) continue;
      // What playing begins with is soon made, and sooner if nothing is made beside it.
      if (urgent && video->is_quick(ahead.track)) continue;
      const std::uint32_t end = urgent ? std::min(ahead.next + 1, ahead.end) : ahead.end;
      for (std::uint32_t segment = ahead.next; segment < end; ++segment) {
        if (video->is_free(ahead.track, segment, now_ms)) {
          return WishEntry{video.get(), ahead.track, segment};
        }
      }
    }
  }
  return std::nullopt;
}

bool TaskQueue::ahead_waits(std::uint64_t now_ms) const {
  return find_ahead(true, now_ms).has_value();
}

std::optional<QueueTask> TaskQueue::next_ahead(unsigned worker, bool urgent, std::uint64_t now_ms) {
  const auto found = find_ahead(urgent, now_ms);
  if (!found) return std::nullopt;
  return give(*found->video, found->segment, {found->track}, worker, urgent, false);
}

std::optional<QueueTask> TaskQueue::next_background(unsigned worker, std::uint64_t now_ms) {
  std::vector<Video*> candidates;
  std::int64_t level = 0;
  for (const auto& [id, video] : videos_) {
    if (!video->planned || video->paused || video->free_cells == 0) continue;
    level = candidates.empty() ? video->entry.priority : std::max(level, video->entry.priority);
    candidates.push_back(video.get());
  }
  const WorkerPlace here = place(worker);
  if (here.video && !here.video->paused && here.video->planned &&
      here.video->entry.priority >= level && now_ms - here.since_ms < options_.turn_ms) {
    if (auto task = from_video(*here.video, worker, now_ms)) return task;
  }
  while (!candidates.empty()) {
    Video* video = choose(candidates);
    if (auto task = from_video(*video, worker, now_ms)) {
      ++owners_.find(video->entry.owner)->second.turn;
      place(worker).since_ms = now_ms;
      return task;
    }
    std::erase(candidates, video);
  }
  return std::nullopt;
}

TaskQueue::Video* TaskQueue::choose(std::vector<Video*>& candidates) {
  // Highest level, then the owner who has been served least, then by the owner's turn.
  const auto owner_of = [this](const Video* video) -> const Owner& {
    return owners_.find(video->entry.owner)->second;
  };
  const auto before = [&](const Video* a, const Video* b) {
    if (a->entry.priority != b->entry.priority) return a->entry.priority > b->entry.priority;
    if (a->entry.owner != b->entry.owner) {
      const double left = owner_of(a).service_ms;
      const double right = owner_of(b).service_ms;
      if (left != right) return left < right;
      return a->entry.owner < b->entry.owner;
    }
    const bool oldest_first = owner_of(a).turn % 4 == 3;
    if (!oldest_first && a->cost_left() != b->cost_left()) return a->cost_left() < b->cost_left();
    return a->entry.queued_at_ms < b->entry.queued_at_ms;
  };
  return *std::ranges::min_element(candidates, before);
}

TaskQueue::WorkerPlace& TaskQueue::place(unsigned worker) {
  if (workers_.size() <= worker) workers_.resize(worker + 1);
  return workers_[worker];
}

bool TaskQueue::block_taken(const Video& video, std::uint32_t block, unsigned but_not) const {
  for (unsigned worker = 0; worker < workers_.size(); ++worker) {
    const WorkerPlace& there = workers_[worker];
    if (worker != but_not && there.video == &video && video.block_of(there.begin) == block) {
      return true;
    }
  }
  return false;
}

std::optional<QueueTask> TaskQueue::from_video(Video& video, unsigned worker,
                                               std::uint64_t now_ms) {
  if (auto task = from_beginning(video, worker, now_ms)) return task;
  if (place(worker).video == &video) {
    if (auto task = from_block(video, video.block_of(place(worker).begin), worker, now_ms)) {
      return task;
    }
  }
  // The first stretch that nobody is in; else half of what another has before him.
  video.skip_taken();
  const std::uint32_t first = video.block_of(video.scan_from);
  const auto enter = [&](std::uint32_t block) {
    auto task = from_block(video, block, worker, now_ms);
    if (task) {
      place(worker).video = &video;
      place(worker).begin = video.blocks[block];
    }
    return task;
  };
  for (std::uint32_t block = first; block < video.blocks.size(); ++block) {
    if (block_taken(video, block, worker)) continue;
    if (auto task = enter(block)) return task;
  }
  for (std::uint32_t segment = video.scan_from; segment < video.segments; ++segment) {
    if (auto tracks = video.free_audio(segment, now_ms); !tracks.empty()) {
      return give(video, segment, std::move(tracks), worker, false, false);
    }
  }
  std::optional<Cut> best;
  for (std::uint32_t block = first; block < video.blocks.size(); ++block) {
    const auto cut = find_cut(video, block, now_ms);
    if (cut && (!best || cut->gain > best->gain)) best = cut;
  }
  if (!best) return std::nullopt;
  const std::uint32_t block = video.block_of(best->at) + 1;
  video.blocks.insert(video.blocks.begin() + block, best->at);
  return enter(block);
}

std::optional<QueueTask> TaskQueue::from_beginning(Video& video, unsigned worker,
                                                   std::uint64_t now_ms) {
  const auto first = video.first_rung();
  const std::uint32_t end = std::min(options_.lead_segments, video.segments);
  for (std::uint32_t segment = video.scan_from; segment < end; ++segment) {
    auto tracks = video.free_audio(segment, now_ms);
    if (tracks.empty() && first && video.is_free(*first, segment, now_ms)) {
      tracks = {*first};
    }
    if (!tracks.empty()) return give(video, segment, std::move(tracks), worker, false, false);
  }
  return std::nullopt;
}

// About equally long; each begins where the run-up is least, among as many segments as it is long.
void TaskQueue::cut_into_blocks(Video& video) const {
  const std::uint32_t stretches = std::max(1u, options_.workers);
  const std::uint32_t size = std::clamp((video.segments + stretches - 1) / stretches, 1u,
                                        std::max(1u, options_.block_segments_max));
  video.blocks.clear();
  for (std::uint32_t even = 0; even < video.segments; even += size) {
    std::uint32_t begin = even;
    const std::uint32_t end = even == 0 ? 1 : std::min(even + size / 2 + 1, video.segments);
    for (std::uint32_t i = even == 0 ? 0 : even - (size - 1) / 2; i < end; ++i) {
      if (video.run_up(i) < video.run_up(begin)) begin = i;
    }
    video.blocks.push_back(begin);
  }
}

// Where to begin for who helps another, so that both are done soonest: the other has half a segment
// in hand and goes on up to there. Nullopt where that saves less than the way there costs.
std::optional<TaskQueue::Cut> TaskQueue::find_cut(const Video& video, std::uint32_t block,
                                                  std::uint64_t now_ms) {
  constexpr float kInHand = 0.5;
  const std::uint32_t end = video.block_end(block);
  std::vector<std::uint32_t> free;
  for (std::uint32_t segment = video.blocks[block]; segment < end; ++segment) {
    if (!video.free_rungs(segment, now_ms).empty()) free.push_back(segment);
  }
  const auto alone = kInHand + static_cast<float>(free.size());
  std::optional<Cut> best;
  for (std::size_t left = 0; left < free.size(); ++left) {
    if (free[left] == video.blocks[block]) continue;
    const float way = video.run_up(free[left]);
    const float other = kInHand + static_cast<float>(left);
    const float helper = way + static_cast<float>(free.size() - left);
    const float gain = alone - std::max(other, helper) - way;
    if (gain > 0 && (!best || gain > best->gain)) best = Cut{free[left], gain};
  }
  return best;
}

std::optional<QueueTask> TaskQueue::from_block(Video& video, std::uint32_t block, unsigned worker,
                                               std::uint64_t now_ms) {
  for (const bool audio : {true, false}) {
    for (std::uint32_t segment = video.blocks[block]; segment < video.block_end(block); ++segment) {
      auto tracks = audio ? video.free_audio(segment, now_ms) : video.free_rungs(segment, now_ms);
      if (!tracks.empty()) return give(video, segment, std::move(tracks), worker, false, false);
    }
  }
  return std::nullopt;
}

QueueTask TaskQueue::give(Video& video, std::uint32_t segment, std::vector<std::uint32_t> tracks,
                          unsigned worker, bool urgent, bool wished) {
  video.begun = true;
  QueueTask task;
  task.id = ++task_id_;
  task.kind = video.rows[tracks.front()].shape.audio ? TaskKind::kAudio : TaskKind::kVideo;
  task.video = video.entry.video;
  task.segment = segment;
  task.worker = worker;
  task.urgent = urgent;
  task.wished = wished;
  for (const std::uint32_t track : tracks) {
    video.set(track, segment, urgent ? kRunningUrgent : kRunning);
  }
  task.tracks = std::move(tracks);
  return task;
}

void TaskQueue::charge(const QueueTask& task, std::uint64_t service_ms) {
  const Video* video = find(task.video);
  if (!video) return;
  // What viewers asked for is not held against the owner.
  if (task.wished) return;
  owners_.find(video->entry.owner)->second.service_ms += static_cast<double>(service_ms);
}

std::vector<std::uint32_t> TaskQueue::made(const QueueTask& task, std::uint64_t service_ms) {
  Video* video = find(task.video);
  std::vector<std::uint32_t> first;
  if (!video) return first;
  charge(task, service_ms);
  if (task.kind == TaskKind::kIndex) {
    video->index_running = false;
    return first;
  }
  for (const std::uint32_t track : task.tracks) {
    const bool was_made = (video->rows[track].cells[task.segment] & (kMade | kDone)) != 0;
    if (!was_made) {
      first.push_back(track);
      video->set(track, task.segment, kMade);
    }
    video->clear(track, task.segment, task.urgent ? kRunningUrgent : kRunning);
  }
  return first;
}

bool TaskQueue::failed(const QueueTask& task, std::uint64_t now_ms) {
  Video* video = find(task.video);
  if (!video) return true;
  Video::Tries* tries = &video->index_tries;
  if (task.kind != TaskKind::kIndex) {
    tries = &video->tries[video->key(task.tracks.front(), task.segment)];
  }
  ++tries->count;
  tries->not_before_ms = now_ms + back_off_ms(tries->count);
  const bool again = tries->count < options_.attempts_max;
  released(task, false);
  return again;
}

void TaskQueue::released(const QueueTask& task, bool drop_wish) {
  Video* video = find(task.video);
  if (!video) return;
  if (task.kind == TaskKind::kIndex) {
    video->index_running = false;
    return;
  }
  for (const std::uint32_t track : task.tracks) {
    std::uint8_t& cell = video->rows[track].cells[task.segment];
    if ((cell & kDone) != 0) continue;
    if (drop_wish && (cell & kWished) != 0) {
      forget_wish(*video, track, task.segment);
      cell = static_cast<std::uint8_t>(cell & ~kWished);
    }
    // Made but not published is missing again, unless another worker's copy still comes.
    const auto own = static_cast<std::uint8_t>(task.urgent ? kRunningUrgent : kRunning);
    const bool own_runs = (cell & own) != 0;
    video->clear(track, task.segment, own_runs ? own : kMade);
  }
}

void TaskQueue::committed(std::string_view id, std::uint32_t track, std::uint32_t segment) {
  Video* video = find(id);
  if (!video || track >= video->rows.size()) return;
  Video::Row& row = video->rows[track];
  std::uint8_t& cell = row.cells[segment];
  if ((cell & kDone) != 0) return;
  if ((cell & kWished) != 0) forget_wish(*video, track, segment);
  video->set(track, segment, kDone);
  cell = static_cast<std::uint8_t>(cell & ~(kMade | kWished));
  --video->open_cells;
  video->cost_done += row.shape.cost;
  video->begun = true;
}

std::optional<std::uint64_t> TaskQueue::next_retry_ms(std::uint64_t now_ms) const {
  std::optional<std::uint64_t> next;
  const auto consider = [&](const Video::Tries& tries) {
    if (tries.not_before_ms > now_ms)
      next = std::min(next.value_or(UINT64_MAX), tries.not_before_ms);
  };
  for (const auto& [id, video] : videos_) {
    if (!video->whole) consider(video->index_tries);
    for (const auto& [key, tries] : video->tries) consider(tries);
  }
  return next;
}

bool TaskQueue::wished(std::string_view id, std::uint32_t track,
                       std::uint32_t segment) const noexcept {
  const Video* video = find(id);
  return video && track < video->rows.size() && segment < video->rows[track].cells.size() &&
         (video->rows[track].cells[segment] & kWished) != 0;
}

bool TaskQueue::complete(std::string_view id) const noexcept {
  const Video* video = find(id);
  return video && video->whole && video->open_cells == 0;
}

TaskQueue::Work TaskQueue::work(std::string_view id) const noexcept {
  const Video* video = find(id);
  return video ? Work{video->cost_done, video->cost_total} : Work{};
}

std::vector<std::string> TaskQueue::waiting() const {
  std::vector<const Video*> found;
  for (const auto& [id, video] : videos_) {
    if (!video->begun && !video->paused && !video->entry.arriving) found.push_back(video.get());
  }
  std::ranges::sort(found, [](const Video* a, const Video* b) {
    if (a->entry.priority != b->entry.priority) return a->entry.priority > b->entry.priority;
    return a->entry.queued_at_ms < b->entry.queued_at_ms;
  });
  std::vector<std::string> ids;
  ids.reserve(found.size());
  for (const Video* video : found) ids.push_back(video->entry.video);
  return ids;
}

}  // namespace sf::transcode

#include <streamforge/store/catalogue.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

#include "catalogue_impl.hpp"
#include "codec.hpp"
#include "transitions.hpp"
#include "video_list.hpp"

namespace sf::store {
namespace {

/// All records of a range that `keep` wants.
template <class Record, class Keep>
Result<std::vector<Record>> collect(const Database& database, Family family, std::string_view begin,
                                    std::string_view end, Keep keep) {
  std::vector<Record> records;
  auto done = database.each(family, begin, end,
                            [&](std::string_view, std::string_view stored) -> Result<bool> {
                              auto record = decode<Record>(stored);
                              if (!record) return fail(std::move(record.error()));
                              if (keep(*record)) records.push_back(std::move(*record));
                              return true;
                            });
  if (!done) return fail(std::move(done.error()));
  return records;
}

template <class Record>
Result<std::optional<Record>> read_one(const Database& database, Family family,
                                       std::string_view key) {
  auto stored = database.get(family, key);
  if (!stored) return fail(std::move(stored.error()));
  if (!*stored) return std::nullopt;
  auto record = decode<Record>(**stored);
  if (!record) return fail(std::move(record.error()));
  return std::move(*record);
}

/// What a commit gave, as the caller's video.
Result<Video> result_of(const Result<>& committed, const std::shared_ptr<const Video>& after) {
  if (!committed) return fail(committed.error());
  return *after;
}

}  // namespace

Result<std::unique_ptr<Catalogue>> Catalogue::open(const std::string& dir, io::OffloadPool& pool,
                                                   EventBus& events, bool in_memory) {
  std::shared_ptr<rocksdb::Env> env;
  if (in_memory) env.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  auto database = Database::open(dir, std::move(env));
  if (!database) return fail(std::move(database.error()));
  return std::make_unique<Catalogue>(std::move(*database), pool, events);
}

Catalogue::Catalogue(std::unique_ptr<Database> database, io::OffloadPool& pool, EventBus& events)
    : impl_(std::make_unique<Impl>(std::move(database), pool, events)) {}
Catalogue::~Catalogue() = default;

Catalogue::Raw& Catalogue::raw() noexcept { return impl_->raw; }

io::Task<Result<>> Catalogue::backup(std::string dir) {
  auto copy = io::offload(impl_->pool, [this, &dir] { return impl_->database->checkpoint(dir); });
  co_return co_await copy;
}

// --- Uploads.

io::Task<Result<>> Catalogue::create_upload(Upload upload, std::optional<Video> video) {
  Committer::Prepare prepare = [&upload, &video](Changes& changes) {
    return store::create_upload(changes, upload, video);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<Upload>> Catalogue::upload(std::string id) {
  auto read = io::offload(impl_->pool, [this, &id] {
    return read_one<Upload>(*impl_->database, Family::kUploads, id);
  });
  auto upload = co_await read;
  if (!upload) co_return fail(std::move(upload.error()));
  if (!*upload) co_return fail(ErrorCode::kNotFound, concat("there is no upload ", id));
  co_return std::move(**upload);
}

io::Task<Result<std::optional<Upload>>> Catalogue::group(std::string owner, std::string name) {
  auto read = io::offload(impl_->pool, [this, &owner, &name]() -> Result<std::optional<Upload>> {
    auto id = impl_->database->get(Family::kGroups, group_key(owner, name));
    if (!id) return fail(std::move(id.error()));
    if (!*id) return std::nullopt;
    return read_one<Upload>(*impl_->database, Family::kUploads, **id);
  });
  co_return co_await read;
}

io::Task<Result<>> Catalogue::place_part(Upload part, std::string replaces,
                                         std::optional<Upload> whole, std::optional<Video> video) {
  Committer::Prepare prepare = [&](Changes& changes) {
    return store::place_part(changes, part, replaces, whole, video);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<>> Catalogue::name_whole(std::string id, std::string concat, std::string metadata) {
  Committer::Prepare prepare = [&](Changes& changes) {
    return store::name_whole(changes, id, concat, metadata);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<>> Catalogue::receive_parts(std::string id, std::uint64_t bytes) {
  Committer::Prepare prepare = [&](Changes& changes) {
    return store::receive_parts(changes, id, bytes);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<>> Catalogue::advance_upload(std::string id, std::uint64_t offset,
                                             std::optional<std::uint64_t> length) {
  Committer::Prepare prepare = [&id, offset, length](Changes& changes) {
    return store::advance_upload(changes, id, offset, length);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<>> Catalogue::refuse_end(std::string id) {
  Committer::Prepare prepare = [&id](Changes& changes) { return store::refuse_end(changes, id); };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<>> Catalogue::complete_upload(std::string id) {
  Committer::Prepare prepare = [&id](Changes& changes) {
    return store::complete_upload(changes, id);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<>> Catalogue::remove_upload(std::string id) {
  Committer::Prepare prepare = [&id](Changes& changes) {
    return store::remove_upload(changes, id);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<std::vector<Upload>>> Catalogue::unfinished_uploads() {
  auto read = io::offload(impl_->pool, [this] {
    return collect<Upload>(*impl_->database, Family::kUploads, {}, {},
                           [](const Upload& upload) { return !upload.complete; });
  });
  co_return co_await read;
}

io::Task<Result<Holdings>> Catalogue::holdings_of(std::string owner) {
  auto read = io::offload(impl_->pool, [this, &owner]() -> Result<Holdings> {
    Holdings held;
    auto done = impl_->database->each(
        Family::kUploads, {}, {}, [&](std::string_view, std::string_view stored) -> Result<bool> {
          if (!stored.contains(owner)) return true;  // Far cheaper than reading it.
          auto upload = decode<Upload>(stored);
          if (!upload) return fail(std::move(upload.error()));
          if (upload->owner != owner || !upload->into.empty()) return true;
          held.bytes += upload->length.value_or(upload->offset);
          held.unfinished += upload->complete ? 0 : 1;
          return true;
        });
    if (!done) return fail(std::move(done.error()));
    return held;
  });
  co_return co_await read;
}

// --- Videos.

std::shared_ptr<const Video> Catalogue::cached_video(const std::string& id) const {
  return impl_->cache.find(id);
}

const std::atomic<std::uint64_t>& Catalogue::version_of(const std::string& id) const noexcept {
  return impl_->cache.version(id);
}

io::Task<Result<Video>> Catalogue::video(std::string id) {
  if (const auto cached = impl_->cache.find(id)) co_return *cached;
  auto read = io::offload(impl_->pool, [this, &id]() -> Result<Video> {
    const auto generation = impl_->cache.generation(id);
    auto video = read_one<Video>(*impl_->database, Family::kVideos, id);
    if (!video) return fail(std::move(video.error()));
    if (!*video) return fail(ErrorCode::kNotFound, concat("there is no video ", id));
    impl_->cache.add_read(std::make_shared<const Video>(**video), generation);
    return std::move(**video);
  });
  co_return co_await read;
}

io::Task<Result<VideoPage>> Catalogue::videos(VideoQuery query) {
  auto read = io::offload(impl_->pool, [this, &query] {
    return list_videos(*impl_->database, query, limits::kScanRecordsMax);
  });
  co_return co_await read;
}

io::Task<Result<Video>> Catalogue::update_video(std::string id,
                                                std::function<Result<>(Video&)> change,
                                                EventKind event,
                                                std::optional<std::uint64_t> expected) {
  std::shared_ptr<const Video> after;
  Committer::Prepare prepare = [&](Changes& changes) {
    return store::update_video(changes, id, change, event, expected, after);
  };
  const auto committed = co_await impl_->committer.commit(std::move(prepare));
  co_return result_of(committed, after);
}

io::Task<Result<>> Catalogue::remove_video(std::string id) {
  Committer::Prepare prepare = [&id](Changes& changes) { return store::remove_video(changes, id); };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

io::Task<Result<std::vector<std::string>>> Catalogue::trash_before(std::int64_t wall_time_ms) {
  auto read = io::offload(impl_->pool, [this, wall_time_ms]() -> Result<std::vector<std::string>> {
    VideoQuery trash;
    trash.trash = true;
    std::vector<std::string> ids;
    auto done = impl_->database->each(
        Family::kVideos, [&](std::string_view id, std::string_view stored) -> Result<bool> {
          if (!may_match(trash, stored)) return true;
          auto video = decode<Video>(stored);
          if (!video) return fail(std::move(video.error()));
          const bool due = video->deleted_at_ms != 0 && video->deleted_at_ms < wall_time_ms;
          if (due) ids.emplace_back(id);
          return true;
        });
    if (!done) return fail(std::move(done.error()));
    return ids;
  });
  co_return co_await read;
}

// --- Jobs.

io::Task<Result<std::optional<Job>>> Catalogue::job(std::string video) {
  auto read = io::offload(impl_->pool, [this, &video] {
    return read_one<Job>(*impl_->database, Family::kJobs, video);
  });
  co_return co_await read;
}

io::Task<Result<std::vector<Job>>> Catalogue::open_jobs() {
  auto read = io::offload(impl_->pool, [this] {
    auto jobs = collect<Job>(*impl_->database, Family::kJobs, {}, {}, [](const Job& job) {
      return job.state == JobState::kWaiting || job.state == JobState::kRunning ||
             job.state == JobState::kPaused;
    });
    if (jobs) std::ranges::stable_sort(*jobs, {}, &Job::queued_at_ms);
    return jobs;
  });
  co_return co_await read;
}

io::Task<Result<Video>> Catalogue::update_job(std::string video,
                                              std::function<Result<>(Job&, Video&)> change,
                                              EventKind event) {
  std::shared_ptr<const Video> after;
  Committer::Prepare prepare = [&](Changes& changes) {
    return store::update_job(changes, video, change, event, after);
  };
  const auto committed = co_await impl_->committer.commit(std::move(prepare));
  co_return result_of(committed, after);
}

void Catalogue::set_job_listener(std::function<void(const Job&)> on_job) {
  impl_->committer.set_job_listener(std::move(on_job));
}

void Catalogue::watch_uploads(std::function<void(const Upload&)> on_upload) {
  impl_->committer.watch_uploads(std::move(on_upload));
}

// --- Segments.

io::Task<Result<Video>> Catalogue::commit_segments(std::string video, std::vector<Segment> segments,
                                                   std::function<Result<>(Video&)> change,
                                                   EventKind event) {
  std::shared_ptr<const Video> after;
  Committer::Prepare prepare = [&](Changes& changes) {
    return store::commit_segments(changes, video, segments, change, event, after);
  };
  const auto committed = co_await impl_->committer.commit(std::move(prepare));
  co_return result_of(committed, after);
}

io::Task<Result<std::vector<Segment>>> Catalogue::segments(std::string video) {
  auto read = io::offload(impl_->pool, [this, &video] {
    return collect<Segment>(*impl_->database, Family::kSegments, video, after_prefix(video),
                            [](const Segment&) { return true; });
  });
  co_return co_await read;
}

io::Task<Result<>> Catalogue::remove_segments(std::string video) {
  Committer::Prepare prepare = [&video](Changes& changes) {
    return store::remove_segments(changes, video);
  };
  co_return co_await impl_->committer.commit(std::move(prepare));
}

}  // namespace sf::store

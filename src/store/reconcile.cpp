#include <streamforge/store/reconcile.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "blob_files.hpp"
#include "catalogue_impl.hpp"
#include "codec.hpp"
#include "transitions.hpp"
#include "upload_fate.hpp"

namespace sf::store {
namespace {

using Sizes = std::unordered_map<std::string, std::uint64_t>;

std::optional<std::uint64_t> size_in(const Sizes& sizes, const std::string& id) {
  const auto found = sizes.find(id);
  if (found == sizes.end()) return std::nullopt;
  return found->second;
}

bool has_member(std::string_view stored, std::string_view member) {
  return stored.find(member) != std::string_view::npos;
}

bool is_over(VideoStatus status) {
  return status == VideoStatus::kReady || status == VideoStatus::kFailed ||
         status == VideoStatus::kCancelled;
}

class Reconciler {
 public:
  Reconciler(Catalogue::Raw& raw, BlobStore& blobs) : raw_(raw), blobs_(blobs) {}

  Result<Reconciled> run() {
    auto inventory = blobs_.inventory();
    if (!inventory) return fail(std::move(inventory.error()));
    temp_ = Sizes(inventory->temp.begin(), inventory->temp.end());
    masters_ = Sizes(inventory->raw.begin(), inventory->raw.end());
    folders_.insert(inventory->processed.begin(), inventory->processed.end());
    for (const auto step : {&Reconciler::settle_uploads, &Reconciler::requeue_jobs,
                            &Reconciler::check_segments, &Reconciler::remove_strays}) {
      if (auto done = (this->*step)(); !done) return fail(std::move(done.error()));
    }
    return done_;
  }

 private:
  Result<> settle_uploads();
  Result<> settle(const Upload& upload);
  Result<> lose(const Upload& upload);
  Result<> requeue_jobs();
  Result<> check_segments();
  Result<> check_segments_of(const Video& video, bool folder_exists);
  Result<> drop_segments(const Video& video, const std::vector<Segment>& kept,
                         const std::vector<Segment>& gone);
  Result<> remove_strays();
  Result<> remove_stray_files(const Sizes& sizes, int folder);
  Result<> remove_stray_parts();

  /// Fails the video in words, and its job, unless it has come to an end by itself.
  Result<> fail_video(Changes& changes, const std::string& id, Failure why);
  Result<> commit(Committer::Prepare prepare) {
    return raw_.committer.commit_blocking(std::move(prepare));
  }

  Catalogue::Raw& raw_;
  BlobStore& blobs_;
  Sizes temp_;
  Sizes masters_;
  std::unordered_set<std::string> folders_;
  Reconciled done_;
};

Result<> Reconciler::settle_uploads() {
  std::vector<Upload> uploads;
  auto read = raw_.database.each(
      Family::kUploads, [&](std::string_view id, std::string_view stored) -> Result<bool> {
        // Nearly all: complete, with its master. Reading them would be most of a start.
        if (has_member(stored, "\"complete\":true") && masters_.contains(std::string(id))) {
          return true;
        }
        auto upload = decode<Upload>(stored);
        if (!upload) return fail(std::move(upload.error()));
        uploads.push_back(std::move(*upload));
        return true;
      });
  if (!read) return read;
  for (const auto& upload : uploads) {
    if (auto settled = settle(upload); !settled) return settled;
  }
  return {};
}

Result<> Reconciler::settle(const Upload& upload) {
  // A part has no file; what it lost, its whole has lost.
  if (!upload.into.empty()) {
    auto whole = raw_.database.get(Family::kUploads, upload.into);
    if (!whole) return fail(std::move(whole.error()));
    if (*whole) return {};
    ++done_.uploads_removed;
    return commit([&](Changes& changes) { return remove_upload(changes, upload.id); });
  }
  const auto raw_bytes = size_in(masters_, upload.id);
  auto first_part = size_of(blobs_.temp_dir(), part_name(upload.id, 0));
  if (!first_part) return fail(std::move(first_part.error()));
  switch (fate_of(upload, size_in(temp_, upload.id), raw_bytes, first_part->has_value())) {
    case UploadFate::kKeep:
      return {};
    case UploadFate::kPromote:
      if (auto done = promote_file(blobs_.temp_dir(), blobs_.raw_dir(), upload.id, upload.offset,
                                   /*synced=*/false);
          !done) {
        return done;
      }
      if (auto done = sync_folder(blobs_.raw_dir(), upload.id); !done) return done;
      if (auto done = sync_folder(blobs_.temp_dir(), upload.id); !done) return done;
      temp_.erase(upload.id);
      masters_[upload.id] = upload.offset;
      break;
    case UploadFate::kComplete:
      // The rename may have outlived a process but not yet reached the disk.
      if (auto done = sync_folder(blobs_.raw_dir(), upload.id); !done) return done;
      break;
    case UploadFate::kForget:
      ++done_.uploads_removed;
      return commit([&](Changes& changes) { return remove_upload(changes, upload.id); });
    case UploadFate::kLost:
      return lose(upload);
  }
  ++done_.uploads_completed;
  if (!upload.length) {
    auto known = commit([&](Changes& changes) {
      return advance_upload(changes, upload.id, upload.offset, raw_bytes);
    });
    if (!known) return known;
  }
  return commit([&](Changes& changes) { return complete_upload(changes, upload.id); });
}

Result<> Reconciler::lose(const Upload& upload) {
  log::warn("store", "an upload's bytes are gone", {{"id", upload.id}, {"offset", upload.offset}});
  return commit([&](Changes& changes) -> Result<> {
    if (!upload.complete) {
      changes.erase(Family::kUploads, upload.id);
      ++done_.uploads_removed;
    }
    return fail_video(changes, upload.id,
                      {"source_missing", "The uploaded file is no longer on the server's disk.",
                       "Upload it again.", false});
  });
}

Result<> Reconciler::fail_video(Changes& changes, const std::string& id, Failure why) {
  auto before = changes.video(id);
  if (!before) return fail(std::move(before.error()));
  if (!*before || is_over((*before)->status)) return {};
  Video after = **before;
  after.status = VideoStatus::kFailed;
  after.error = std::move(why);
  changes.put_video(*before, std::move(after), EventKind::kFailed);
  ++done_.videos_failed;
  auto job = changes.read<Job>(Family::kJobs, id);
  if (!job) return fail(std::move(job.error()));
  if (*job) {
    (*job)->state = JobState::kFailed;
    changes.put(Family::kJobs, id, **job);
    changes.then(std::move(**job));
  }
  return {};
}

Result<> Reconciler::requeue_jobs() {
  std::vector<std::string> running;
  auto read = raw_.database.each(Family::kJobs,
                                 [&](std::string_view id, std::string_view stored) -> Result<bool> {
                                   if (has_member(stored, "\"state\":\"running\""))
                                     running.emplace_back(id);
                                   return true;
                                 });
  if (!read || running.empty()) return read;
  done_.jobs_requeued = static_cast<unsigned>(running.size());
  return commit([&](Changes& changes) -> Result<> {
    const ChangeJob requeue = [](Job& job, Video& video) -> Result<> {
      job.state = JobState::kWaiting;
      if (video.status == VideoStatus::kProcessing) video.status = VideoStatus::kQueued;
      return {};
    };
    for (const auto& id : running) {
      std::shared_ptr<const Video> after;
      auto updated = update_job(changes, id, requeue, EventKind::kUpdated, after);
      if (!updated && updated.error().code != ErrorCode::kNotFound) return updated;
    }
    return {};
  });
}

Result<> Reconciler::check_segments() {
  std::vector<std::pair<Video, bool>> doubtful;
  auto read = raw_.database.each(
      Family::kVideos, [&](std::string_view id, std::string_view stored) -> Result<bool> {
        // A blob is synced before its record is committed, so only outside hands can part them.
        // What is ready is trusted as a whole: a library of years must not be walked at each start.
        const bool folder_exists = folders_.contains(std::string(id));
        if (folder_exists && has_member(stored, "\"status\":\"ready\"")) return true;
        auto video = decode<Video>(stored);
        if (!video) return fail(std::move(video.error()));
        if (!folder_exists && video->renditions.empty() && video->audio.empty()) return true;
        doubtful.emplace_back(std::move(*video), folder_exists);
        return true;
      });
  if (!read) return read;
  for (const auto& [video, folder_exists] : doubtful) {
    if (auto done = check_segments_of(video, folder_exists); !done) return done;
  }
  return {};
}

Result<> Reconciler::check_segments_of(const Video& video, bool folder_exists) {
  std::vector<Segment> kept;
  std::vector<Segment> gone;
  auto read =
      raw_.database.each(Family::kSegments, video.id, after_prefix(video.id),
                         [&](std::string_view, std::string_view stored) -> Result<bool> {
                           auto segment = decode<Segment>(stored);
                           if (!segment) return fail(std::move(segment.error()));
                           auto bytes = size_of(blobs_.processed_dir(), segment->blob_key);
                           if (!bytes) return fail(std::move(bytes.error()));
                           (*bytes == segment->bytes ? kept : gone).push_back(std::move(*segment));
                           return true;
                         });
  if (!read) return read;
  if (gone.empty() && (folder_exists || video.status != VideoStatus::kReady)) return {};
  return drop_segments(video, kept, gone);
}

Result<> Reconciler::drop_segments(const Video& video, const std::vector<Segment>& kept,
                                   const std::vector<Segment>& gone) {
  log::warn("store", "segments are missing and will be made again",
            {{"id", video.id}, {"segments", gone.size()}});
  done_.segments_dropped += static_cast<unsigned>(gone.size());
  const auto recount = [&](auto& track, const std::string& name) {
    const auto before = track.segments_done;
    track.segments_done = 0;
    track.bytes = 0;
    for (const auto& segment : kept) {
      if (segment.track != name) continue;
      ++track.segments_done;
      track.bytes += segment.bytes;
    }
    if (track.segments_done < before) track.peak_bps = track.average_bps = 0;
  };
  return commit([&](Changes& changes) -> Result<> {
    for (const auto& segment : gone) {
      changes.erase(Family::kSegments, segment_key(video.id, segment.track, segment.number));
    }
    auto before = changes.video(video.id);
    if (!before) return fail(std::move(before.error()));
    Video after = **before;
    for (auto& rendition : after.renditions) recount(rendition, rendition.name);
    for (auto& track : after.audio) recount(track, concat("audio/", track.name));
    const bool again = after.status == VideoStatus::kReady;
    const bool has_master = masters_.contains(video.id);
    if (again) after.status = has_master ? VideoStatus::kQueued : VideoStatus::kFailed;
    if (again && !has_master) {
      after.error = {"segments_missing", "Parts of the video are no longer on the server's disk.",
                     "Upload it again.", false};
      ++done_.videos_failed;
    }
    changes.put_video(*before, std::move(after),
                      again && !has_master ? EventKind::kFailed : EventKind::kUpdated);
    if (again && has_master) {
      Job job;
      job.video = video.id;
      job.queued_at_ms = wall_ms();
      changes.put(Family::kJobs, video.id, job);
      changes.then(std::move(job));
    }
    return {};
  });
}

Result<> Reconciler::remove_stray_files(const Sizes& sizes, int folder) {
  for (const auto& [id, bytes] : sizes) {
    auto upload = raw_.database.get(Family::kUploads, id);
    if (!upload) return fail(std::move(upload.error()));
    auto video = raw_.database.get(Family::kVideos, id);
    if (!video) return fail(std::move(video.error()));
    if (*upload || (*video && folder == blobs_.raw_dir())) continue;
    if (auto gone = unlink_if_exists(folder, id); !gone) return gone;
    ++done_.files_removed;
  }
  return {};
}

Result<> Reconciler::remove_stray_parts() {
  return each_entry(blobs_.temp_dir(), [this](const char* entry) -> Result<> {
    const std::string_view name(entry);
    const auto id = name.substr(0, name.find('.'));
    if (id.size() == name.size() || !is_id(id)) return {};
    auto upload = raw_.database.get(Family::kUploads, id);
    if (!upload) return fail(std::move(upload.error()));
    if (*upload) return {};
    ++done_.files_removed;
    return unlink_if_exists(blobs_.temp_dir(), entry);
  });
}

Result<> Reconciler::remove_strays() {
  if (auto done = remove_stray_parts(); !done) return done;
  if (auto done = remove_stray_files(temp_, blobs_.temp_dir()); !done) return done;
  if (auto done = remove_stray_files(masters_, blobs_.raw_dir()); !done) return done;
  for (const auto& id : folders_) {
    auto video = raw_.database.get(Family::kVideos, id);
    if (!video) return fail(std::move(video.error()));
    if (*video) continue;
    auto gone = remove_tree(blobs_.processed_dir(), id, limits::kPathDepthMax);
    if (!gone) return gone;
    ++done_.folders_removed;
  }
  return {};
}

}  // namespace

Result<Reconciled> reconcile(Catalogue& catalogue, BlobStore& blobs) {
  auto done = Reconciler(catalogue.raw(), blobs).run();
  if (done && *done != Reconciled{}) {
    log::info("store", "put records and files in step after an unclean stop",
              {{"uploads_completed", done->uploads_completed},
               {"uploads_removed", done->uploads_removed},
               {"videos_failed", done->videos_failed},
               {"files_removed", done->files_removed},
               {"folders_removed", done->folders_removed},
               {"jobs_requeued", done->jobs_requeued},
               {"segments_dropped", done->segments_dropped}});
  }
  return done;
}

}  // namespace sf::store

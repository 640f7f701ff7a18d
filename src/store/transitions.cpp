#include "transitions.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>

namespace sf::store {
namespace {

std::unexpected<Error> no_upload(const std::string& id) {
  return fail(ErrorCode::kNotFound, concat("there is no upload ", id));
}
std::unexpected<Error> no_video(const std::string& id) {
  return fail(ErrorCode::kNotFound, concat("there is no video ", id));
}

Result<Upload> must_read_upload(Changes& changes, const std::string& id) {
  auto upload = changes.read<Upload>(Family::kUploads, id);
  if (!upload) return fail(std::move(upload.error()));
  if (!*upload) return no_upload(id);
  return std::move(**upload);
}

Result<std::shared_ptr<const Video>> must_read_video(Changes& changes, const std::string& id) {
  auto video = changes.video(id);
  if (video && !*video) return no_video(id);
  return video;
}

void queue_job(Changes& changes, const std::string& video, std::int64_t now_ms) {
  const Job job{.video = video, .state = JobState::kWaiting, .queued_at_ms = now_ms};
  changes.put(Family::kJobs, video, job);
  changes.then(job);
}

/// What an upload's progress means for its video.
void follow_upload(Video& video, const Upload& upload) {
  video.source.received_bytes = upload.offset;
  video.source.bytes = upload.length.value_or(0);
}

void erase_video_records(Changes& changes, const std::shared_ptr<const Video>& video) {
  changes.erase(Family::kUploads, video->id);
  changes.erase(Family::kJobs, video->id);
  changes.erase_range(Family::kSegments, video->id, after_prefix(video->id));
  changes.erase_video(video);
}

}  // namespace

Result<> create_upload(Changes& changes, Upload upload, std::optional<Video> video) {
  if (!is_id(upload.id) || (video && video->id != upload.id)) {
    return fail(ErrorCode::kInvalidArgument, "an upload and its video share one well-formed id");
  }
  auto existing = changes.read<Upload>(Family::kUploads, upload.id);
  if (!existing) return fail(std::move(existing.error()));
  auto before = changes.video(upload.id);
  if (!before) return fail(std::move(before.error()));
  if (*existing || (video && *before)) {
    return fail(ErrorCode::kConflict, concat("the id ", upload.id, " is taken"));
  }

  const auto now_ms = wall_ms();
  if (upload.created_at_ms == 0) upload.created_at_ms = now_ms;
  upload.updated_at_ms = now_ms;
  changes.put(Family::kUploads, upload.id, upload);
  if (video) {
    if (video->created_at_ms == 0) video->created_at_ms = upload.created_at_ms;
    follow_upload(*video, upload);
    changes.put_video(nullptr, std::move(*video), EventKind::kCreated);
  }
  return {};
}

Result<> advance_upload(Changes& changes, const std::string& id, std::uint64_t offset,
                        std::optional<std::uint64_t> length) {
  auto upload = must_read_upload(changes, id);
  if (!upload) return fail(std::move(upload.error()));
  if (length && upload->length && *length != *upload->length) {
    return fail(ErrorCode::kConflict, "the length of this upload is known and is another");
  }
  const bool declares = length && !upload->length;
  if (declares) upload->length = length;
  if (upload->length && std::max(offset, upload->offset) > *upload->length) {
    return fail(ErrorCode::kInvalidArgument, "more bytes than the length of this upload");
  }
  // A late report of fewer bytes is no news: what is durable stays so.
  if (offset <= upload->offset && !declares) return {};
  upload->offset = std::max(upload->offset, offset);
  upload->updated_at_ms = wall_ms();
  changes.put(Family::kUploads, id, *upload);

  auto video = changes.video(id);
  if (!video) return fail(std::move(video.error()));
  if (*video) {
    Video after = **video;
    follow_upload(after, *upload);
    changes.put_video(*video, std::move(after), EventKind::kProgress);
    changes.then(std::move(*upload));
  }
  return {};
}

Result<> complete_upload(Changes& changes, const std::string& id) {
  auto upload = must_read_upload(changes, id);
  if (!upload) return fail(std::move(upload.error()));
  if (upload->complete) return {};
  if (!upload->length) {
    return fail(ErrorCode::kConflict, "an upload of unknown length cannot be complete");
  }
  const auto now_ms = wall_ms();
  upload->complete = true;
  upload->offset = *upload->length;
  upload->updated_at_ms = now_ms;
  changes.put(Family::kUploads, id, *upload);

  auto video = changes.video(id);
  if (!video) return fail(std::move(video.error()));
  if (!*video) return {};
  Video after = **video;
  follow_upload(after, *upload);
  const bool queue = after.status == VideoStatus::kUploading;
  if (queue) after.status = VideoStatus::kQueued;
  changes.put_video(*video, std::move(after), EventKind::kUpdated);
  if (queue) queue_job(changes, id, now_ms);
  return {};
}

Result<> remove_upload(Changes& changes, const std::string& id) {
  auto upload = must_read_upload(changes, id);
  if (!upload) return fail(std::move(upload.error()));
  auto video = changes.video(id);
  if (!video) return fail(std::move(video.error()));
  if (*video && !upload->complete) {
    erase_video_records(changes, *video);
  } else {
    changes.erase(Family::kUploads, id);
  }
  return {};
}

Result<> update_video(Changes& changes, const std::string& id, const ChangeVideo& change,
                      EventKind event, std::optional<std::uint64_t> expected,
                      std::shared_ptr<const Video>& after) {
  auto before = must_read_video(changes, id);
  if (!before) return fail(std::move(before.error()));
  if (expected && *expected != (*before)->revision) {
    return fail(ErrorCode::kConflict, "the video has been changed meanwhile");
  }
  Video edited = **before;
  if (change) {
    if (auto changed = change(edited); !changed) return changed;
  }
  edited.id = id;
  after = changes.put_video(*before, std::move(edited), event);
  return {};
}

Result<> remove_video(Changes& changes, const std::string& id) {
  auto video = must_read_video(changes, id);
  if (!video) return fail(std::move(video.error()));
  erase_video_records(changes, *video);
  return {};
}

Result<> update_job(Changes& changes, const std::string& video, const ChangeJob& change,
                    EventKind event, std::shared_ptr<const Video>& after) {
  auto before = must_read_video(changes, video);
  if (!before) return fail(std::move(before.error()));
  auto job = changes.read<Job>(Family::kJobs, video);
  if (!job) return fail(std::move(job.error()));
  if (!*job) return fail(ErrorCode::kNotFound, concat("there is no job for video ", video));
  Video edited = **before;
  if (auto changed = change(**job, edited); !changed) return changed;
  (*job)->video = video;
  edited.id = video;
  changes.put(Family::kJobs, video, **job);
  after = changes.put_video(*before, std::move(edited), event);
  changes.then(std::move(**job));
  return {};
}

Result<> commit_segments(Changes& changes, const std::string& video,
                         const std::vector<Segment>& segments, const ChangeVideo& change,
                         EventKind event, std::shared_ptr<const Video>& after) {
  for (const auto& segment : segments) {
    if (segment.video != video || segment.track.empty()) {
      return fail(ErrorCode::kInvalidArgument, "a segment of another video");
    }
  }
  auto updated = update_video(changes, video, change, event, std::nullopt, after);
  if (!updated) return updated;
  for (const auto& segment : segments) {
    changes.put(Family::kSegments, segment_key(video, segment.track, segment.number), segment);
  }
  return {};
}

Result<> remove_segments(Changes& changes, const std::string& video) {
  if (!is_id(video)) return fail(ErrorCode::kInvalidArgument, "not the id of a video");
  changes.erase_range(Family::kSegments, video, after_prefix(video));
  return {};
}

}  // namespace sf::store

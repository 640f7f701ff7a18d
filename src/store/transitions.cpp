#include "transitions.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

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

/// Never back: what came while the clock was wrong does not expire when it is right again.
void touch(Upload& upload) { upload.updated_at_ms = std::max(upload.updated_at_ms, wall_ms()); }

/// What an upload's progress means for its video.
void follow_upload(Video& video, const Upload& upload) {
  video.source.received_bytes = upload.offset;
  video.source.bytes = upload.length.value_or(0);
}

/// The same in the catalogue, with so many bytes `received`; whether there is such a video.
Result<bool> show_progress(Changes& changes, const Upload& upload, std::uint64_t received) {
  auto video = changes.video(upload.id);
  if (!video) return fail(std::move(video.error()));
  if (!*video) return false;
  Video after = **video;
  follow_upload(after, upload);
  after.source.received_bytes = received;
  changes.put_video(*video, std::move(after), EventKind::kProgress);
  return true;
}

/// An upload's record, and with a whole's those of its parts.
Result<> erase_upload(Changes& changes, const std::string& id) {
  auto upload = changes.read<Upload>(Family::kUploads, id);
  if (!upload) return fail(std::move(upload.error()));
  if (!*upload) return {};
  for (const auto& part : (*upload)->parts) changes.erase(Family::kUploads, part.id);
  if (!(*upload)->group.empty() && !(*upload)->complete) {
    changes.erase(Family::kGroups, group_key((*upload)->owner, (*upload)->group));
  }
  changes.erase(Family::kUploads, id);
  return {};
}

Result<> erase_video_records(Changes& changes, const std::shared_ptr<const Video>& video) {
  if (auto erased = erase_upload(changes, video->id); !erased) return erased;
  changes.erase(Family::kJobs, video->id);
  changes.erase_range(Family::kSegments, video->id, after_prefix(video->id));
  changes.erase_video(video);
  return {};
}

/// What there is of a whole.
struct Extent {
  std::uint64_t first_gap = 0;  ///< Where the first gap begins.
  std::uint64_t received = 0;   ///< Bytes of all parts, wherever they lie.
  std::uint64_t tail = 0;       ///< From here to the end all is there; 0: nothing.
};

/// `moved` is a part whose record is not written yet.
Result<Extent> extent_of(Changes& changes, const Upload& whole, const Upload* moved) {
  Extent extent;
  std::uint64_t run_end = 0;                // Of the parts without a gap since `tail`.
  for (const auto& placed : whole.parts) {  // In order of `at`.
    std::uint64_t offset = 0;
    if (moved && moved->id == placed.id) {
      offset = moved->offset;
    } else {
      auto part = must_read_upload(changes, placed.id);
      if (!part) return fail(std::move(part.error()));
      offset = part->offset;
    }
    if (placed.at == extent.first_gap) extent.first_gap += offset;
    extent.received += offset;
    if (placed.at != run_end) extent.tail = placed.at;
    if (offset == placed.bytes) {
      run_end = placed.at + placed.bytes;
    } else {
      run_end = 0;  // No part is placed there but the first.
    }
  }
  if (run_end != whole.length) extent.tail = 0;
  return extent;
}

/// Writes a whole whose parts have changed, and what that means for its video.
Result<> put_whole(Changes& changes, Upload whole, const Upload* moved) {
  auto extent = extent_of(changes, whole, moved);
  if (!extent) return fail(std::move(extent.error()));
  whole.offset = extent->first_gap;
  whole.tail = extent->tail;
  touch(whole);
  changes.put(Family::kUploads, whole.id, whole);
  const auto shown = show_progress(changes, whole, extent->received);
  if (!shown) return fail(shown.error());
  if (*shown) changes.then(std::move(whole));
  return {};
}

Result<> follow_part(Changes& changes, const Upload& part) {
  auto whole = changes.read<Upload>(Family::kUploads, part.into);
  if (!whole) return fail(std::move(whole.error()));
  if (!*whole || (*whole)->complete) return {};
  return put_whole(changes, std::move(**whole), &part);
}

/// A part goes; with the last one of an unfinished whole that goes too.
Result<> leave_whole(Changes& changes, const Upload& part) {
  changes.erase(Family::kUploads, part.id);
  auto whole = changes.read<Upload>(Family::kUploads, part.into);
  if (!whole) return fail(std::move(whole.error()));
  if (!*whole) return {};
  std::erase_if((*whole)->parts, [&](const auto& placed) { return placed.id == part.id; });
  if ((*whole)->complete) {
    changes.put(Family::kUploads, part.into, **whole);
    return {};
  }
  if (!(*whole)->parts.empty()) return put_whole(changes, std::move(**whole), nullptr);
  auto video = changes.video(part.into);
  if (!video) return fail(std::move(video.error()));
  return *video ? erase_video_records(changes, *video) : erase_upload(changes, part.into);
}

/// kInvalidArgument when a part of this range has no place in `whole`.
Result<> check_fits(const Upload& whole, const PlacedPart& fresh) {
  const std::uint64_t total = whole.length.value_or(0);
  if (fresh.bytes == 0 || fresh.at > total || fresh.bytes > total - fresh.at) {
    return fail(ErrorCode::kInvalidArgument, "a part must lie within its group's total");
  }
  if (whole.parts.size() >= limits::kGroupPartsMax) {
    return fail(ErrorCode::kInvalidArgument,
                concat("a group has at most ", limits::kGroupPartsMax, " parts"));
  }
  for (const auto& placed : whole.parts) {
    if (fresh.at < placed.at + placed.bytes && placed.at < fresh.at + fresh.bytes) {
      return fail(ErrorCode::kInvalidArgument, concat("the part overlaps with the one from ",
                                                      placed.at, " to ", placed.at + placed.bytes));
    }
  }
  return {};
}

}  // namespace

Result<> place_part(Changes& changes, Upload part, const std::string& replaces,
                    std::optional<Upload> whole, std::optional<Video> video) {
  const std::string key = group_key(part.owner, whole ? whole->group : part.group);
  auto known = changes.read_text(Family::kGroups, key);
  if (!known) return fail(std::move(known.error()));
  if (whole.has_value() == known->has_value() || (*known && **known != part.into)) {
    return fail(ErrorCode::kConflict, "the group has changed meanwhile");
  }
  const bool is_new = whole.has_value();
  if (!is_new) {
    auto stored = must_read_upload(changes, part.into);
    if (!stored) return fail(std::move(stored.error()));
    whole = std::move(*stored);
  }
  const PlacedPart fresh{part.id, part.at, part.length.value_or(0)};
  const auto same = std::ranges::find_if(whole->parts, [&](const auto& placed) {
    return placed.at == fresh.at && placed.bytes == fresh.bytes;
  });
  if ((same == whole->parts.end() ? std::string() : same->id) != replaces) {
    return fail(ErrorCode::kConflict, "the group has changed meanwhile");
  }
  if (same != whole->parts.end()) {
    changes.erase(Family::kUploads, same->id);
    whole->parts.erase(same);
  }
  if (auto fits = check_fits(*whole, fresh); !fits) return fits;
  const auto after = std::ranges::upper_bound(whole->parts, fresh.at, {}, &PlacedPart::at);
  whole->parts.insert(after, fresh);

  if (is_new) {
    auto made = create_upload(changes, *whole, std::move(video));
    if (!made) return made;
    changes.put_text(Family::kGroups, key, whole->id);
  } else if (auto put = put_whole(changes, std::move(*whole), &part); !put) {
    return put;
  }
  part.group.clear();
  return create_upload(changes, std::move(part), std::nullopt);
}

Result<> name_whole(Changes& changes, const std::string& id, const std::string& concat,
                    const std::string& metadata) {
  auto upload = must_read_upload(changes, id);
  if (!upload) return fail(std::move(upload.error()));
  upload->concat = concat;
  if (!metadata.empty()) upload->metadata = metadata;
  changes.put(Family::kUploads, id, *upload);
  return {};
}

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
  touch(*upload);
  changes.put(Family::kUploads, id, *upload);
  if (!upload->into.empty()) return follow_part(changes, *upload);

  const auto shown = show_progress(changes, *upload, upload->offset);
  if (!shown) return fail(shown.error());
  if (*shown) changes.then(std::move(*upload));
  return {};
}

Result<> receive_parts(Changes& changes, const std::string& id, std::uint64_t bytes) {
  auto upload = must_read_upload(changes, id);
  if (!upload) return fail(std::move(upload.error()));
  if (upload->length.value_or(bytes) != bytes) {
    return fail(ErrorCode::kConflict, "the parts of this upload are not as long as it is");
  }
  upload->length = bytes;
  upload->offset = bytes;
  touch(*upload);
  changes.put(Family::kUploads, id, *upload);
  const auto shown = show_progress(changes, *upload, upload->offset);
  return shown ? Result<>() : fail(shown.error());
}

Result<> refuse_end(Changes& changes, const std::string& id) {
  auto upload = must_read_upload(changes, id);
  if (!upload) return fail(std::move(upload.error()));
  upload->end_refused = true;
  changes.put(Family::kUploads, id, *upload);
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
  if (!upload->group.empty()) {
    changes.erase(Family::kGroups, group_key(upload->owner, upload->group));
  }
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
  if (!upload->into.empty()) return leave_whole(changes, *upload);
  auto video = changes.video(id);
  if (!video) return fail(std::move(video.error()));
  if (*video && !upload->complete) return erase_video_records(changes, *video);
  return erase_upload(changes, id);
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
  return erase_video_records(changes, *video);
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

/// What the subtitle tracks of a video say: one task, by a borrowed worker, as soon as the whole
/// file is there and planned. A video whose subtitles cannot be read is ready without them.

#include "scheduler_impl.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

bool is_open(const store::SubtitleTrack& track) { return !track.ready && track.why.empty(); }

}  // namespace

io::Task<Result<std::vector<hls::PackedTrack>>> Scheduler::Impl::read_pack(std::string id) {
  const auto file = co_await blobs.open_blob(id, std::string(hls::kSubtitlePackBlob));
  if (!file) co_return fail(file.error());
  std::array<std::byte, hls::kPackHeadBytes> head_bytes;
  auto read = co_await home.read_exactly_at(file->get(), head_bytes, 0);
  if (!read) co_return fail(std::move(read.error()));
  const auto head = hls::read_pack_head(head_bytes);
  if (!head) co_return fail(head.error());
  std::vector<std::byte> tracks(head->tracks * hls::kPackTrackBytes);
  read = co_await home.read_exactly_at(file->get(), tracks, hls::kPackHeadBytes);
  if (!read) co_return fail(std::move(read.error()));
  co_return hls::read_pack_tracks(*head, tracks);
}

// The pack first, then the record that offers what is in it.
io::Task<Result<>> Scheduler::Impl::extract(JobPtr job) {
  Command command;
  command.kind = TaskKind::kSubtitles;
  auto drawn = co_await draw(job, std::move(command), std::string(hls::kSubtitlePackBlob));
  if (!drawn) co_return drawn;
  const auto tracks = co_await read_pack(job->id);
  if (!tracks) co_return fail(tracks.error());
  std::function<Result<>(store::Video&)> change = [&tracks](store::Video& video) -> Result<> {
    if (video.subtitles.size() != tracks->size()) {
      return fail(ErrorCode::kInternal, "the worker's file is not what it said");
    }
    for (std::size_t i = 0; i < tracks->size(); ++i) {
      store::SubtitleTrack& track = video.subtitles[i];
      if (!is_open(track)) continue;
      track.why = why_left_out((*tracks)[i]);
      track.ready = track.why.empty();
    }
    return {};
  };
  auto updated =
      co_await catalogue.update_video(job->id, std::move(change), store::EventKind::kUpdated);
  if (!updated) co_return fail(std::move(updated.error()));
  co_return {};
}

io::Task<void> Scheduler::Impl::extract_subtitles(JobPtr job) {
  if (gate.closed() || job->ended || job->extracting) co_return;
  const auto pass = gate.enter();
  const auto job_pass = job->users.enter();
  job->extracting = true;
  const auto video = co_await catalogue.video(job->id);
  const bool wanted = video && std::ranges::any_of(video->subtitles, is_open);
  Result<> extracted;
  for (unsigned tries = 0; wanted && tries < limits::kTaskAttemptsMax; ++tries) {
    extracted = co_await extract(job);
    if (extracted || job->ended || stopping) break;
    log::warn("transcode", "subtitles could not be read",
              {{"video", job->id}, {"reason", extracted.error().message}});
  }
  if (!extracted && !job->ended && !stopping) {
    const std::string why = concat("it could not be read: ", extracted.error().message);
    std::function<Result<>(store::Video&)> change = [&why](store::Video& record) -> Result<> {
      for (store::SubtitleTrack& track : record.subtitles) {
        if (is_open(track)) track.why = why;
      }
      return {};
    };
    auto updated =
        co_await catalogue.update_video(job->id, std::move(change), store::EventKind::kUpdated);
    if (!updated) {
      log::error("transcode", "the subtitles of a video could not be recorded",
                 {{"video", job->id}, {"reason", updated.error().message}});
    }
  }
  job->extracting = false;
  subtitles_ended.wake(job->id);
}

}  // namespace sf::transcode

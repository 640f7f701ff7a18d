#include "caller.hpp"
#include "handlers.hpp"

#include <streamforge/base/digest.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/hls/playlist.hpp>
#include <streamforge/hls/presentation.hpp>
#include <streamforge/http/representation.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <unordered_map>

namespace sf::serve {

namespace {

/// Presentations kept in memory: a few hundred bytes to a few hundred KiB each.
constexpr std::size_t kPresentationsMax = 256;

constexpr std::string_view kPlaylistType = "application/vnd.apple.mpegurl";
constexpr std::string_view kImmutable = "public, max-age=31536000, immutable";
/// A finished playlist changes only when its video is made again.
constexpr std::string_view kFinalPlaylist = "public, max-age=60";
constexpr std::string_view kPrivate = "private, no-store";

std::string cache_control(const store::Video& video, std::string_view otherwise) {
  return std::string(video.visibility == store::Visibility::kPrivate ? kPrivate : otherwise);
}

std::string_view playlist_cache(const store::Video& video) {
  return video.status == store::VideoStatus::kReady ? kFinalPlaylist : "no-cache";
}

/// CORS on every answer below /v/, errors included: players on other sites may read them.
io::Task<http::Response> with_cors(http::Request& request, const http::Handler& next) {
  http::Response response;
  if (request.method == http::Method::kOptions) {
    response = http::Response::empty(204);
    response.headers.set("Allow", "GET, HEAD, OPTIONS");
    response.headers.set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
    response.headers.set("Access-Control-Allow-Headers",
                         "Range, If-None-Match, If-Modified-Since, If-Range, Accept");
    response.headers.set("Access-Control-Max-Age", "86400");
  } else {
    response = co_await next(request);
  }
  response.headers.set("Access-Control-Allow-Origin", "*");
  response.headers.set("Access-Control-Expose-Headers",
                       "Content-Length, Content-Range, ETag, Accept-Ranges, Date");
  co_return response;
}

http::Response playlist_response(const http::Request& request, const store::Video& video,
                                 std::string text) {
  auto owned = std::make_shared<const std::string>(std::move(text));
  http::Representation representation;
  representation.content_type = kPlaylistType;
  representation.etag = concat('"', sha256_hex(as_bytes(*owned)).substr(0, 32), '"');
  representation.cache_control = cache_control(video, playlist_cache(video));
  const ByteSpan bytes = as_bytes(*owned);
  representation.bytes = http::SharedBytes{std::move(owned), bytes};
  return http::respond(request, std::move(representation));
}

/// A file whole or in part. Its bytes never change under one name, so size and time name them.
Result<http::Response> file_response(const http::Request& request, UniqueFd file,
                                     std::string_view content_type, std::string caching) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return fail_errno(errno, "fstat of a media file");
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const auto mtime_ms = status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / kNsPerMs;
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  http::Representation representation;
  representation.content_type = content_type;
  representation.etag = concat('"', bytes, '-', static_cast<std::uint64_t>(status.st_mtim.tv_sec),
                               '-', static_cast<std::uint64_t>(status.st_mtim.tv_nsec), '"');
  representation.last_modified_ms = mtime_ms;
  representation.cache_control = std::move(caching);
  representation.bytes =
      http::FileSlice{std::make_shared<const UniqueFd>(std::move(file)), 0, bytes};
  return http::respond(request, std::move(representation));
}

http::Response not_yet(const http::Request& request, const Error& error) {
  http::Response response =
      error.code == ErrorCode::kTimedOut
          ? http::problem(
                request, http::Problem{503, "segment_not_ready", "This segment is still being made",
                                       error.message, "Ask for it again."})
          : http::problem(request, error);
  if (error.code == ErrorCode::kTimedOut) response.headers.set("Retry-After", "1");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

/// Presentations by video, least recently used out first. A mutex, held for a look-up: playlists
/// are a thousandth of the requests. (Segments do not come here.)
struct Playback::Cache {
  struct Entry {
    std::string id;
    std::uint64_t duration_ms;
    std::shared_ptr<const hls::Presentation> presentation;
  };
  std::mutex mutex;
  std::list<Entry> entries;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id;

  std::shared_ptr<const hls::Presentation> find(const store::Video& video) {
    const std::lock_guard lock(mutex);
    const auto found = by_id.find(video.id);
    if (found == by_id.end()) return nullptr;
    // Made again from another index: another timeline.
    if (found->second->duration_ms != video.duration_ms) {
      entries.erase(found->second);
      by_id.erase(found);
      return nullptr;
    }
    entries.splice(entries.begin(), entries, found->second);
    return found->second->presentation;
  }

  void keep(const store::Video& video, std::shared_ptr<const hls::Presentation> presentation) {
    const std::lock_guard lock(mutex);
    if (by_id.contains(video.id)) return;
    entries.push_front({video.id, video.duration_ms, std::move(presentation)});
    by_id.emplace(entries.front().id, entries.begin());
    if (entries.size() > kPresentationsMax) {
      by_id.erase(entries.back().id);
      entries.pop_back();
    }
  }
};

Playback::Playback(Shared& shared) : shared_(shared), cache_(std::make_unique<Cache>()) {}
Playback::~Playback() = default;

void Playback::add_routes(http::Router& router) {
  using enum http::Method;
  router.add_filter("/v/", [](http::Request& request, const http::Handler& next) {
    return with_cors(request, next);
  });
  router.add(kGet, "/v/{id}/master.m3u8", [this](http::Request& r) { return master(r); });
  router.add(kGet, "/v/{id}/source", [this](http::Request& r) { return source(r); });
  router.add(kGet, "/v/{id}/{rung}/{file}", [this](http::Request& r) {
    return media(r, std::string(r.parameter("rung")), std::string(r.parameter("file")));
  });
  router.add(kGet, "/v/{id}/audio/{track}/{file}", [this](http::Request& r) {
    return media(r, concat("audio/", r.parameter("track")), std::string(r.parameter("file")));
  });
}

io::Task<Result<std::shared_ptr<const store::Video>>> Playback::playable(
    const http::Request& request) {
  const std::string id(request.parameter("id"));
  std::shared_ptr<const store::Video> video = shared_.parts.catalogue.cached_video(id);
  if (!video) {
    auto read = co_await shared_.parts.catalogue.video(id);
    if (!read) co_return fail(std::move(read.error()));
    video = std::make_shared<const store::Video>(std::move(*read));
  }
  auto who = allowed(request, shared_.parts.accounts, store::Action::kPlay, video->owner,
                     video->visibility);
  if (!who) co_return fail(std::move(who.error()));
  if (video->deleted_at_ms != 0) {
    co_return fail(ErrorCode::kNotFound, "This video has been deleted.");
  }
  co_return video;
}

io::Task<Result<std::shared_ptr<const hls::Presentation>>> Playback::presentation_of(
    const store::Video& video) {
  if (auto cached = cache_->find(video)) co_return cached;
  auto text = co_await shared_.parts.blobs.read_small(video.id, std::string(hls::kPresentationBlob),
                                                      hls::kPresentationBytesMax);
  if (!text) co_return fail(std::move(text.error()));
  auto parsed = hls::parse_presentation(*text);
  if (!parsed) co_return fail(std::move(parsed.error()));
  auto presentation = std::make_shared<const hls::Presentation>(std::move(*parsed));
  cache_->keep(video, presentation);
  co_return presentation;
}

namespace {

Error not_playable(const store::Video& video) {
  if (video.error) return Error{ErrorCode::kNotFound, video.error->message};
  return Error{ErrorCode::kNotFound,
               "This video cannot be played yet: what it holds is still being found out."};
}

}  // namespace

namespace {

/// How many segments of a track the record knows of; 0 for what is no track of ours.
std::uint32_t segments_known(const store::Video& video, std::string_view track) {
  for (const auto& rung : video.renditions) {
    if (rung.name == track) return static_cast<std::uint32_t>(rung.segments_total);
  }
  for (const auto& sound : video.audio) {
    if (concat("audio/", sound.name) == track) {
      return static_cast<std::uint32_t>(sound.segments_total);
    }
  }
  return 0;
}

}  // namespace

io::Task<http::Response> Playback::master(http::Request& request) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  const store::Video& record = **video;
  if (!record.playable) co_return not_yet(request, not_playable(record));
  auto presentation = co_await presentation_of(record);
  if (!presentation) co_return not_yet(request, presentation.error());
  hls::Presentation shown = **presentation;
  for (const auto& rung : record.renditions) {
    shown.measure(rung.name, rung.codecs, rung.peak_bps, rung.average_bps);
    shown.offer_i_frames(rung.name, rung.i_frame_bps);
  }
  for (const auto& track : record.audio) {
    shown.measure(concat("audio/", track.name), track.codecs, track.peak_bps, track.average_bps);
  }
  co_return playlist_response(request, record, hls::master_playlist(shown));
}

io::Task<http::Response> Playback::media(http::Request& request, std::string track,
                                         std::string file) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  const store::Video& record = **video;
  if (const auto number = hls::segment_number(file)) {
    co_return co_await segment(request, record, std::move(track), *number);
  }
  const Error unknown{ErrorCode::kNotFound, "This video has no such file."};
  if (file == hls::kIFrameListName) {
    co_return co_await i_frames(request, record, std::move(track));
  }
  const bool live = file == "live.m3u8";
  if (file != "index.m3u8" && !live) co_return not_yet(request, unknown);
  if (!record.playable) co_return not_yet(request, not_playable(record));
  auto presentation = co_await presentation_of(record);
  if (!presentation) co_return not_yet(request, presentation.error());
  if ((*presentation)->growing && !live) {
    const Error growing{ErrorCode::kNotFound, "This list is complete when the upload is."};
    co_return not_yet(request, growing);
  }
  // The timeline is written before the record that says so: what the record knows is listed.
  auto text = live ? hls::live_playlist(**presentation, track, segments_known(record, track))
                   : hls::media_playlist(**presentation, track);
  if (!text) co_return not_yet(request, unknown);
  co_return playlist_response(request, record, std::move(*text));
}

// Written when its rung was complete; until then there is none.
io::Task<http::Response> Playback::i_frames(http::Request& request, const store::Video& video,
                                            std::string rung) {
  const auto found = std::ranges::find(video.renditions, rung, &store::Rendition::name);
  if (found == video.renditions.end() || found->i_frame_bps == 0) {
    co_return not_yet(request, Error{ErrorCode::kNotFound, "This rung has no I-frame list (yet)."});
  }
  auto text = co_await shared_.parts.blobs.read_small(
      video.id, concat(rung, '/', hls::kIFrameListName), hls::kPresentationBytesMax);
  if (!text) co_return not_yet(request, text.error());
  co_return playlist_response(request, video, std::move(*text));
}

io::Task<http::Response> Playback::segment(http::Request& request, const store::Video& video,
                                           std::string track, std::uint32_t number) {
  // Tracks are names of ours: what is not one never reaches the disk.
  if (number >= segments_known(video, track)) {
    co_return not_yet(request, Error{ErrorCode::kNotFound, "This video has no such segment."});
  }
  const std::string name = concat(track, '/', hls::segment_name(number));
  auto file = co_await shared_.parts.blobs.open_blob(video.id, name);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    if (video.status == store::VideoStatus::kFailed ||
        video.status == store::VideoStatus::kCancelled) {
      co_return not_yet(request, not_playable(video));
    }
    store::Wish wish{video.id, track, number};
    auto made = co_await shared_.parts.demand.want(std::move(wish), limits::kSegmentWaitMs);
    if (!made) co_return not_yet(request, made.error());
    file = co_await shared_.parts.blobs.open_blob(video.id, name);
  }
  if (!file) co_return not_yet(request, file.error());
  auto response =
      file_response(request, std::move(*file), "video/mp2t", cache_control(video, kImmutable));
  if (!response) co_return http::problem(request, response.error());
  co_return std::move(*response);
}

io::Task<http::Response> Playback::source(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kReadSource, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  auto file = co_await shared_.parts.blobs.open_source(id);
  if (!file) co_return http::problem(request, file.error());
  auto response =
      file_response(request, std::move(*file), "application/octet-stream", std::string(kPrivate));
  if (!response) co_return http::problem(request, response.error());
  response->headers.set("X-Content-Type-Options", "nosniff");
  response->headers.set("Content-Disposition", "attachment");
  co_return std::move(*response);
}

}  // namespace sf::serve

#include "caller.hpp"
#include "handlers.hpp"
#include "media_answers.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/hls/playlist.hpp>
#include <streamforge/hls/presentation.hpp>
#include <streamforge/http/representation.hpp>

#include <algorithm>
#include <list>
#include <mutex>
#include <unordered_map>

namespace sf::serve {

namespace {

/// Presentations kept in memory: a few hundred bytes to a few hundred KiB each.
constexpr std::size_t kPresentationsMax = 256;
/// Between the last byte and the list of the whole lies what is left of the index pass, mostly a
/// fifth of a second. Who opens the video then had better wait for it; not long, as what is listed
/// plays meanwhile.
constexpr std::uint32_t kMasterWaitMs = 1'000;
constexpr std::uint32_t kLookMs = 20;

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

}  // namespace

/// Presentations by video, least recently used out first. A mutex, held for a look-up: playlists
/// are a thousandth of the requests. (Segments do not come here.)
struct Playback::Cache {
  struct Entry {
    std::string id;
    std::uint64_t duration_ms;
    std::uint64_t expected_duration_ms;
    std::shared_ptr<const hls::Presentation> presentation;
  };
  std::mutex mutex;
  std::list<Entry> entries;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id;

  std::shared_ptr<const hls::Presentation> find(const store::Video& video) {
    const std::lock_guard lock(mutex);
    const auto found = by_id.find(video.id);
    if (found == by_id.end()) return nullptr;
    // Made again from another index, or the whole of what grew: another timeline.
    if (found->second->duration_ms != video.duration_ms ||
        found->second->expected_duration_ms != video.expected_duration_ms) {
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
    entries.push_front(
        {video.id, video.duration_ms, video.expected_duration_ms, std::move(presentation)});
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
  router.add(kGet, "/v/{id}/poster.jpg", [this](http::Request& r) { return poster(r); });
  router.add(kGet, "/v/{id}/storyboard.vtt", [this](http::Request& r) { return storyboard(r); });
  router.add(kGet, "/v/{id}/storyboard/{file}", [this](http::Request& r) { return sheet(r); });
  router.add(kGet, "/v/{id}/{file}", [this](http::Request& r) { return whole_file(r); });
  router.add(kGet, "/v/{id}/{rung}/{file}", [this](http::Request& r) {
    return media(r, std::string(r.parameter("rung")), std::string(r.parameter("file")));
  });
  router.add(kGet, "/v/{id}/subtitles/{track}/{file}",
             [this](http::Request& r) { return subtitles(r); });
  router.add(kGet, "/v/{id}/audio/{track}/{file}", [this](http::Request& r) {
    return media(r, concat("audio/", r.parameter("track")), std::string(r.parameter("file")));
  });
}

/// Others may be given the answer too when it depends on nothing but the video as it is now: not on
/// who asks, nor on a query, of which there are endlessly many.
http::Response Playback::answer(const http::Request& request, const Playable& playable,
                                http::Representation representation) {
  const bool by_token = !playable.token.empty() && concat('?', request.query) == playable.suffix();
  const bool by_all =
      playable.video->visibility != store::Visibility::kPrivate && request.query.empty();
  if (!by_token && !by_all) return http::respond(request, std::move(representation));
  auto reuse = std::make_shared<http::Reuse>();
  reuse->representation = representation;
  reuse->version = &playable.version;
  reuse->seen = playable.seen;
  if (by_token) reuse->until_wall_ms = playable.until_ms;
  http::Response response = http::respond(request, std::move(representation));
  response.reuse = std::move(reuse);
  return response;
}

Result<> Playback::admit(const http::Request& request, Playable& playable) const {
  const store::Video& video = *playable.video;
  const auto token = request.query.empty() ? std::nullopt : request.query_parameter("token");
  std::optional<Error> wrong_token;
  if (token) {
    const auto until_ms = shared_.tokens.check(video.id, *token, wall_ms());
    if (until_ms) {
      playable.token = *token;
      playable.until_ms = *until_ms;
      return {};
    }
    wrong_token = until_ms.error();
  }
  auto who =
      allowed(request, shared_.parts.accounts, store::Action::kPlay, video.owner, video.visibility);
  if (who) return {};
  return fail(wrong_token ? std::move(*wrong_token) : std::move(who.error()));
}

namespace {

Result<> not_deleted(const store::Video& video) {
  if (video.deleted_at_ms == 0) return {};
  return fail(ErrorCode::kNotFound, "This video has been deleted.");
}

}  // namespace

io::Task<Result<>> Playback::look(std::string id, Playable& playable) {
  playable.seen = playable.version.load(std::memory_order_acquire);
  playable.video = shared_.parts.catalogue.cached_video(id);
  if (playable.video) co_return {};
  auto read = co_await shared_.parts.catalogue.video(id);
  if (!read) co_return fail(std::move(read.error()));
  playable.video = std::make_shared<const store::Video>(std::move(*read));
  co_return {};
}

io::Task<Result<Playback::Playable>> Playback::playable(const http::Request& request) {
  const std::string id(request.parameter("id"));
  Playable found{nullptr, shared_.parts.catalogue.version_of(id), 0, {}, 0};
  if (auto read = co_await look(id, found); !read) co_return fail(std::move(read.error()));
  if (auto let_in = admit(request, found); !let_in) co_return fail(std::move(let_in.error()));
  if (auto here = not_deleted(*found.video); !here) co_return fail(std::move(here.error()));
  co_return found;
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

io::Task<Result<std::shared_ptr<const hls::Presentation>>> Playback::whole_presentation_of(
    Playable& playable, std::uint32_t wait_ms) {
  for (std::uint32_t waited_ms = 0;; waited_ms += kLookMs) {
    const store::Video& video = *playable.video;
    if (auto here = not_deleted(video); !here) co_return fail(std::move(here.error()));
    if (!video.playable) co_return fail(not_playable(video));
    auto presentation = co_await presentation_of(video);
    if (!presentation || !(*presentation)->growing || !is_under_way(video) ||
        waited_ms >= wait_ms || shared_.draining.load(std::memory_order_relaxed)) {
      co_return presentation;
    }
    co_await io::Reactor::current().sleep_ms(kLookMs);
    if (auto read = co_await look(video.id, playable); !read) {
      co_return fail(std::move(read.error()));
    }
  }
}

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
  auto presentation = co_await whole_presentation_of(*video, kMasterWaitMs);
  if (!presentation) co_return not_yet(request, presentation.error());
  const store::Video& record = *video->video;
  hls::Presentation shown = **presentation;
  for (const auto& rung : record.renditions) {
    shown.measure(rung.name, rung.codecs, rung.peak_bps, rung.average_bps);
    shown.offer_i_frames(rung.name, rung.i_frame_bps);
  }
  for (const auto& track : record.audio) {
    shown.measure(concat("audio/", track.name), track.codecs, track.peak_bps, track.average_bps);
  }
  shown.subtitles = subtitles_of(record);
  co_return answer(request, *video,
                   text_representation(request, record, kPlaylistType,
                                       hls::master_playlist(shown, video->suffix())));
}

io::Task<http::Response> Playback::media(http::Request& request, std::string track,
                                         std::string file) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  if (const auto number = hls::segment_number(file)) {
    co_return co_await segment(request, *video, std::move(track), *number);
  }
  const Error unknown{ErrorCode::kNotFound, "This video has no such file."};
  if (file == hls::kIFrameListName) {
    co_return co_await i_frames(request, *video, std::move(track));
  }
  const bool live = file == "live.m3u8";
  if (file != "index.m3u8" && !live) co_return not_yet(request, unknown);
  auto presentation = co_await whole_presentation_of(*video, live ? 0 : limits::kSegmentWaitMs);
  if (!presentation) co_return not_yet(request, presentation.error());
  const store::Video& record = *video->video;
  if ((*presentation)->growing && !live) {
    const Error uploading{ErrorCode::kNotFound, "This list is complete when the upload is."};
    const Error finishing{ErrorCode::kUnavailable, "This list is being completed: ask again."};
    co_return not_yet(request, is_under_way(record) ? finishing : uploading);
  }
  // The timeline is written before the record that says so: what the record knows is listed.
  const std::string suffix = video->suffix();
  auto text = live
                  ? hls::live_playlist(**presentation, track, segments_known(record, track), suffix)
                  : hls::media_playlist(**presentation, track, suffix);
  if (!text) co_return not_yet(request, unknown);
  co_return answer(request, *video,
                   text_representation(request, record, kPlaylistType, std::move(*text)));
}

namespace {

/// A list that was written without knowing who would ask: its URIs are lines of their own.
std::string with_suffix(std::string_view list, std::string_view suffix) {
  std::string text;
  for (const std::string_view line : split(list, '\n')) {
    text.append(line);
    if (!line.empty() && !line.starts_with('#')) text.append(suffix);
    text.push_back('\n');
  }
  text.pop_back();  // What follows the last line's end is no line.
  return text;
}

}  // namespace

// Written when its rung was complete; until then there is none.
io::Task<http::Response> Playback::i_frames(http::Request& request, const Playable& playable,
                                            std::string rung) {
  const store::Video& video = *playable.video;
  const auto found = std::ranges::find(video.renditions, rung, &store::Rendition::name);
  if (found == video.renditions.end() || found->i_frame_bps == 0) {
    co_return not_yet(request, Error{ErrorCode::kNotFound, "This rung has no I-frame list (yet)."});
  }
  auto text = co_await shared_.parts.blobs.read_small(
      video.id, concat(rung, '/', hls::kIFrameListName), hls::kPresentationBytesMax);
  if (!text) co_return not_yet(request, text.error());
  co_return answer(
      request, playable,
      text_representation(request, video, kPlaylistType, with_suffix(*text, playable.suffix())));
}

io::Task<http::Response> Playback::segment(http::Request& request, const Playable& playable,
                                           std::string track, std::uint32_t number) {
  const store::Video& video = *playable.video;
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
    std::function<bool()> gone = [&request] { return request.peer_gone(); };
    auto waiting =
        shared_.parts.demand.want(std::move(wish), limits::kSegmentWaitMs, std::move(gone));
    auto made = co_await waiting;
    if (!made) co_return not_yet(request, made.error());
    file = co_await shared_.parts.blobs.open_blob(video.id, name);
  }
  if (!file) co_return not_yet(request, file.error());
  auto whole =
      file_representation(std::move(*file), "video/mp2t", cache_control(video, kImmutable));
  if (!whole) co_return http::problem(request, whole.error());
  co_return answer(request, playable, std::move(*whole));
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
  auto whole =
      file_representation(std::move(*file), "application/octet-stream", std::string(kPrivate));
  if (!whole) co_return http::problem(request, whole.error());
  http::Response response = http::respond(request, std::move(*whole));
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Content-Disposition", "attachment");
  co_return response;
}

}  // namespace sf::serve

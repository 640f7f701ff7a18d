#include "caller.hpp"
#include "handlers.hpp"
#include "json_body.hpp"
#include "video_json.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/http/representation.hpp>

#include <fcntl.h>
#include <sys/stat.h>

namespace sf::serve {

namespace {

constexpr std::uint64_t kPlaybackSecondsDefault = std::uint64_t{6} * 3600;
constexpr std::uint64_t kPlaybackSecondsMax = std::uint64_t{366} * 24 * 3600;

/// What a PATCH asks for; absent members stay as they are.
struct Edit {
  OptionalText title;
  OptionalText description;
  std::optional<store::Visibility> visibility;
};

Result<Edit> parse_edit(const json::Value& body) {
  Edit edit;
  auto title = text_member(body, "title", limits::kTitleBytesMax);
  if (!title) return fail(std::move(title.error()));
  if (title->present && trim(title->text).empty()) {
    return fail(ErrorCode::kInvalidArgument, "\"title\" may not be empty.");
  }
  edit.title = std::move(*title);
  auto description = text_member(body, "description", limits::kDescriptionBytesMax);
  if (!description) return fail(std::move(description.error()));
  edit.description = std::move(*description);
  auto name = text_member(body, "visibility", 16);
  if (!name) return fail(std::move(name.error()));
  if (name->present) {
    edit.visibility = store::visibility(name->text);
    if (!edit.visibility) {
      return fail(ErrorCode::kInvalidArgument,
                  "\"visibility\" is one of public, unlisted and private.");
    }
  }
  return edit;
}

/// The revision in If-Match; nullopt when it is absent or `*`, an error when it is not one of ours.
Result<std::optional<std::uint64_t>> expected_revision(const http::Request& request) {
  const auto field = request.headers.get("if-match");
  if (!field || trim(*field) == "*") return std::nullopt;
  const auto value = trim(*field);
  if (value.size() > 3 && value.starts_with("\"r") && value.ends_with('"')) {
    if (const auto number = parse_decimal(value.substr(2, value.size() - 3))) return *number;
  }
  return fail(ErrorCode::kConflict, "If-Match names a version that this video never had.");
}

Result<store::VideoQuery> parse_query(const http::Request& request) {
  store::VideoQuery query;
  query.text = request.query_parameter("q").value_or("");
  if (const auto name = request.query_parameter("status"); name && !name->empty()) {
    query.status = store::video_status(*name);
    if (!query.status) {
      return fail(ErrorCode::kInvalidArgument, concat("There is no status \"", *name, "\"."));
    }
  }
  if (const auto name = request.query_parameter("visibility"); name && !name->empty()) {
    query.visibility = store::visibility(*name);
    if (!query.visibility) {
      return fail(ErrorCode::kInvalidArgument, concat("There is no visibility \"", *name, "\"."));
    }
  }
  query.trash = request.query_parameter("trash") == "true";
  const std::string sort = request.query_parameter("sort").value_or("-created_at");
  using Sort = store::VideoQuery::Sort;
  if (sort == "-created_at") {
    query.sort = Sort::kNewest;
  } else if (sort == "created_at") {
    query.sort = Sort::kOldest;
  } else if (sort == "title") {
    query.sort = Sort::kTitle;
  } else {
    return fail(ErrorCode::kInvalidArgument, "\"sort\" is -created_at, created_at or title.");
  }
  if (const auto text = request.query_parameter("limit")) {
    const auto limit = parse_decimal(*text);
    if (!limit || *limit == 0 || *limit > limits::kPageItemsMax) {
      return fail(ErrorCode::kInvalidArgument, "\"limit\" is a number from 1 to 100.");
    }
    query.limit = static_cast<unsigned>(*limit);
  }
  query.cursor = request.query_parameter("cursor").value_or("");
  return query;
}

}  // namespace

void VideosApi::add_routes(http::Router& router) {
  using enum http::Method;
  const std::string one = "/api/v1/videos/{id}";
  router.add(kGet, "/api/v1/videos", [this](http::Request& r) { return list(r); });
  router.add(kGet, one, [this](http::Request& r) { return get(r); });
  router.add(kPatch, one, [this](http::Request& r) { return patch(r); });
  router.add(kDelete, one, [this](http::Request& r) { return remove(r); });
  router.add(kPost, one + "/restore", [this](http::Request& r) { return restore(r); });
  router.add(kPost, one + "/playback-url", [this](http::Request& r) { return playback_url(r); });
  router.add(kGet, one + "/log", [this](http::Request& r) { return log(r); });
  const auto add_job = [&](std::string_view verb, const JobControls::Intent& intent) {
    router.add(kPost, concat(one, '/', verb),
               [this, &intent](http::Request& r) { return job(r, intent); });
  };
  add_job("cancel", shared_.jobs.cancel);
  add_job("retry", shared_.jobs.retry);
  add_job("pause", shared_.jobs.pause);
  add_job("resume", shared_.jobs.resume);
  add_job("prioritise", shared_.jobs.prioritise);
}

io::Task<http::Response> VideosApi::list(http::Request& request) {
  auto who = allowed(request, shared_.parts.accounts, store::Action::kListVideos);
  if (!who) co_return http::problem(request, who.error());
  auto query = parse_query(request);
  if (!query) co_return http::problem(request, query.error());
  auto page = co_await shared_.parts.catalogue.videos(std::move(*query));
  if (!page) co_return http::problem(request, page.error());
  json::Writer writer;
  writer.begin_object().key("items").begin_array();
  for (const auto& video : page->items) {
    if (store::may(*who, store::Action::kReadVideo, video.owner, video.visibility)) {
      write_video(writer, video, shared_.jobs.queue_position(video.id), shared_.options.base_path);
    }
  }
  writer.end_array().key("next_cursor");
  if (page->next_cursor.empty()) {
    writer.null();
  } else {
    writer.value(page->next_cursor);
  }
  writer.end_object();
  http::Response response = http::Response::json(200, std::move(writer).take());
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> VideosApi::get(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kReadVideo, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  http::Response response = http::Response::json(
      200, video_json(*video, shared_.jobs.queue_position(id), shared_.options.base_path));
  response.headers.set("ETag", video_etag(*video));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> VideosApi::patch(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kEditVideo, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  auto body = co_await read_json_object(request);
  if (!body) co_return http::problem(request, body.error());
  auto edit = parse_edit(*body);
  if (!edit) co_return http::problem(request, edit.error());
  auto expected = expected_revision(request);
  Result<store::Video> updated = fail(ErrorCode::kConflict, "");
  if (expected) {
    auto change = [edit = std::move(*edit)](store::Video& record) -> Result<> {
      if (edit.title.present) record.title = trim(edit.title.text);
      if (edit.description.present) record.description = edit.description.text;
      if (edit.visibility) record.visibility = *edit.visibility;
      return {};
    };
    auto update = shared_.parts.catalogue.update_video(id, std::move(change),
                                                       store::EventKind::kUpdated, *expected);
    updated = co_await update;
  }
  if (!updated && updated.error().code == ErrorCode::kConflict) {
    co_return http::problem(
        request,
        http::Problem{
            412, "changed_meanwhile", "The video was changed by somebody else",
            "The version named by If-Match is not the present one.",
            "Read the video again, look at what changed, and send your change once more."});
  }
  if (!updated) co_return http::problem(request, updated.error());
  http::Response response = http::Response::json(
      200, video_json(*updated, shared_.jobs.queue_position(id), shared_.options.base_path));
  response.headers.set("ETag", video_etag(*updated));
  co_return response;
}

io::Task<http::Response> VideosApi::remove(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kEditVideo, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  auto change = [](store::Video& record) -> Result<> {
    if (record.deleted_at_ms == 0) record.deleted_at_ms = wall_ms();
    return {};
  };
  auto update =
      shared_.parts.catalogue.update_video(id, std::move(change), store::EventKind::kDeleted);
  auto updated = co_await update;
  if (!updated) co_return http::problem(request, updated.error());
  // A video in the trash is not worth encoding; restoring it queues the rest again.
  auto paused = co_await shared_.jobs.pause(id);
  (void)paused;  // There may be no job to pause.
  co_return http::Response::empty(204);
}

io::Task<http::Response> VideosApi::restore(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kEditVideo, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  auto change = [](store::Video& record) -> Result<> {
    record.deleted_at_ms = 0;
    return {};
  };
  auto update = shared_.parts.catalogue.update_video(id, std::move(change));
  auto updated = co_await update;
  if (!updated) co_return http::problem(request, updated.error());
  auto resumed = co_await shared_.jobs.resume(id);
  (void)resumed;  // Nothing to resume when it was finished.
  co_return http::Response::json(
      200, video_json(*updated, shared_.jobs.queue_position(id), shared_.options.base_path));
}

io::Task<http::Response> VideosApi::job(http::Request& request, const JobControls::Intent& intent) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kEditVideo, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  auto done = co_await intent(id);
  if (!done) co_return http::problem(request, done.error());
  video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  co_return http::Response::json(
      200, video_json(*video, shared_.jobs.queue_position(id), shared_.options.base_path));
}

/// A link to the playlist that works for anybody until it expires.
io::Task<http::Response> VideosApi::playback_url(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kEditVideo, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  std::uint64_t seconds = kPlaybackSecondsDefault;
  if (request.body().length() != std::uint64_t{0}) {
    auto body = co_await read_json_object(request);
    if (!body) co_return http::problem(request, body.error());
    if (const json::Value* wanted = body->find("expires_in_s")) {
      seconds = wanted->as_uint().value_or(0);
    }
  }
  if (seconds == 0 || seconds > kPlaybackSecondsMax) {
    co_return http::problem(request,
                            Error{ErrorCode::kInvalidArgument,
                                  concat("\"expires_in_s\" is a number of seconds from 1 to ",
                                         kPlaybackSecondsMax, '.')});
  }
  const std::int64_t expires_s = wall_ms() / 1000 + static_cast<std::int64_t>(seconds);
  json::Writer writer;
  writer.begin_object()
      .field("url", concat(shared_.options.base_path, "/v/", id,
                           "/master.m3u8?token=", shared_.tokens.sign(id, expires_s)))
      .field("expires_at", to_rfc3339(expires_s * 1000))
      .end_object();
  http::Response response = http::Response::json(200, std::move(writer).take());
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> VideosApi::log(http::Request& request) {
  const std::string id(request.parameter("id"));
  auto video = co_await shared_.parts.catalogue.video(id);
  if (!video) co_return http::problem(request, video.error());
  auto who = allowed(request, shared_.parts.accounts, store::Action::kReadLog, video->owner,
                     video->visibility);
  if (!who) co_return http::problem(request, who.error());
  const std::string path = concat(shared_.options.log_dir, '/', id, ".log");
  auto& reactor = io::Reactor::current();
  auto file = co_await reactor.open_at(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (!file) co_return http::Response::text(200, "");  // The transcoder has said nothing.
  std::string text(limits::kVideoLogBytesMax, '\0');
  const std::span<char> space(text);
  auto bytes = co_await reactor.read_at(file->get(), std::as_writable_bytes(space), 0);
  if (!bytes) co_return http::problem(request, bytes.error());
  text.resize(*bytes);
  http::Response response = http::Response::text(200, std::move(text));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

}  // namespace sf::serve

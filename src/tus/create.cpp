// POST: a new upload, with or without its first bytes.

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>

#include "handlers.hpp"

namespace sf::tus {
namespace {

/// File first, records second: a crash in between leaves a file that no record names, which the
/// start of the server removes.
io::Task<Result<>> make(Context& context, store::Upload upload, Description description) {
  auto file = co_await context.blobs.create_upload(upload.id, upload.length);
  if (!file) co_return file;
  std::optional<store::Video> video;
  if (concat_kind(upload.concat) == ConcatKind::kNone) video = video_of(upload, description);
  const std::string id = upload.id;
  auto recorded = co_await context.catalogue.create_upload(std::move(upload), std::move(video));
  if (!recorded) co_await unmake(context, id);
  co_return recorded;
}

Append first_bytes(const Creation& creation, const http::Body& body, const Policy& policy) {
  store::Upload fresh;
  fresh.length = creation.length;
  auto plan =
      decide_append(AppendWish{.checksum = creation.checksum}, fresh, body.length(), policy);
  SF_ASSERT(plan.has_value());  // read_creation has judged the same things.
  return std::move(*plan);
}

}  // namespace

store::Video video_of(const store::Upload& upload, const Description& description) {
  store::Video video;
  video.id = upload.id;
  video.owner = upload.owner;
  video.title = description.title;
  video.visibility = description.visibility;
  video.created_at_ms = upload.created_at_ms;
  video.source.bytes = upload.length.value_or(0);
  video.source.filename = description.filename;
  return video;
}

io::Task<http::Response> create(Context& context, http::Request& request, store::Principal who) {
  if (const auto allowed = store::may(who, store::Action::kUpload); !allowed) {
    co_return http::problem(request, allowed.error());
  }
  auto creation = read_creation(request.headers, request.body().length(), context.policy);
  if (!creation) co_return refuse(request, creation.error());
  if (creation->concat_list.kind == ConcatKind::kFinal) {
    co_return co_await concatenate(context, request, std::move(who), std::move(*creation));
  }

  store::Upload upload{.id = make_id(),
                       .owner = std::move(who.user_id),
                       .length = creation->length,
                       .metadata = creation->metadata,
                       .concat = creation->concat,
                       .created_at_ms = wall_ms(),
                       .explicit_end = creation->concat_list.kind == ConcatKind::kPartial};
  upload.updated_at_ms = upload.created_at_ms;
  auto hold = co_await context.ownership.take(upload.id, limits::kTakeoverWaitMs);
  if (!hold) co_return refuse(request, refusal_of(BodyEnd::kStopping));
  auto made = co_await make(context, upload, creation->description);
  if (!made) co_return http::problem(request, made.error());

  http::Response answer = http::Response::empty(201);
  if (creation->takes_body && creation->length != 0) {
    Append plan = first_bytes(*creation, request.body(), context.policy);
    auto stored = co_await store_body(context, request, *hold, upload, std::move(plan));
    if (!stored) {
      // Who got no Location cannot come back: only what was cut is worth its place until it
      // expires.
      if (stored.error().status != 503) co_await unmake(context, upload.id);
      answer = refuse(request, stored.error());
      answer.close = !request.body().finished();
      co_return answer;
    }
    upload.offset = *stored;
    upload.updated_at_ms = wall_ms();
  } else if (creation->length == 0) {
    auto finished = co_await finish(context, upload);
    if (!finished) co_return http::problem(request, finished.error());
  }
  upload.complete = upload.length == upload.offset;
  answer.headers.add("Location", concat("/files/", upload.id));
  if (!upload.concat.empty()) answer.headers.add("Upload-Concat", upload.concat);
  add_offset_fields(answer.headers, upload, context.policy);
  co_return answer;
}

}  // namespace sf::tus

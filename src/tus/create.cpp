// POST: a new upload, with or without its first bytes.

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>

#include "handlers.hpp"
#include "interim.hpp"

namespace sf::tus {
namespace {

std::string limit_of(const Context& context, const store::Upload& upload) {
  return upload_limit(context.policy, expiry_of(upload, context.policy), wall_ms());
}

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

/// What the first bytes may do, or why they, and so the upload, are not taken.
Decision<Append> first_bytes(const Creation& creation, const store::Upload& fresh,
                             const Speaker& speaker, const http::Body& body, const Policy& policy) {
  const AppendWish wish{
      .checksum = creation.checksum, .dialect = speaker.dialect, .ends = creation.ends};
  const auto body_bytes = creation.takes_body ? body.length() : 0;
  return decide_append(wish, fresh, body_bytes, policy);
}

store::Upload record_of(const Creation& creation, std::string owner, const Speaker& speaker) {
  store::Upload upload{.id = make_id(),
                       .owner = std::move(owner),
                       .length = creation.length,
                       .metadata = creation.metadata,
                       .concat = creation.concat,
                       .created_at_ms = wall_ms(),
                       .repr_digest = creation.repr_digest,
                       .want_digest = creation.want_digest};
  upload.explicit_end = speaker.is_ietf() || creation.concat_list.kind == ConcatKind::kPartial;
  upload.updated_at_ms = upload.created_at_ms;
  return upload;
}

http::Response answer_created(const Context& context, const Speaker& speaker,
                              const store::Upload& upload, const Stored& stored) {
  auto answer = http::Response::empty(201);
  if (speaker.is_ietf()) {
    answer = answer_stored(context, speaker, upload, stored);
    answer.status = 201;
  } else {
    if (!upload.concat.empty()) answer.headers.add("Upload-Concat", upload.concat);
    add_offset_fields(answer.headers, upload, context.policy);
  }
  answer.headers.add("Location", location_of(context, upload.id));
  return answer;
}

/// The first bytes of an upload that has just been made, if there are any, and its answer.
io::Task<http::Response> fill(Context& context, http::Request& request, Speaker speaker,
                              Ownership::Hold& hold, store::Upload upload, Creation creation,
                              Append plan, Interim& interim) {
  Decision<Stored> stored = Stored{};
  const bool has_bytes = creation.takes_body && creation.length != 0;
  if (has_bytes) {
    co_await interim.announce(location_of(context, upload.id), limit_of(context, upload));
  }
  if (has_bytes || creation.ends) {
    stored = co_await store_body(context, request, hold, upload, std::move(plan), interim);
  } else if (creation.length == 0 && creator_of(upload) == Dialect::kTus) {
    stored = co_await end_upload(context, request, hold, upload);
  }
  if (!stored) {
    const Refusal& refusal = stored.error();
    // Who got no Location cannot come back: only what was cut is worth its place until it expires.
    const bool can_come_back = interim.wanted() && has_bytes;
    const bool stays = !refusal.voids_upload && (can_come_back || refusal.status == 503);
    if (!stays) co_await unmake(context, upload.id);
    auto answer = refuse(request, refusal);
    if (stays && can_come_back) {
      auto now = co_await context.catalogue.upload(upload.id);
      if (now) answer = answer_refused(context, request, speaker, refusal, *now);
      answer.headers.add("Location", location_of(context, upload.id));
    }
    answer.close = !request.body().finished();
    co_return answer;
  }
  upload.offset = stored->offset;
  upload.complete = stored->complete;
  upload.updated_at_ms = wall_ms();
  co_return answer_created(context, speaker, upload, *stored);
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

io::Task<http::Response> create(Context& context, http::Request& request, store::Principal who,
                                Speaker speaker) {
  if (const auto allowed = store::may(who, store::Action::kUpload); !allowed) {
    co_return http::problem(request, allowed.error());
  }
  const auto body_bytes = request.body().length();
  auto creation = speaker.is_ietf()
                      ? read_ietf_creation(request.headers, body_bytes, context.policy)
                      : read_creation(request.headers, body_bytes, context.policy);
  if (!creation) co_return refuse(request, creation.error());
  if (creation->concat_list.kind == ConcatKind::kFinal) {
    co_return co_await concatenate(context, request, std::move(who), std::move(*creation));
  }

  store::Upload upload = record_of(*creation, std::move(who.user_id), speaker);
  auto plan = first_bytes(*creation, upload, speaker, request.body(), context.policy);
  if (!plan) co_return refuse(request, plan.error());
  Interim interim(request, speaker);
  http::Response answer;
  {
    auto hold = co_await context.ownership.take(upload.id, limits::kTakeoverWaitMs);
    if (!hold) co_return refuse(request, refusal_of(BodyEnd::kStopping));
    if (creation->placement) {
      auto placed =
          co_await place_part(context, upload, *creation->placement, creation->description);
      if (!placed) co_return refuse(request, placed.error());
      upload = std::move(*placed);
    } else {
      auto place = co_await find_place(context, upload.owner, upload.length.value_or(0));
      if (!place) co_return refuse(request, place.error());
      auto made = co_await make(context, upload, creation->description);
      if (!made) co_return http::problem(request, made.error());
      place->keep();
    }
    answer = co_await fill(context, request, speaker, *hold, upload, std::move(*creation),
                           std::move(*plan), interim);
  }
  co_await interim.landed();
  co_return answer;
}

}  // namespace sf::tus

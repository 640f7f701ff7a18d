#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <utility>

#include "handlers.hpp"

namespace sf::tus {
namespace {

constexpr std::string_view kSessionCookie = "sf_session";

Refusal refusal_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {404, "not_found", "there is no such upload"};
    case ErrorCode::kTimedOut:
      return {423, "locked", "another request still writes this upload", "try again in a moment"};
    case ErrorCode::kUnavailable:
      return {503, "stopping", "the server is stopping", "try again in a few seconds"};
    case ErrorCode::kNoSpace:
      return refusal_of(BodyEnd::kNoSpace);
    default:
      return {http::status_of(error.code), name_of(error.code), error.message};
  }
}

/// Versions 5 and 6 of the draft know no 410 for what has gone.
int status_for(const http::Request& request, int status) {
  if (status != 410) return status;
  const Speaker speaker = speaker_of(request.headers);
  return speaker.is_ietf() && (speaker.version == 5 || speaker.version == 6) ? 404 : status;
}

}  // namespace

http::Response refuse(const http::Request& request, const Refusal& refusal) {
  auto answer = http::problem(request, http::Problem{.status = status_for(request, refusal.status),
                                                     .code = std::string(refusal.code),
                                                     .detail = refusal.detail,
                                                     .hint = std::string(refusal.hint),
                                                     .type = std::string(refusal.type),
                                                     .members = refusal.members});
  if (refusal.retry_after_seconds > 0) {
    answer.headers.set("Retry-After", concat(refusal.retry_after_seconds));
  }
  return answer;
}

std::string location_of(const Context& context, std::string_view id) {
  return concat(context.options.base_path, "/files/", id);
}

http::Response answer_refused(const Context& context, const http::Request& request,
                              const Speaker& speaker, const Refusal& refusal,
                              const store::Upload& upload) {
  auto answer = refuse(request, refusal);
  if (speaker.is_ietf()) {
    add_ietf_progress(answer.headers, speaker, upload);
  } else {
    add_offset_fields(answer.headers, upload, context.policy);
  }
  return answer;
}

http::Response answer_stored(const Context& context, const Speaker& speaker,
                             const store::Upload& upload, const Stored& stored) {
  if (!speaker.is_ietf()) {
    auto answer = http::Response::empty(204);
    add_offset_fields(answer.headers, upload, context.policy);
    return answer;
  }
  http::Response answer = http::Response::empty(speaker.version <= 6 ? 201 : 204);
  if (stored.complete) {
    json::Writer whole;
    whole.begin_object()
        .field("id", upload.id)
        .field("video", concat(context.options.base_path, "/api/v1/videos/", upload.id))
        .field("watch", concat(context.options.base_path, "/watch/", upload.id))
        .end_object();
    answer = http::Response::json(200, std::move(whole).take());
    if (!stored.repr_digest.empty()) answer.headers.add("Repr-Digest", stored.repr_digest);
  }
  add_ietf_progress(answer.headers, speaker, upload);
  answer.headers.add("Upload-Limit",
                     upload_limit(context.policy, expiry_of(upload, context.policy), wall_ms()));
  return answer;
}

Refusal refusal_of_disk(std::string_view what, const std::string& id, const Error& error) {
  if (error.code == ErrorCode::kNoSpace) return refusal_of(BodyEnd::kNoSpace);
  if (error.code == ErrorCode::kNotFound) {
    return Refusal{404, "not_found", "there is no such upload"};
  }
  log::error("tus", what, {{"upload", id}, {"error", error.message}});
  return refusal_of(BodyEnd::kDiskFailed);
}

store::Credentials credentials_of(const http::Request& request) {
  store::Credentials credentials;
  credentials.authorization = request.headers.get("Authorization").value_or("");
  credentials.session = request.cookie(kSessionCookie).value_or("");
  return credentials;
}

io::Task<Decision<store::Upload>> find_upload(Context& context, store::Principal who,
                                              std::string id) {
  if (!is_id(id)) {
    co_return std::unexpected(Refusal{404, "not_found", "there is no such upload"});
  }
  auto upload = co_await context.catalogue.upload(std::move(id));
  if (!upload) co_return std::unexpected(refusal_of(upload.error()));
  const auto allowed = store::may(who, store::Action::kContinueUpload, upload->owner);
  if (!allowed) co_return std::unexpected(refusal_of(allowed.error()));
  if (!upload->into.empty()) {
    // A part lives as long as its whole, which every byte of another part keeps alive.
    const auto whole = co_await context.catalogue.upload(upload->into);
    if (!whole) co_return std::unexpected(refusal_of(whole.error()));
    upload->updated_at_ms = std::max(upload->updated_at_ms, whole->updated_at_ms);
  }
  if (const auto expiry = expiry_of(*upload, context.policy); expiry && *expiry <= wall_ms()) {
    co_return std::unexpected(
        Refusal{410, "expired", "this upload has expired", "start a new one"});
  }
  co_return std::move(*upload);
}

io::Task<Decision<Quota::Place>> find_place(Context& context, std::string account,
                                            std::uint64_t bytes) {
  if (auto place = context.quota.try_take(account, bytes)) co_return std::move(*place);
  const auto counted = co_await context.catalogue.holdings_of(account);
  if (!counted) {
    co_return std::unexpected(refusal_of_disk("cannot count uploads", "", counted.error()));
  }
  co_return context.quota.take(account, bytes, *counted);
}

io::Task<Decision<Held>> take_upload(Context& context, store::Principal who, std::string id,
                                     std::uint32_t timeout_ms, std::function<bool()> gone) {
  auto hold = context.ownership.take_free(id);
  if (!hold) {
    if (gone && gone()) {
      co_return std::unexpected(refusal_of(Error{ErrorCode::kTimedOut, "who asks has gone"}));
    }
    auto taken = co_await context.ownership.take(id, timeout_ms);
    if (!taken) co_return std::unexpected(refusal_of(taken.error()));
    hold.emplace(std::move(*taken));
  }
  auto upload = co_await find_upload(context, std::move(who), std::move(id));
  if (!upload) co_return std::unexpected(std::move(upload.error()));
  co_return Held{std::move(*hold), std::move(*upload)};
}

}  // namespace sf::tus

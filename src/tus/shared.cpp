#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>

#include <utility>

#include "handlers.hpp"

namespace sf::tus {
namespace {

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

}  // namespace

http::Response refuse(const http::Request& request, const Refusal& refusal) {
  return http::problem(request, http::Problem{.status = refusal.status,
                                              .code = std::string(refusal.code),
                                              .detail = refusal.detail,
                                              .hint = std::string(refusal.hint)});
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
  if (const auto expiry = expiry_of(*upload, context.policy); expiry && *expiry <= wall_ms()) {
    co_return std::unexpected(
        Refusal{410, "expired", "this upload has expired", "start a new one"});
  }
  co_return std::move(*upload);
}

io::Task<Decision<Held>> take_upload(Context& context, store::Principal who, std::string id,
                                     std::uint32_t timeout_ms) {
  auto hold = co_await context.ownership.take(id, timeout_ms);
  if (!hold) co_return std::unexpected(refusal_of(hold.error()));
  auto upload = co_await find_upload(context, std::move(who), std::move(id));
  if (!upload) co_return std::unexpected(std::move(upload.error()));
  co_return Held{std::move(*hold), std::move(*upload)};
}

}  // namespace sf::tus

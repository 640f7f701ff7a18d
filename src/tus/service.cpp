#include <streamforge/tus/service.hpp>

#include <streamforge/base/assert.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <optional>
#include <utility>

#include "assembler.hpp"
#include "handlers.hpp"
#include "sweeper.hpp"

namespace sf::tus {
namespace {

bool is_safe(http::Method method) {
  return method == http::Method::kGet || method == http::Method::kHead ||
         method == http::Method::kOptions;
}

/// The principal, or the answer to who cannot be one.
std::expected<store::Principal, http::Response> caller(const Context& context,
                                                       const http::Request& request,
                                                       http::Method method) {
  auto who = context.accounts.identify(credentials_of(request));
  if (!who) {
    auto answer = http::problem(request, who.error(), "log in, or send a valid bearer token");
    answer.headers.set("WWW-Authenticate", "Bearer");
    return std::unexpected(std::move(answer));
  }
  // A form of another site can send our cookie but not this field.
  if (who->by_cookie && !is_safe(method) && !request.headers.has("X-Requested-With")) {
    return std::unexpected(
        refuse(request, Refusal{403, "csrf",
                                "a request that changes something needs more than a "
                                "cookie",
                                "send the field X-Requested-With, or a bearer token"}));
  }
  return std::move(*who);
}

http::Response refuse_method(const http::Request& request, std::string_view allowed) {
  auto answer =
      refuse(request, Refusal{405, "method_not_allowed", "this resource does not know the method"});
  answer.headers.set("Allow", std::string(allowed));
  return answer;
}

bool creates(http::Method method, const Speaker& speaker) {
  if (method == http::Method::kPost) return true;
  return speaker.is_ietf() && (method == http::Method::kPut || method == http::Method::kPatch);
}

io::Task<http::Response> answer_collection(Context& context, http::Request& request,
                                           http::Method method, store::Principal who,
                                           Speaker speaker) {
  if (creates(method, speaker)) {
    co_return co_await create(context, request, std::move(who), speaker);
  }
  co_return refuse_method(request, "POST, OPTIONS");
}

io::Task<http::Response> answer_upload(Context& context, http::Request& request,
                                       http::Method method, store::Principal who, Speaker speaker) {
  std::string id(request.parameter("id"));
  switch (method) {
    case http::Method::kHead:
      co_return co_await inspect(context, request, std::move(who), speaker, std::move(id));
    case http::Method::kPatch:
      co_return co_await append(context, request, std::move(who), speaker, std::move(id));
    case http::Method::kDelete:
      co_return co_await remove(context, request, std::move(who), speaker, std::move(id));
    case http::Method::kGet:
      co_return co_await download(context, request, std::move(who), speaker, std::move(id));
    default:
      co_return refuse_method(request, "HEAD, PATCH, DELETE, GET, OPTIONS");
  }
}

enum class Place : std::uint8_t { kCollection, kUpload, kNowhere };

io::Task<http::Response> answer_within(Context& context, http::Request& request, Speaker speaker,
                                       Place place) {
  const http::Method method = method_of(request.method, request.headers);
  const auto right = speaker.is_ietf() ? Decision<>() : check_version(method, request.headers);
  if (!right) {
    auto answer = refuse(request, right.error());
    answer.headers.set("Tus-Version", std::string(kVersion));
    co_return answer;
  }
  if (method == http::Method::kOptions) {
    auto answer = http::Response::empty(204);
    add_options_fields(answer.headers, context.policy);
    add_ietf_options(answer.headers, context.policy, wall_ms());
    co_return answer;
  }
  auto who = caller(context, request, method);
  if (!who) co_return std::move(who.error());
  std::optional<Admission::Pass> admitted;
  if (method == http::Method::kPost || method == http::Method::kPatch) {
    auto pass = context.admission.enter(who->user_id, method == http::Method::kPost, wall_ms());
    if (!pass) co_return refuse(request, pass.error());
    admitted.emplace(std::move(*pass));
  }
  switch (place) {
    case Place::kCollection:
      co_return co_await answer_collection(context, request, method, std::move(*who), speaker);
    case Place::kUpload:
      co_return co_await answer_upload(context, request, method, std::move(*who), speaker);
    case Place::kNowhere:
      break;
  }
  co_return refuse(request, Refusal{404, "not_found", "there is no such upload"});
}

/// What the draft asks of an answer beyond what its handler says.
void word_for_ietf(const Context& context, http::Response& answer) {
  // R24. A limit that an upload has of its own was said already.
  if (answer.status == 413 && !answer.headers.has("Upload-Limit")) {
    answer.headers.add("Upload-Limit", upload_limit(context.policy, std::nullopt, wall_ms()));
  }
}

/// What every answer carries, refusals included: the version and what browsers must be told.
io::Task<http::Response> answer(Context& context, http::Request& request, Place place) {
  const Speaker speaker = speaker_of(request.headers);
  const std::string origin(request.headers.get("Origin").value_or(""));
  const bool allowed = origin.empty() || context.cors.allows(origin, request.authority);
  http::Response response;
  if (allowed) {
    response = co_await answer_within(context, request, speaker, place);
  } else {
    response = refuse(request, Refusal{403, "origin", "pages of this origin may not upload here",
                                       "the setting of allowed origins decides"});
  }
  if (speaker.is_ietf()) word_for_ietf(context, response);
  if (!speaker.is_ietf() || request.method == http::Method::kOptions) {
    response.headers.set("Tus-Resumable", std::string(kVersion));
  }
  if (!origin.empty() && allowed) {
    context.cors.add_fields(response.headers, origin, request.method == http::Method::kOptions);
  }
  co_return response;
}

UploadIo resolve(UploadIo wanted, const store::BlobStore& blobs) {
  if (wanted != UploadIo::kAuto) return wanted;
  return blobs.direct_io() ? UploadIo::kDirect : UploadIo::kBuffered;
}

}  // namespace

std::string_view name_of(UploadIo upload_io) noexcept {
  switch (upload_io) {
    case UploadIo::kAuto:
      break;
    case UploadIo::kDirect:
      return "direct";
    case UploadIo::kBuffered:
      return "buffered";
    case UploadIo::kSplice:
      return "splice";
  }
  return "auto";
}

struct Service::Impl {
  Context context;
  Assembler assembler;
  Sweeper sweeper;

  Impl(store::Catalogue& catalogue, store::BlobStore& blobs, store::Accounts& accounts,
       ServiceOptions options)
      : context{.catalogue = catalogue,
                .blobs = blobs,
                .accounts = accounts,
                .options = options,
                .policy = {options.upload_bytes_max, options.expire_after_ms},
                .cors = Cors(options.allowed_origins),
                .upload_io = resolve(options.upload_io, blobs),
                .admission = Admission(
                    {.bodies_max = options.account_bodies_max,
                     .creations_per_minute_max = options.account_creations_per_minute_max}),
                .quota = Quota({.bytes_max = options.account_bytes_max,
                                .unfinished_max = options.account_unfinished_max})},
        assembler(context),
        sweeper(context) {
    context.assembler = &assembler;
  }
};

Service::Service(store::Catalogue& catalogue, store::BlobStore& blobs, store::Accounts& accounts,
                 ServiceOptions options)
    : impl_(std::make_unique<Impl>(catalogue, blobs, accounts, std::move(options))) {}

Service::~Service() = default;

void Service::add_routes(http::Router& router) {
  Context* const context = &impl_->context;
  router.add_any("/files", [context](http::Request& request) {
    return answer(*context, request, Place::kCollection);
  });
  router.add_any("/files/{id}", [context](http::Request& request) {
    return answer(*context, request, Place::kUpload);
  });
  router.add_any("/files/{rest*}", [context](http::Request& request) {
    return answer(*context, request, Place::kNowhere);
  });
}

void Service::set_before_remove(std::function<io::Task<void>(std::string id)> before_remove) {
  impl_->context.before_remove = std::move(before_remove);
}

void Service::start() {
  log::info("tus", "chose how uploads reach the disk",
            {{"upload_io", name_of(impl_->context.upload_io)}});
  impl_->assembler.start();
  impl_->sweeper.start();
}

io::Task<void> Service::stop() {
  Context& context = impl_->context;
  context.ownership.close();
  co_await impl_->sweeper.stop();
  // Holders were told by message and need a disk sync or so; this is how long at most they may
  // take.
  auto& reactor = io::Reactor::current();
  const std::uint64_t until_ms = reactor.now_ms() + limits::kDrainTimeoutMs;
  while (context.ownership.claims() > 0 && reactor.now_ms() < until_ms) {
    co_await reactor.sleep_ms(2);
  }
  if (context.ownership.claims() > 0) {
    log::warn("tus", "requests still write at the end of the drain",
              {{"requests", context.ownership.claims()}});
  }
}

}  // namespace sf::tus

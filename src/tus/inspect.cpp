// HEAD and GET.

#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/http/representation.hpp>

#include <sys/stat.h>

#include <memory>
#include <utility>

#include "handlers.hpp"

namespace sf::tus {
namespace {

/// `attachment` with the file's name for people in the form every browser reads (RFC 6266, 8187).
std::string disposition_of(const store::Upload& upload) {
  const auto metadata = Metadata::parse(upload.metadata);
  const auto description = metadata ? describe(*metadata) : fail(metadata.error());
  if (!description || description->filename.empty()) return "attachment";
  return concat("attachment; filename*=UTF-8''", percent_encode(description->filename));
}

/// A request of neither dialect is told what both would be.
http::Response answer_state(const Context& context, const Speaker& speaker,
                            const store::Upload& upload) {
  auto answer = http::Response::empty(speaker.is_ietf() ? 204 : 200);
  if (!speaker.is_ietf()) add_state_fields(answer.headers, upload, context.policy);
  if (speaker.names_tus && !speaker.is_ietf()) return answer;
  if (!is_unfinished_final(upload)) {
    add_ietf_state(answer.headers, speaker, upload, context.policy, wall_ms());
  }
  return answer;
}

}  // namespace

/// Never 5xx: stock clients throw the whole upload away when HEAD answers one. What cannot be told
/// now is 423, which they ask again.
io::Task<http::Response> inspect(Context& context, http::Request& request, store::Principal who,
                                 Speaker speaker, std::string id) {
  if (auto bare = check_bare_request(speaker, request.headers); !bare) {
    co_return refuse(request, bare.error());
  }
  auto found = co_await find_upload(context, who, id);
  // A final is not written by any PATCH, so there is nothing to end.
  const bool final_upload = found && concat_kind(found->concat) == ConcatKind::kFinal;
  if (found && !final_upload && !context.ownership.closed()) {
    auto held =
        co_await take_upload(context, std::move(who), std::move(id), limits::kHeadTakeoverWaitMs);
    if (held && lacks_only_its_end(held->upload)) {
      // A crash came between the last byte and the queue, and no PATCH will come any more.
      auto finished = co_await finish(context, held->upload);
      if (!finished) {
        log::error("tus", "cannot finish an upload",
                   {{"upload", held->upload.id}, {"error", finished.error().message}});
      }
    }
    found = held ? Decision<store::Upload>(std::move(held->upload))
                 : Decision<store::Upload>(std::unexpected(std::move(held.error())));
  }
  if (found && final_upload && !found->length) {
    found->length = co_await length_of_parts(context, *found);
  }
  if (!found) {
    Refusal refusal = std::move(found.error());
    if (refusal.status >= 500) refusal.status = 423;
    co_return refuse(request, refusal);
  }
  co_return answer_state(context, speaker, *found);
}

io::Task<http::Response> download(Context& context, http::Request& request, store::Principal who,
                                  Speaker speaker, std::string id) {
  auto upload = co_await find_upload(context, std::move(who), std::move(id));
  if (!upload) co_return refuse(request, upload.error());
  if (!upload->complete && speaker.is_ietf()) co_return answer_state(context, speaker, *upload);
  if (!upload->complete) {
    co_return refuse(request, Refusal{404, "not_complete", "this upload has not all its bytes yet",
                                      "HEAD says how many there are"});
  }
  auto file = co_await context.blobs.open_source(upload->id);
  if (!file) co_return http::problem(request, file.error());
  http::Representation whole{
      .content_type = "application/octet-stream",
      .etag = concat('"', upload->id, '"'),
      .last_modified_ms = upload->updated_at_ms,
      .cache_control = "private, no-cache",
      .bytes =
          http::FileSlice{std::make_shared<const UniqueFd>(std::move(*file)), 0, upload->offset}};
  http::Response answer = http::respond(request, std::move(whole));
  if (speaker.is_ietf()) {
    add_ietf_progress(answer.headers, speaker, *upload);
    answer.headers.set("Upload-Length", concat(upload->offset));
  }
  answer.headers.set("X-Content-Type-Options", "nosniff");
  answer.headers.set("Content-Disposition", disposition_of(*upload));
  co_return answer;
}

}  // namespace sf::tus

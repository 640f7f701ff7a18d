// DELETE: ends a running PATCH, then the transcode, then the records, then the files. A crash in
// between leaves files without a record, which the next start removes.

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>

#include "assembler.hpp"
#include "handlers.hpp"

namespace sf::tus {

io::Task<Result<>> remove_all(Context& context, std::string id) {
  if (context.before_remove) co_await context.before_remove(id);
  const auto upload = co_await context.catalogue.upload(id);
  auto records = co_await context.catalogue.remove_video(id);
  // A partial has no video.
  if (!records && records.error().code == ErrorCode::kNotFound) {
    records = co_await context.catalogue.remove_upload(id);
  }
  if (!records && records.error().code != ErrorCode::kNotFound) co_return records;
  if (upload && concat_kind(upload->concat) == ConcatKind::kPartial) {
    context.assembler->part_ended(id);
  }
  auto files = co_await context.blobs.unlink_parts(id);
  if (files) files = co_await context.blobs.remove_video(std::move(id));
  if (!files || !upload || upload->into.empty()) co_return files;
  // With its last part an unfinished whole has gone too.
  const auto whole = co_await context.catalogue.upload(upload->into);
  if (whole || whole.error().code != ErrorCode::kNotFound) co_return {};
  if (context.before_remove) co_await context.before_remove(upload->into);
  co_return co_await context.blobs.remove_video(upload->into);
}

io::Task<void> unmake(Context& context, std::string id) {
  auto removed = co_await remove_all(context, id);
  if (!removed) {
    log::warn("tus", "cannot remove an upload",
              {{"upload", id}, {"error", removed.error().message}});
  }
}

io::Task<http::Response> remove(Context& context, http::Request& request, store::Principal who,
                                Speaker speaker, std::string id) {
  if (auto bare = check_bare_request(speaker, request.headers); !bare) {
    co_return refuse(request, bare.error());
  }
  const auto known = co_await find_upload(context, who, id);
  if (!known) co_return refuse(request, known.error());
  auto held = co_await take_upload(context, std::move(who), id, limits::kTakeoverWaitMs);
  if (!held) co_return refuse(request, held.error());
  auto removed = co_await remove_all(context, std::move(id));
  if (!removed) co_return http::problem(request, removed.error());
  co_return http::Response::empty(204);
}

}  // namespace sf::tus

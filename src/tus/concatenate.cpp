// POST of a final upload. No bytes move here: the parts get second names, the final's record counts
// them as received, and the assembler makes one file of them in the background. A final may come
// before its parts have all their bytes (concatenation-unfinished): then the assembler does the
// former too, when the last of them has.

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/log.hpp>

#include <utility>
#include <vector>

#include "assembler.hpp"
#include "handlers.hpp"

namespace sf::tus {
namespace {

struct Parts {
  std::vector<store::UploadPart> list;
  std::vector<store::Upload> placed;  ///< Those that lie in their group's file.
  std::uint64_t bytes = 0;            ///< Of those whose length is known.
  bool all_known = true;
  bool all_there = true;
};

/// All parts, and that they are the caller's. Another's is as unknown as one that is not there.
io::Task<Decision<Parts>> collect_parts(Context& context, store::Principal who,
                                        std::vector<std::string> ids) {
  const Policy& policy = context.policy;
  const std::uint64_t limit = policy.upload_bytes_max ? policy.upload_bytes_max : kBytesMax;
  Parts parts;
  for (const std::string& id : ids) {
    auto part = co_await find_upload(context, who, id);
    if (!part) {
      co_return std::unexpected(Refusal{404, "part_not_found", "a part of the final is unknown"});
    }
    if (concat_kind(part->concat) != ConcatKind::kPartial) {
      co_return std::unexpected(
          Refusal{400, "not_a_partial", concat("the upload ", id, " is no partial upload")});
    }
    const std::uint64_t bytes = part->length.value_or(0);
    parts.all_known = parts.all_known && part->length.has_value();
    parts.all_there = parts.all_there && part->length == part->offset;
    if (bytes > limit - parts.bytes) {
      co_return std::unexpected(
          Refusal{413, "upload_too_large", concat("an upload may hold at most ", limit, " bytes")});
    }
    parts.bytes += bytes;
    parts.list.push_back({id, bytes});
    if (!part->into.empty()) parts.placed.push_back(std::move(*part));
  }
  co_return parts;
}

/// Files first, record second; a failure leaves neither.
io::Task<Result<>> make_final(Context& context, store::Upload upload, store::Video video,
                              std::vector<store::UploadPart> parts) {
  const std::string id = upload.id;
  auto made = co_await context.blobs.create_upload(id, upload.length);
  if (!made) co_return made;
  if (!is_unfinished_final(upload)) {
    made = co_await context.blobs.link_parts(id, std::move(parts));
  }
  if (made) made = co_await context.catalogue.create_upload(std::move(upload), std::move(video));
  if (!made) co_await unmake(context, id);
  co_return made;
}

}  // namespace

io::Task<std::optional<std::uint64_t>> length_of_parts(Context& context, store::Upload upload) {
  const auto list = parse_concat(upload.concat);
  std::uint64_t bytes = 0;
  if (!list) co_return std::nullopt;
  for (const std::string& id : list->parts) {
    const auto part = co_await context.catalogue.upload(id);
    if (!part || !part->length) co_return std::nullopt;
    bytes += *part->length;
  }
  co_return bytes;
}

io::Task<http::Response> concatenate(Context& context, http::Request& request, store::Principal who,
                                     Creation creation) {
  auto parts = co_await collect_parts(context, who, std::move(creation.concat_list.parts));
  if (!parts) co_return refuse(request, parts.error());
  if (!parts->placed.empty()) {
    if (parts->placed.size() == parts->list.size()) {
      co_return co_await answer_whole(context, request, std::move(creation),
                                      std::move(parts->placed));
    }
    co_return refuse(request,
                     Refusal{400, "mixed_parts", "parts of a group cannot be joined with others"});
  }
  store::Upload upload{.id = make_id(),
                       .owner = std::move(who.user_id),
                       .offset = parts->all_there ? parts->bytes : 0,
                       .metadata = std::move(creation.metadata),
                       .concat = std::move(creation.concat),
                       .created_at_ms = wall_ms(),
                       .explicit_end = true};
  if (parts->all_known) upload.length = parts->bytes;
  http::Response answer = http::Response::empty(201);
  answer.headers.add("Location", location_of(context, upload.id));
  answer.headers.add("Upload-Concat", upload.concat);
  if (!is_unfinished_final(upload)) add_offset_fields(answer.headers, upload, context.policy);
  const std::string id = upload.id;
  store::Video video = video_of(upload, creation.description);
  auto made =
      co_await make_final(context, std::move(upload), std::move(video), std::move(parts->list));
  if (!made) co_return http::problem(request, made.error());
  context.assembler->submit(id);
  co_return answer;
}

}  // namespace sf::tus

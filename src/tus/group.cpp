// Parts that name their group: written straight into one file, in any order.

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <utility>

#include "handlers.hpp"

namespace sf::tus {
namespace {

/// Looks at a group that others change meanwhile.
constexpr unsigned kTriesMax = 8;

/// A whole as an unfinished final upload: it takes no bytes of its own and shows no offset (A7).
store::Upload whole_of(const store::Upload& part, const Placement& placement) {
  store::Upload whole{.id = make_id(),
                      .owner = part.owner,
                      .length = placement.total,
                      .concat = "final;",
                      .created_at_ms = part.created_at_ms,
                      .group = placement.group};
  whole.updated_at_ms = whole.created_at_ms;
  return whole;
}

Refusal refusal_of_group(const Error& error) {
  if (error.code == ErrorCode::kInvalidArgument) return {400, "bad_group", error.message};
  if (error.code == ErrorCode::kConflict) {
    return {409, "group_busy", "the group changes too fast", "try again in a moment"};
  }
  if (error.code == ErrorCode::kNoSpace) {
    return {507, "no_space", "the disk has no room for this upload",
            "try again when there is space"};
  }
  return refusal_of_disk("cannot place a part", "", error);
}

io::Task<Result<store::Upload>> open_group(Context& context, store::Upload part,
                                           Placement placement, Description description) {
  store::Upload whole = whole_of(part, placement);
  part.into = whole.id;
  auto made = co_await context.blobs.create_upload(whole.id, whole.length);
  if (!made) co_return fail(std::move(made.error()));
  store::Video video = video_of(whole, description);
  const std::string id = whole.id;
  made = co_await context.catalogue.place_part(part, "", std::move(whole), std::move(video));
  if (!made) {
    // A file without a record: should this fail too, the next start removes it.
    (void)co_await context.blobs.remove_video(id);
    co_return fail(std::move(made.error()));
  }
  co_return part;
}

/// A part of the same range is a creation whose answer was lost, or left behind: the newer takes
/// its place once nobody writes the older any more.
io::Task<Result<store::Upload>> join_group(Context& context, store::Upload part,
                                           store::Upload whole) {
  part.into = whole.id;
  part.group = whole.group;
  const auto same = std::ranges::find_if(whole.parts, [&](const auto& placed) {
    return placed.at == part.at && placed.bytes == part.length;
  });
  std::optional<Ownership::Hold> old;
  std::string replaces;
  if (same != whole.parts.end()) {
    replaces = same->id;
    auto hold = co_await context.ownership.take(replaces, limits::kTakeoverWaitMs);
    if (!hold) co_return fail(std::move(hold.error()));
    old.emplace(std::move(*hold));
  }
  auto placed =
      co_await context.catalogue.place_part(part, std::move(replaces), std::nullopt, std::nullopt);
  if (!placed) co_return fail(std::move(placed.error()));
  part.group.clear();
  co_return part;
}

/// Whether the parts, in this order, are the whole and nothing else.
Decision<> check_cover(const store::Upload& whole, const std::vector<store::Upload>& parts) {
  std::uint64_t end = 0;
  for (const auto& part : parts) {
    if (part.into != whole.id) {
      return std::unexpected(Refusal{400, "mixed_parts", "the parts are of different groups"});
    }
    if (part.at != end) break;
    end += part.length.value_or(0);
  }
  if (end == whole.length && parts.size() == whole.parts.size()) return {};
  return std::unexpected(Refusal{400, "group_not_covered",
                                 "a final of a group lists all its parts, in order, from the first "
                                 "byte to the last"});
}

}  // namespace

io::Task<Decision<store::Upload>> place_part(Context& context, store::Upload part,
                                             Placement placement, Description description) {
  part.at = placement.at;
  for (unsigned tries = 0;; ++tries) {
    auto whole = co_await context.catalogue.group(part.owner, placement.group);
    if (!whole) co_return std::unexpected(refusal_of_group(whole.error()));
    if (*whole && (*whole)->length != placement.total) {
      co_return std::unexpected(Refusal{400, "bad_group", "the group has another total"});
    }
    Result<store::Upload> placed = fail(ErrorCode::kConflict, "");
    if (*whole) {
      placed = co_await join_group(context, part, std::move(**whole));
    } else {
      auto place = co_await find_place(context, part.owner, placement.total);
      if (!place) co_return std::unexpected(std::move(place.error()));
      placed = co_await open_group(context, part, placement, description);
      if (placed) place->keep();
    }
    if (placed) co_return std::move(*placed);
    if (placed.error().code != ErrorCode::kConflict || tries + 1 == kTriesMax) {
      co_return std::unexpected(refusal_of_group(placed.error()));
    }
  }
}

io::Task<Result<>> finish_whole(Context& context, std::string id) {
  auto whole = co_await context.catalogue.upload(std::move(id));
  if (!whole) co_return fail(std::move(whole.error()));
  if (whole->complete || whole->offset != whole->length) co_return {};
  auto promoted = co_await context.blobs.promote_upload(whole->id, whole->offset);
  if (!promoted) co_return promoted;
  co_return co_await context.catalogue.complete_upload(whole->id);
}

io::Task<http::Response> answer_whole(Context& context, http::Request& request, Creation creation,
                                      std::vector<store::Upload> parts) {
  auto whole = co_await context.catalogue.upload(parts.front().into);
  if (!whole) co_return http::problem(request, whole.error());
  if (auto covered = check_cover(*whole, parts); !covered) {
    co_return refuse(request, covered.error());
  }
  auto finished = co_await finish_whole(context, whole->id);
  if (finished) {
    finished = co_await context.catalogue.name_whole(whole->id, creation.concat, creation.metadata);
  }
  if (!finished) co_return http::problem(request, finished.error());
  if (!creation.metadata.empty()) {
    const Description description = std::move(creation.description);
    std::function<Result<>(store::Video&)> change = [&description](store::Video& video) {
      if (!description.filename.empty()) video.source.filename = description.filename;
      video.title = description.title;
      video.visibility = description.visibility;
      return Result<>{};
    };
    auto named = co_await context.catalogue.update_video(whole->id, std::move(change));
    if (!named) co_return http::problem(request, named.error());
  }
  auto answer = http::Response::empty(201);
  answer.headers.add("Location", location_of(context, whole->id));
  answer.headers.add("Upload-Concat", creation.concat);
  if (!is_unfinished_final(*whole)) {
    answer.headers.add("Upload-Offset", concat(*whole->length));
  }
  co_return answer;
}

}  // namespace sf::tus

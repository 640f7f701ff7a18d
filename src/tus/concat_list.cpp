#include "concat_list.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>

namespace sf::tus {
namespace {

constexpr std::string_view kFinalPrefix = "final;";

std::string id_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const auto slash = url.rfind('/');
  const std::string_view id = slash == std::string_view::npos ? url : url.substr(slash + 1);
  return is_id(id) ? std::string(id) : std::string();
}

}  // namespace

ConcatKind concat_kind(std::string_view field) noexcept {
  if (field == "partial") return ConcatKind::kPartial;
  return field.starts_with(kFinalPrefix) ? ConcatKind::kFinal : ConcatKind::kNone;
}

Result<ConcatList> parse_concat(std::string_view field) {
  ConcatList out{concat_kind(field), {}};
  if (out.kind == ConcatKind::kNone) {
    return fail(ErrorCode::kInvalidArgument,
                "Upload-Concat is neither \"partial\" nor \"final;\" and a list of URLs");
  }
  if (out.kind == ConcatKind::kPartial) return out;
  for (const std::string_view url : split(field.substr(kFinalPrefix.size()), ' ')) {
    if (!url.empty()) out.parts.push_back(id_of(url));
  }
  if (out.parts.empty()) {
    return fail(ErrorCode::kInvalidArgument, "Upload-Concat: final names no partial upload");
  }
  return out;
}

}  // namespace sf::tus

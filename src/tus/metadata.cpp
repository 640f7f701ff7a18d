#include "metadata.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

namespace sf::tus {
namespace {

constexpr std::size_t kFilenameBytesMax = 255;

bool is_key(std::string_view key) {
  return !key.empty() &&
         std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

std::string_view last_segment(std::string_view path) {
  const auto slash = path.find_last_of("/\\");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view without_ending(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

}  // namespace

Result<Metadata> Metadata::parse(std::string_view field) {
  Metadata out;
  if (field.size() > limits::kMetadataBytesMax) {
    return fail(ErrorCode::kTooLarge,
                concat("Upload-Metadata is longer than ", limits::kMetadataBytesMax, " bytes"));
  }
  if (field.empty()) return out;
  for (const std::string_view pair : split(field, ',')) {
    const auto space = pair.find(' ');
    const std::string_view key = pair.substr(0, space);
    if (!is_key(key)) {
      return fail(ErrorCode::kInvalidArgument,
                  "a key in Upload-Metadata is empty or not printable ASCII");
    }
    if (out.get(key)) {
      return fail(ErrorCode::kInvalidArgument,
                  concat("the key ", key, " comes twice in Upload-Metadata"));
    }
    std::string value;
    if (space != std::string_view::npos && space + 1 < pair.size()) {
      auto decoded = from_base64(pair.substr(space + 1));
      if (!decoded) {
        return fail(ErrorCode::kInvalidArgument,
                    concat("the value of ", key, " in Upload-Metadata is not base64"));
      }
      value = std::move(*decoded);
    }
    out.pairs_.emplace_back(key, std::move(value));
  }
  return out;
}

std::optional<std::string_view> Metadata::get(std::string_view key) const noexcept {
  const auto found = std::ranges::find(pairs_, key, [](const auto& pair) { return pair.first; });
  if (found == pairs_.end()) return std::nullopt;
  return found->second;
}

std::string to_display_text(std::string_view text, std::size_t bytes_max) {
  const bool utf8 = is_utf8(text);
  std::string line(text);
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (!utf8 && byte >= 0x80) c = '?';
  }
  std::string_view shown = trim(line);
  if (shown.size() > bytes_max) {
    std::size_t end = bytes_max;
    while (end > 0 && is_continuation(shown[end])) --end;
    shown = trim(shown.substr(0, end));
  }
  return std::string(shown);
}

Result<std::optional<Placement>> placement_of(const Metadata& metadata) {
  const auto group = metadata.get("group");
  if (!group) return std::nullopt;
  if (group->empty() || group->size() > limits::kGroupNameBytesMax) {
    return fail(ErrorCode::kInvalidArgument,
                concat("group in Upload-Metadata has 1 to ", limits::kGroupNameBytesMax, " bytes"));
  }
  const auto at = parse_decimal(metadata.get("offset").value_or(""));
  const auto total = parse_decimal(metadata.get("total").value_or(""));
  if (!at || !total) {
    return fail(ErrorCode::kInvalidArgument,
                "a part that names its group in Upload-Metadata names offset and total too");
  }
  return Placement{std::string(*group), *at, *total};
}

Result<Description> describe(const Metadata& metadata) {
  Description out;
  auto filename = metadata.get("filename");
  if (!filename || filename->empty()) filename = metadata.get("name");
  out.filename = to_display_text(last_segment(filename.value_or("")), kFilenameBytesMax);
  out.title = to_display_text(metadata.get("title").value_or(""), limits::kTitleBytesMax);
  if (out.title.empty()) out.title = without_ending(out.filename);
  if (out.title.empty()) out.title = "Untitled";
  if (const auto word = metadata.get("visibility"); word && !word->empty()) {
    const auto visibility = store::visibility(*word);
    if (!visibility) {
      return fail(ErrorCode::kInvalidArgument,
                  "visibility in Upload-Metadata is none of public, unlisted and private");
    }
    out.visibility = *visibility;
  }
  return out;
}

}  // namespace sf::tus

#include "manifest.hpp"

#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/json.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::uint64_t kSchema = 1;

std::string line_of(json::Writer&& writer) {
  std::string line = std::move(writer).take();
  line += '\n';
  return line;
}

Result<ManifestHead> read_head(const json::Value& root) {
  const std::uint64_t schema = root.uint_at("streamforge");
  if (schema > kSchema) {
    return fail(ErrorCode::kUnsupported, "the folder was made by a newer version of this program");
  }
  if (schema != kSchema) return fail(ErrorCode::kCorrupt, "the manifest has no head");
  ManifestHead head;
  head.input = root.string_at("input");
  head.bytes = root.uint_at("bytes");
  head.modified_ns = root.int_at("modified_ns");
  head.segment_seconds =
      static_cast<unsigned>(std::min<std::uint64_t>(root.uint_at("segment_seconds"), 3'600));
  head.copy = root.bool_at("copy");
  if (const json::Value* rungs = root.find("rungs")) {
    for (const json::Value& rung : rungs->array()) {
      head.rungs.emplace_back(rung.as_string().value_or(""));
    }
  }
  return head;
}

bool read_line(const json::Value& root, Manifest& manifest) {
  if (const json::Value* track = root.find("track")) {
    const std::uint64_t number = root.uint_at("segment", UINT64_MAX);
    if (number > UINT32_MAX || !track->is_string()) return false;
    ManifestSegment segment;
    segment.track = *track->as_string();
    segment.segment = static_cast<std::uint32_t>(number);
    segment.bytes = root.uint_at("bytes");
    segment.duration_ticks = root.uint_at("duration");
    segment.codecs = root.string_at("codecs");
    segment.damaged_frames =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(root.uint_at("damaged"), UINT32_MAX));
    segment.quality = quality_of(root);
    if (const json::Value* list = root.find("i_frames")) {
      for (const json::Value& item : list->array()) {
        const auto& parts = item.array();
        if (parts.size() != 3) return false;
        segment.key_pictures.push_back(
            {parts[0].as_int().value_or(0),
             {parts[2].as_uint().value_or(0), parts[1].as_uint().value_or(0)}});
      }
    }
    manifest.segments.push_back(std::move(segment));
    return true;
  }
  if (root.find("spooled")) {
    manifest.spool = ManifestSpool{root.string_at("spooled"), root.uint_at("bytes")};
    return true;
  }
  manifest.planned = manifest.planned || root.bool_at("planned");
  manifest.complete = manifest.complete || root.bool_at("complete");
  return root.find("planned") || root.find("complete");
}

}  // namespace

std::string encode(const ManifestHead& head) {
  json::Writer out;
  out.begin_object().field("streamforge", kSchema).field("input", head.input);
  out.field("bytes", head.bytes).field("modified_ns", head.modified_ns);
  out.key("rungs").begin_array();
  for (const std::string& rung : head.rungs) out.value(rung);
  out.end_array().field("segment_seconds", head.segment_seconds).field("copy", head.copy);
  out.end_object();
  return line_of(std::move(out));
}

std::string encode(const ManifestSpool& spool) {
  json::Writer out;
  out.begin_object().field("spooled", spool.sha256).field("bytes", spool.bytes).end_object();
  return line_of(std::move(out));
}

std::string encode(const ManifestSegment& segment) {
  json::Writer out;
  out.begin_object().field("track", segment.track).field("segment", segment.segment);
  out.field("bytes", segment.bytes).field("duration", segment.duration_ticks);
  out.field("codecs", segment.codecs).field("damaged", segment.damaged_frames);
  if (segment.quality) write_quality(out, *segment.quality);
  if (!segment.key_pictures.empty()) {
    out.key("i_frames").begin_array();
    for (const hls::KeyPicture& picture : segment.key_pictures) {
      out.begin_array().value(picture.pts_ticks).value(picture.range.offset);
      out.value(picture.range.bytes).end_array();
    }
    out.end_array();
  }
  out.end_object();
  return line_of(std::move(out));
}

std::string planned_line() { return "{\"planned\":true}\n"; }
std::string complete_line() { return "{\"complete\":true}\n"; }

Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  bool has_head = false;
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto newline = text.find('\n');
    if (newline == std::string_view::npos) break;
    auto root = json::parse(text.substr(0, newline));
    text.remove_prefix(newline + 1);
    if (!root) {
      return fail(ErrorCode::kCorrupt, concat("line ", number, " of the manifest is not JSON"));
    }
    if (!has_head) {
      auto head = read_head(*root);
      if (!head) return fail(std::move(head.error()));
      manifest.head = std::move(*head);
      has_head = true;
    } else if (!read_line(*root, manifest)) {
      return fail(ErrorCode::kCorrupt, concat("line ", number, " of the manifest says nothing"));
    }
  }
  if (!has_head) return fail(ErrorCode::kCorrupt, "the manifest is empty");
  return manifest;
}

std::string difference(const ManifestHead& found, const ManifestHead& wanted) {
  if (found.input != wanted.input) return concat("it was begun from ", found.input);
  if (found.bytes != wanted.bytes || found.modified_ns != wanted.modified_ns) {
    return "the input has changed since it was begun";
  }
  if (found.rungs != wanted.rungs) return "it was begun with another ladder";
  if (found.segment_seconds != wanted.segment_seconds) {
    return concat("it was begun with segments of ", found.segment_seconds, " s");
  }
  if (found.copy != wanted.copy) {
    return found.copy ? "it was begun with --copy true" : "it was begun with --copy false";
  }
  return {};
}

}  // namespace sf::transcode

#include "m3u8.hpp"

#include <streamforge/base/bytes.hpp>

#include <cmath>
#include <cstdlib>

namespace sf::hls {
namespace {

std::optional<double> decimal(std::string_view text) {
  const std::string copy(trim(text));
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end != copy.c_str() + copy.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// NAME=VALUE,NAME="VALUE, WITH COMMAS" (section 4.2).
Attributes attributes_of(std::string_view text, std::vector<std::string>& faults) {
  Attributes found;
  while (!text.empty()) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) {
      faults.push_back(concat("an attribute without a value: ", text.substr(0, 60)));
      break;
    }
    const std::string name(trim(text.substr(0, equals)));
    text.remove_prefix(equals + 1);
    std::string_view value;
    if (text.starts_with('"')) {
      const auto close = text.find('"', 1);
      if (close == std::string_view::npos) {
        faults.push_back(concat("a quote that does not end, in ", name));
        break;
      }
      value = text.substr(1, close - 1);
      text.remove_prefix(close + 1);
    } else {
      value = text.substr(0, text.find(','));
      text.remove_prefix(value.size());
    }
    if (!found.emplace(name, value).second) faults.push_back(concat(name, " is given twice"));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return found;
}

/// Reads line by line; tags before a URI belong to it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  M3u8 read() {
    check_bytes();
    bool first = true;
    for (std::string_view line : split(text_, '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (first && line != "#EXTM3U") list_.faults.emplace_back("the first line is not #EXTM3U");
      if (!first && line.starts_with("#EXT")) tag(line);
      if (!first && !line.empty() && !line.starts_with('#')) uri(line);
      first = false;
    }
    if (variant_) list_.faults.emplace_back("EXT-X-STREAM-INF without a URI");
    return std::move(list_);
  }

 private:
  void check_bytes() {
    if (text_.starts_with("\xef\xbb\xbf")) list_.faults.emplace_back("it begins with a BOM");
    if (!is_utf8(text_)) list_.faults.emplace_back("it is not UTF-8");
    for (const char c : text_) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\n' && c != '\r') || byte == 0x7f) {
        list_.faults.emplace_back("it holds control characters");
        break;
      }
    }
  }

  /// The rest of a line that begins so.
  static std::optional<std::string_view> after(std::string_view line, std::string_view begin) {
    if (!line.starts_with(begin)) return std::nullopt;
    return line.substr(begin.size());
  }

  void tag(std::string_view line) {
    if (const auto rest = after(line, "#EXTINF:")) return extinf(*rest);
    if (const auto rest = after(line, "#EXT-X-BYTERANGE:")) return byte_range(*rest);
    if (const auto rest = after(line, "#EXT-X-STREAM-INF:")) {
      variant_ = attributes_of(*rest, list_.faults);
    } else if (const auto iframe = after(line, "#EXT-X-I-FRAME-STREAM-INF:")) {
      list_.i_frame_variants.push_back(attributes_of(*iframe, list_.faults));
    } else if (const auto media = after(line, "#EXT-X-MEDIA:")) {
      list_.media.push_back(attributes_of(*media, list_.faults));
    } else if (const auto map = after(line, "#EXT-X-MAP:")) {
      list_.has_map = true;
      list_.map = attributes_of(*map, list_.faults);
    } else if (const auto start = after(line, "#EXT-X-START:")) {
      const Attributes found = attributes_of(*start, list_.faults);
      list_.start_seconds = decimal(attribute(found, "TIME-OFFSET"));
    } else if (const auto version = after(line, "#EXT-X-VERSION:")) {
      list_.versions.push_back(number(*version, "EXT-X-VERSION"));
    } else if (const auto target = after(line, "#EXT-X-TARGETDURATION:")) {
      list_.target_seconds = number(*target, "EXT-X-TARGETDURATION");
    } else if (const auto sequence = after(line, "#EXT-X-MEDIA-SEQUENCE:")) {
      list_.sequence = number(*sequence, "EXT-X-MEDIA-SEQUENCE");
    } else if (const auto type = after(line, "#EXT-X-PLAYLIST-TYPE:")) {
      list_.type = *type;
    } else {
      flag(line);
    }
  }

  void flag(std::string_view line) {
    if (line == "#EXT-X-ENDLIST") list_.ended = true;
    if (line == "#EXT-X-I-FRAMES-ONLY") list_.i_frames_only = true;
    if (line == "#EXT-X-INDEPENDENT-SEGMENTS") list_.independent = true;
    if (line == "#EXT-X-DISCONTINUITY") next_.discontinuity = true;
    if (line.starts_with("#EXT-X-PROGRAM-DATE-TIME:")) next_.dated = true;
  }

  unsigned number(std::string_view text, std::string_view of) {
    const auto value = parse_decimal(trim(text), 0xffff'ffff);
    if (!value) list_.faults.push_back(concat(of, " is no number"));
    return static_cast<unsigned>(value.value_or(0));
  }

  void extinf(std::string_view rest) {
    const std::string_view text = rest.substr(0, rest.find(','));
    const auto seconds = decimal(text);
    if (!seconds || rest.find(',') == std::string_view::npos) {
      list_.faults.push_back(concat("EXTINF is malformed: ", rest.substr(0, 60)));
    }
    list_.decimals = list_.decimals || text.find('.') != std::string_view::npos;
    next_.seconds = seconds.value_or(0);
    timed_ = true;
  }

  void byte_range(std::string_view rest) {
    const auto at = rest.find('@');
    ListedRange range;
    const auto bytes = parse_decimal(trim(rest.substr(0, at)));
    range.bytes = bytes.value_or(0);
    range.offset = range_end_;
    if (at != std::string_view::npos) {
      range.offset = parse_decimal(trim(rest.substr(at + 1))).value_or(0);
    }
    if (!bytes) list_.faults.emplace_back("EXT-X-BYTERANGE is malformed");
    range_end_ = range.offset + range.bytes;
    next_.range = range;
  }

  void uri(std::string_view line) {
    if (variant_) {
      list_.variants.push_back({std::string(line), std::move(*variant_)});
      variant_.reset();
      return;
    }
    if (!timed_) list_.faults.push_back(concat("a segment without EXTINF: ", line.substr(0, 60)));
    next_.uri = line;
    list_.segments.push_back(std::move(next_));
    next_ = {};
    timed_ = false;
  }

  std::string_view text_;
  M3u8 list_;
  ListedSegment next_;
  bool timed_ = false;
  std::uint64_t range_end_ = 0;
  std::optional<Attributes> variant_;
};

// Without "." and "..".
std::string plain_path(std::string_view path) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part == "..") {
      if (!parts.empty() && !parts.back().empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '/';
    out += parts[i];
  }
  return out;
}

}  // namespace

double M3u8::seconds() const noexcept {
  double sum = 0;
  for (const ListedSegment& segment : segments) sum += segment.seconds;
  return sum;
}

M3u8 read_m3u8(std::string_view text) { return Reader(text).read(); }

std::string_view attribute(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::string_view() : std::string_view(found->second);
}

std::uint64_t number_attribute(const Attributes& attributes, std::string_view name) {
  return parse_decimal(attribute(attributes, name)).value_or(0);
}

std::string resolve_uri(std::string_view base, std::string_view reference) {
  if (reference.find("://") != std::string_view::npos) return std::string(reference);
  base = base.substr(0, base.find('?'));
  const auto scheme = base.find("://");
  const auto path_at = scheme == std::string_view::npos ? 0 : base.find('/', scheme + 3);
  const std::string_view host = base.substr(0, path_at);
  const std::string_view path = path_at == std::string_view::npos ? "/" : base.substr(path_at);
  const auto query_at = std::min(reference.find('?'), reference.size());
  const std::string_view target = reference.substr(0, query_at);
  const std::string_view query = reference.substr(query_at);
  if (target.starts_with('/')) return concat(host, plain_path(target), query);
  const auto slash = path.rfind('/');
  const std::string_view folder =
      slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
  return concat(host, plain_path(concat(folder, target)), query);
}

}  // namespace sf::hls

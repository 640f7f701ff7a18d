#include <streamforge/base/bytes.hpp>
#include <streamforge/http/representation.hpp>

#include <algorithm>
#include <array>

namespace sf::http {

namespace {

struct ContentType {
  std::string_view ending;
  std::string_view type;
};

/// By ending, sorted.
constexpr std::array kContentTypes = std::to_array<ContentType>({
    {"aac", "audio/aac"},
    {"avi", "video/x-msvideo"},
    {"css", "text/css; charset=utf-8"},
    {"flv", "video/x-flv"},
    {"gif", "image/gif"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4s", "video/iso.segment"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mkv", "video/matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"srt", "application/x-subrip"},
    {"svg", "image/svg+xml"},
    {"ts", "video/mp2t"},
    {"txt", "text/plain; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml"},
});
static_assert(std::is_sorted(kContentTypes.begin(), kContentTypes.end(),
                             [](const auto& a, const auto& b) { return a.ending < b.ending; }));

/// A weight in thousandths (RFC 9110 section 12.4.2); what is no weight counts as 0.
unsigned parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  unsigned weight = text[0] == '1' ? 1000 : 0;
  if (text.size() == 1) return weight;
  if (text[1] != '.' || text.size() > 5) return 0;
  unsigned scale = 100;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return 0;
    weight += static_cast<unsigned>(c - '0') * scale;
    scale /= 10;
  }
  return std::min(weight, 1000u);
}

struct Coding {
  std::string_view name;
  unsigned weight = 1000;
};

Coding read_coding(std::string_view text) {
  const auto pieces = split(text, ';');
  Coding coding{trim(pieces[0])};
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const auto parameter = trim(pieces[i]);
    if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
      coding.weight = parse_weight(parameter.substr(2));
    }
  }
  return coding;
}

}  // namespace

bool accepts_encoding(std::string_view accept_encoding, std::string_view offered) {
  std::optional<unsigned> offered_weight;
  std::optional<unsigned> identity_weight;
  std::optional<unsigned> other_weight;
  for (const auto text : split(accept_encoding, ',')) {
    const Coding coding = read_coding(text);
    if (equals_ignoring_case(coding.name, offered)) offered_weight = coding.weight;
    if (equals_ignoring_case(coding.name, "identity")) identity_weight = coding.weight;
    if (coding.name == "*") other_weight = coding.weight;
  }
  const unsigned weight = offered_weight.value_or(other_weight.value_or(0));
  // Identity is acceptable unless excluded, but whoever names a coding wants it more.
  return weight > 0 && weight >= identity_weight.value_or(0);
}

std::string_view content_type_of(std::string_view file_name) noexcept {
  const auto dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return "application/octet-stream";
  const auto ending = file_name.substr(dot + 1);
  const auto* found = std::find_if(
      kContentTypes.begin(), kContentTypes.end(),
      [ending](const auto& entry) { return equals_ignoring_case(entry.ending, ending); });
  return found == kContentTypes.end() ? "application/octet-stream" : found->type;
}

}  // namespace sf::http

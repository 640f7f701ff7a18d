#include "target.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

#include "characters.hpp"

namespace sf::http {

namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// One segment, decoded once and appended to `path`; false when it may not be there.
bool append_segment(std::string_view raw, std::string& path) {
  const auto segment = percent_decode(raw);
  if (!segment || *segment == "." || *segment == "..") return false;
  for (const char c : *segment) {
    if (c == '/' || c == '\\' || is_control(c)) return false;
  }
  path.append(*segment);
  return true;
}

std::optional<std::string> decode_path(std::string_view raw) {
  if (!raw.starts_with('/')) return std::nullopt;
  std::string path;
  path.reserve(raw.size());
  const auto segments = split(raw.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    path.push_back('/');
    const bool trailing = segments[i].empty() && i + 1 == segments.size();
    if (segments[i].empty() && !trailing) return std::nullopt;
    if (!append_segment(segments[i], path)) return std::nullopt;
  }
  // Strict UTF-8: overlong forms are refused, so no second spelling of '/' or '.' survives.
  if (!is_utf8(path)) return std::nullopt;
  return path;
}

bool is_ip_literal(std::string_view host) {
  if (host.size() < 4 || host.front() != '[' || host.back() != ']') return false;
  return std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
    return c == ':' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
  });
}

/// RFC 3986 reg-name: unreserved, percent-encoded, sub-delims.
bool is_reg_name(std::string_view host) {
  static constexpr std::string_view kPunctuation = "-._~!$&'()*+,;=%";
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kPunctuation.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::optional<Target> parse_target(std::string_view text) {
  Target target;
  if (text == "*") {
    target.path = "*";
    return target;
  }
  if (!all_of_class(text, kTargetChar) || text.find('#') != std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = text;
  if (!rest.starts_with('/')) {
    const auto scheme_end = rest.find("://");
    if (scheme_end == std::string_view::npos) return std::nullopt;
    const auto scheme = rest.substr(0, scheme_end);
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
      return std::nullopt;
    }
    rest.remove_prefix(scheme_end + 3);
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (!is_authority(authority)) return std::nullopt;
    target.authority = std::string(authority);
    rest.remove_prefix(authority.size());
  }
  const auto question = rest.find('?');
  auto raw_path = rest.substr(0, question);
  if (raw_path.empty()) raw_path = "/";  // "http://host" and "http://host?query".
  auto path = decode_path(raw_path);
  if (!path) return std::nullopt;
  target.path = std::move(*path);
  if (question != std::string_view::npos) target.query = rest.substr(question + 1);
  return target;
}

bool is_authority(std::string_view text) noexcept {
  std::string_view host = text;
  const auto colon = text.rfind(':');
  const auto bracket = text.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    // "host:" is allowed and means the default port (RFC 3986 section 3.2.3).
    if (!port.empty() && !parse_decimal(port, 65535)) return false;
  }
  return host.starts_with('[') ? is_ip_literal(host) : is_reg_name(host);
}

}  // namespace sf::http

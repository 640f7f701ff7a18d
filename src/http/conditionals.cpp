#include "conditionals.hpp"

#include <streamforge/base/clock.hpp>

namespace sf::http {

namespace {

bool is_weak(std::string_view etag) { return etag.starts_with("W/"); }
std::string_view opaque(std::string_view etag) { return is_weak(etag) ? etag.substr(2) : etag; }

bool matches(std::string_view a, std::string_view b, bool strong) {
  if (strong && (is_weak(a) || is_weak(b))) return false;
  return opaque(a) == opaque(b);
}

/// The next entity-tag of a list, taken off it; empty at the end or at what is none. Commas may
/// stand inside the quotes.
std::string_view take_etag(std::string_view& list) {
  const auto begin = list.find_first_not_of(" \t,");
  if (begin == std::string_view::npos) return {};
  list.remove_prefix(begin);
  const std::size_t quote = is_weak(list) ? 2 : 0;
  if (quote >= list.size() || list[quote] != '"') return {};
  const auto end = list.find('"', quote + 1);
  if (end == std::string_view::npos) return {};
  const auto etag = list.substr(0, end + 1);
  list.remove_prefix(end + 1);
  return etag;
}

/// HTTP dates have whole seconds; so must what they are compared with.
std::int64_t whole_seconds(std::int64_t ms) { return ms - ms % 1000; }

std::optional<std::int64_t> date_of(const Request& request, std::string_view field) {
  const auto text = request.headers.get(field);
  return text ? parse_http_date(*text) : std::nullopt;
}

}  // namespace

bool etag_in_list(std::string_view list, std::string_view etag, bool strong) {
  if (trim(list) == "*") return true;
  if (etag.empty()) return false;
  for (auto other = take_etag(list); !other.empty(); other = take_etag(list)) {
    if (matches(other, etag, strong)) return true;
  }
  return false;
}

Precondition check_preconditions(const Request& request, const Validators& validators) {
  const bool reads = request.method == Method::kGet || request.method == Method::kHead;
  const bool dated = validators.last_modified_ms != 0;
  const std::int64_t modified = whole_seconds(validators.last_modified_ms);

  if (const auto list = request.headers.get("if-match")) {
    if (!etag_in_list(*list, validators.etag, true)) return Precondition::kFailed;
  } else if (const auto since = date_of(request, "if-unmodified-since"); since && dated) {
    if (modified > *since) return Precondition::kFailed;
  }

  if (const auto list = request.headers.get("if-none-match")) {
    if (etag_in_list(*list, validators.etag, false)) {
      return reads ? Precondition::kNotModified : Precondition::kFailed;
    }
  } else if (const auto since = date_of(request, "if-modified-since"); since && dated && reads) {
    if (modified <= *since) return Precondition::kNotModified;
  }
  return Precondition::kProceed;
}

bool range_applies(const Request& request, const Validators& validators) {
  const auto condition = request.headers.get("if-range");
  if (!condition) return true;
  if (condition->starts_with('"') || is_weak(*condition)) {
    return !validators.etag.empty() && matches(*condition, validators.etag, true);
  }
  const auto date = parse_http_date(*condition);
  return date && validators.last_modified_ms != 0 &&
         *date == whole_seconds(validators.last_modified_ms);
}

}  // namespace sf::http

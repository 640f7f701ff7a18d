#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/http/representation.hpp>

#include <algorithm>
#include <limits>

namespace sf::http {

namespace {

constexpr std::uint64_t kSaturated = std::numeric_limits<std::uint64_t>::max();

/// Decimal digits only; a number over 64 bits is a very large one, not a broken one.
std::optional<std::uint64_t> parse_position(std::string_view text) {
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
  }
  return parse_decimal(text, kSaturated).value_or(kSaturated);
}

struct Spec {
  bool satisfiable = false;
  ByteRange range;
};

/// One range-spec for a representation of `bytes`; nullopt when it is malformed.
std::optional<Spec> read_spec(std::string_view text, std::uint64_t bytes) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first_text = text.substr(0, dash);
  const auto last_text = text.substr(dash + 1);
  if (first_text.empty()) {
    const auto suffix = parse_position(last_text);
    if (!suffix) return std::nullopt;
    if (*suffix == 0 || bytes == 0) return Spec{};
    return Spec{true, {*suffix >= bytes ? 0 : bytes - *suffix, bytes - 1}};
  }
  const auto first = parse_position(first_text);
  const auto last = last_text.empty() ? kSaturated : parse_position(last_text);
  if (!first || !last || *last < *first) return std::nullopt;
  if (*first >= bytes) return Spec{};
  return Spec{true, {*first, std::min(*last, bytes - 1)}};
}

/// Ranges that overlap or touch become one, at the place of the earliest asked for (RFC 9110
/// section 15.3.7.2). At most limits::kRangesMax of them, so the square does not matter.
void coalesce(std::vector<ByteRange>& ranges) {
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    for (std::size_t j = i + 1; j < ranges.size();) {
      if (ranges[j].first <= ranges[i].last + 1 && ranges[i].first <= ranges[j].last + 1) {
        ranges[i].first = std::min(ranges[i].first, ranges[j].first);
        ranges[i].last = std::max(ranges[i].last, ranges[j].last);
        ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(j));
        j = i + 1;  // What was apart from the smaller range may touch the larger.
      } else {
        ++j;
      }
    }
  }
}

}  // namespace

RangeDecision decide_ranges(std::string_view field, std::uint64_t bytes) {
  const auto equals = field.find('=');
  if (equals == std::string_view::npos ||
      !equals_ignoring_case(trim(field.substr(0, equals)), "bytes")) {
    return {};
  }
  std::string_view rest = field.substr(equals + 1);
  RangeDecision decision;
  unsigned specs = 0;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto text = trim(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    if (text.empty()) continue;  // RFC 9110 section 5.6.1.2: empty list elements are ignored.
    if (++specs > limits::kRangesMax) return {};
    const auto spec = read_spec(text, bytes);
    if (!spec) return {};
    if (spec->satisfiable) decision.ranges.push_back(spec->range);
  }
  if (specs == 0) return {};
  coalesce(decision.ranges);
  decision.verdict = decision.ranges.empty() ? RangeVerdict::kUnsatisfiable : RangeVerdict::kRanges;
  return decision;
}

}  // namespace sf::http

#pragma once

/// Structured field values (RFC 9651), as far as resumable upload reads them: Items and
/// Dictionaries. Parameters and inner lists are parsed and forgotten. What does not parse is
/// nullopt, and its field then counts as absent. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sf::tus {

struct SfBytes {
  std::string bytes;
  bool operator==(const SfBytes&) const = default;
};
/// A value of a type that no field of ours has: Decimal, String, Token, Date, Inner List, …
struct SfOther {
  bool operator==(const SfOther&) const = default;
};
using SfValue = std::variant<std::int64_t, bool, SfBytes, SfOther>;
using SfDictionary = std::vector<std::pair<std::string, SfValue>>;  ///< Each key once.

[[nodiscard]] std::optional<SfValue> parse_sf_item(std::string_view field);
[[nodiscard]] std::optional<SfDictionary> parse_sf_dictionary(std::string_view field);

/// An Item that is a non-negative Integer.
[[nodiscard]] std::optional<std::uint64_t> sf_length(std::optional<std::string_view> field);
/// An Item that is a Boolean.
[[nodiscard]] std::optional<bool> sf_boolean(std::optional<std::string_view> field);
/// ":BASE64:".
[[nodiscard]] std::string sf_bytes(std::string_view bytes);

}  // namespace sf::tus

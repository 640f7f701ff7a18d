#pragma once

/// The catalogue's schema number and how an older catalogue becomes a present one. A change that a
/// defaulted or ignored field cannot express is a new number and one step here; a step that stops
/// half-way must be able to run again.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "codec.hpp"

namespace sf::store {

class Database;

struct UpgradeStep {
  std::uint32_t to;  ///< From `to` - 1.
  Result<> (*run)(Database& database);
};

/// Schema 1 is the first: there is nothing older to upgrade from.
inline constexpr std::span<const UpgradeStep> kUpgradeSteps{};

/// kUnsupported, in one line for a person, when `found` is newer than this program.
Result<> check_schema(std::optional<std::uint32_t> found, std::string_view dir,
                      std::uint32_t known = kSchema);

/// Runs the steps after `found`, each followed by a commit of its number; a fresh catalogue
/// (nullopt) just gets `target`.
Result<> upgrade(Database& database, std::optional<std::uint32_t> found,
                 std::span<const UpgradeStep> steps, std::uint32_t target = kSchema);

}  // namespace sf::store

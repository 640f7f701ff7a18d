#pragma once

/// Upload-Concat (tus 1.0.0, Concatenation): "partial", or "final;URL URL…". Pure.

#include <streamforge/base/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sf::tus {

enum class ConcatKind : std::uint8_t { kNone, kPartial, kFinal };

struct ConcatList {
  ConcatKind kind = ConcatKind::kNone;
  /// The parts of a final, in order, as ids; a part may stand in it twice. An entry that cannot be
  /// one of our URLs is kept as an empty text: it names nothing.
  std::vector<std::string> parts;
};

/// URLs may be absolute or relative and come through any proxy: their last path segment is the id.
/// kInvalidArgument: another word, or a final of nothing.
[[nodiscard]] Result<ConcatList> parse_concat(std::string_view field);

/// The kind alone, of a field that was accepted once.
[[nodiscard]] ConcatKind concat_kind(std::string_view field) noexcept;

}  // namespace sf::tus

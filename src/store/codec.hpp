#pragma once

/// The stored form of records: one JSON object with `"v"`, the schema number, first. Pure; any
/// thread. Unknown fields are ignored and missing ones take their default, so records written by a
/// neighbouring version read; a field of another type or an unknown word is kCorrupt, a greater
/// schema number kUnsupported.

#include <streamforge/base/error.hpp>
#include <streamforge/store/records.hpp>

#include <string>
#include <string_view>

namespace sf::store {

/// Schema of every record and of the catalogue as a whole. See schema.hpp before changing it.
inline constexpr std::uint32_t kSchema = 1;

template <class Record>
[[nodiscard]] std::string encode(const Record& record);

template <class Record>
[[nodiscard]] Result<Record> decode(std::string_view text);

}  // namespace sf::store

#pragma once

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <span>

namespace sf::transcode {

/// Writes a whole segment at offset 0 of a descriptor somebody else owns.
Result<> write_output(int descriptor, std::span<const std::uint8_t> bytes);

}  // namespace sf::transcode

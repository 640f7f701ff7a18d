#pragma once

/// How a file is cut into parts that leave over several connections, and which goes first. Pure.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sf::tus {

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< Behind the last byte.

  [[nodiscard]] std::uint64_t bytes() const noexcept { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

/// Reads `bytes` at `offset` of a file; shorter only at its end.
using ReadAt = std::function<Result<std::string>(std::uint64_t offset, std::size_t bytes)>;

/// Where the index (`moov`) of an ISO-BMFF or QuickTime file of `total` bytes lies when media data
/// stands before it, so that nobody can play what has arrived before the end has. Nullopt for every
/// other file, one that cannot be read included.
[[nodiscard]] std::optional<ByteRange> late_index(const ReadAt& read, std::uint64_t total);

/// Parts in the order in which they are to leave over so many `connections`: the one with `first`
/// in it, then from the head to the tail. They begin and end on multiples of 4096 (the last ends
/// with the file), so that a server writes them past its page cache. Empty when one plain upload
/// does as well: a small file.
[[nodiscard]] std::vector<ByteRange> plan_parts(std::uint64_t total, std::optional<ByteRange> first,
                                                unsigned connections);

}  // namespace sf::tus

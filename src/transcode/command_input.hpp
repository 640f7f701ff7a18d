#pragma once

/// The film that `streamforge transcode` was given: a file, or standard input copied into the
/// folder first, because a film is read in more than one place at a time.

#include "command_files.hpp"
#include "manifest.hpp"

#include <atomic>
#include <string>

namespace sf::transcode {

inline constexpr const char* kSpoolName = ".source";

struct Input {
  UniqueFd file;
  std::uint64_t bytes = 0;
  std::string name;  ///< Absolute path, or "-".
  std::int64_t modified_ns = 0;
};

/// A regular file; anything else is refused in words. Blocks.
[[nodiscard]] Result<Input> open_input(const std::string& path);

/// Copies standard input to DIR/.source. kCancelled as soon as `interrupted`. Blocks.
[[nodiscard]] Result<ManifestSpool> spool_input(const OutputDir& out,
                                                const std::atomic<bool>& interrupted,
                                                std::atomic<std::uint64_t>& bytes_so_far);
/// Reads standard input again, beside what a run before has spooled: kConflict when it is another
/// film. Empty input is taken for "go on".
[[nodiscard]] Result<> compare_input(const ManifestSpool& spool,
                                     const std::atomic<bool>& interrupted);
[[nodiscard]] Result<Input> open_spool(const OutputDir& out, const ManifestSpool& spool);

}  // namespace sf::transcode

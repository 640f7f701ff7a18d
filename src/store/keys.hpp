#pragma once

/// Keys of the catalogue. docs/storage.md shows them as a table. Pure.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sf::store {

/// One column family per kind of record.
enum class Family : std::uint8_t {
  kMeta,      ///< "schema" and what describes the catalogue itself.
  kUploads,   ///< id.
  kVideos,    ///< id: ids sort by age, so this is the newest-first list too.
  kTitles,    ///< title_key: an index, without values.
  kSegments,  ///< segment_key.
  kJobs,      ///< Video id.
  kUsers,     ///< id.
  kTokens,    ///< id.
  kSessions,  ///< Hash of the secret.
  kGroups,    ///< group_key: the id of the unfinished whole of that name.
};
inline constexpr std::array<std::string_view, 10> kFamilyNames{
    "meta", "uploads", "videos", "titles",   "segments",
    "jobs", "users",   "tokens", "sessions", "groups"};

inline constexpr std::string_view kSchemaKey = "schema";
inline constexpr std::size_t kIdBytes = 26;
inline constexpr std::size_t kTitleKeyBytesMax = 96;

/// {video} {track} NUL {number, 4 bytes, big-endian}: by track, then by number.
[[nodiscard]] std::string segment_key(std::string_view video, std::string_view track,
                                      std::uint32_t number);
/// The least key after all that begin with `prefix`; prefixes never end in 0xff.
[[nodiscard]] std::string after_prefix(std::string_view prefix);

/// {title: ASCII folded, control bytes as spaces, cut to kTitleKeyBytesMax} NUL {id}.
[[nodiscard]] std::string title_key(std::string_view title, std::string_view id);
/// {owner} NUL {name}.
[[nodiscard]] std::string group_key(std::string_view owner, std::string_view name);
/// The id of a title_key.
[[nodiscard]] std::string_view id_of_title_key(std::string_view key) noexcept;

}  // namespace sf::store

#pragma once

/// Small pictures of a whole video, for the seek bar: one a segment, of its begin, put together on
/// sheets; and the WebVTT that says which is where (`#xywh`, W3C Media Fragments). Pure.

#include <streamforge/hls/presentation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sf::hls {

struct TileSize {
  std::uint32_t width = 0;  ///< Even, as the height.
  std::uint32_t height = 0;
  friend bool operator==(const TileSize&, const TileSize&) = default;
};

inline constexpr std::uint32_t kTileSideMax = 160;
inline constexpr std::uint32_t kTilesAcross = 10;
inline constexpr std::uint32_t kTilesOnSheet = 100;
inline constexpr std::string_view kStoryboardName = "storyboard.vtt";
inline constexpr std::string_view kPosterName = "poster.jpg";

/// A picture scaled to fit a square of kTileSideMax.
[[nodiscard]] TileSize tile_size(std::uint32_t width, std::uint32_t height) noexcept;
/// Sheets of a video of so many segments, and the tiles on one of them.
[[nodiscard]] std::uint32_t sheet_count(std::uint32_t segments) noexcept;
[[nodiscard]] std::uint32_t tiles_on(std::uint32_t sheet, std::uint32_t segments) noexcept;
/// "storyboard/3.jpg", and its number; nullopt for what is no "3.jpg".
[[nodiscard]] std::string sheet_name(std::uint32_t sheet);
[[nodiscard]] std::optional<std::uint32_t> sheet_number(std::string_view file_name);

/// Its URIs are relative to its own; `uri_suffix` goes behind each, before the fragment. Only the
/// header when there is no picture.
[[nodiscard]] std::string storyboard(const Presentation& presentation,
                                     std::string_view uri_suffix = {});

}  // namespace sf::hls

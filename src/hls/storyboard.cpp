#include <streamforge/hls/storyboard.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/webvtt.hpp>

#include <algorithm>

namespace sf::hls {
namespace {

constexpr std::string_view kSheetEnding = ".jpg";

std::uint32_t even(std::uint64_t length) {
  return std::max<std::uint32_t>(2, static_cast<std::uint32_t>(length / 2 * 2));
}

}  // namespace

TileSize tile_size(std::uint32_t width, std::uint32_t height) noexcept {
  const std::uint64_t longer = std::max({width, height, 1U});
  if (longer <= kTileSideMax) return {even(width), even(height)};
  return {even((std::uint64_t{width} * kTileSideMax + longer / 2) / longer),
          even((std::uint64_t{height} * kTileSideMax + longer / 2) / longer)};
}

std::uint32_t sheet_count(std::uint32_t segments) noexcept {
  return (segments + kTilesOnSheet - 1) / kTilesOnSheet;
}

std::uint32_t tiles_on(std::uint32_t sheet, std::uint32_t segments) noexcept {
  const std::uint64_t first = std::uint64_t{sheet} * kTilesOnSheet;
  if (first >= segments) return 0;
  return std::min<std::uint32_t>(kTilesOnSheet, segments - static_cast<std::uint32_t>(first));
}

std::string sheet_name(std::uint32_t sheet) { return concat("storyboard/", sheet, kSheetEnding); }

std::optional<std::uint32_t> sheet_number(std::string_view file_name) {
  if (!file_name.ends_with(kSheetEnding)) return std::nullopt;
  return segment_number(concat(file_name.substr(0, file_name.size() - kSheetEnding.size()), ".ts"));
}

std::string storyboard(const Presentation& presentation, std::string_view uri_suffix) {
  std::string out = "WEBVTT\n";
  if (presentation.video.empty()) return out;
  const VideoTrack& smallest = presentation.video.back();
  const TileSize size = tile_size(smallest.width, smallest.height);
  std::uint32_t number = 0;
  for (const SegmentSpan& span : presentation.timeline.video) {
    const std::uint32_t place = number % kTilesOnSheet;
    out += concat('\n', webvtt_time(span.begin_ticks), " --> ", webvtt_time(span.end_ticks), '\n',
                  sheet_name(number / kTilesOnSheet), uri_suffix,
                  "#xywh=", place % kTilesAcross * size.width, ',',
                  place / kTilesAcross * size.height, ',', size.width, ',', size.height, '\n');
    ++number;
  }
  return out;
}

}  // namespace sf::hls

#include <streamforge/hls/webvtt.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/playlist.hpp>

#include <algorithm>
#include <cstdio>

namespace sf::hls {
namespace {

constexpr std::string_view kEnding = ".vtt";
constexpr std::int64_t kTicksPerMs = kTicksPerSecond / 1000;

}  // namespace

std::string webvtt_time(std::int64_t ticks) {
  const auto ms = static_cast<long long>((ticks + kTicksPerMs / 2) / kTicksPerMs);
  char text[40];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld.%03lld", ms / 3'600'000, ms / 60'000 % 60,
                ms / 1'000 % 60, ms % 1'000);
  return text;
}

std::string webvtt_file(std::span<const Cue> cues) {
  std::string out = concat("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:", kZeroPts, ",LOCAL:00:00:00.000\n\n");
  for (const Cue& cue : cues) {
    // A cue that rounds to nothing would be none.
    const std::int64_t end = std::max(cue.end_ticks, cue.begin_ticks + kTicksPerMs);
    out += concat(webvtt_time(cue.begin_ticks), " --> ", webvtt_time(end),
                  cue.at_top ? " line:0" : "", '\n', cue.text, "\n\n");
  }
  return out;
}

std::string subtitle_segment_name(std::uint32_t number) { return concat(number, kEnding); }

std::optional<std::uint32_t> subtitle_segment_number(std::string_view file_name) {
  if (!file_name.ends_with(kEnding)) return std::nullopt;
  file_name.remove_suffix(kEnding.size());
  return segment_number(concat(file_name, ".ts"));
}

}  // namespace sf::hls

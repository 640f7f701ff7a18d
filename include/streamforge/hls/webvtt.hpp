#pragma once

/// Subtitles as WebVTT segments of a timeline (RFC 8216 section 3.5). Pure: values in, text out;
/// any thread; nothing here fails.

#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sf::hls {

/// What is shown from `begin_ticks` to `end_ticks`.
struct Cue {
  std::int64_t begin_ticks = 0;
  std::int64_t end_ticks = 0;
  /// Of a WebVTT cue: `&`, `<` and `>` escaped, tags closed, no line empty (W3C WebVTT
  /// section 4.2).
  std::string text;
  bool at_top = false;  ///< Above the picture's middle; else at its bottom.
};

/// "00:01:02.345"; hours may have more than two digits.
[[nodiscard]] std::string webvtt_time(std::int64_t ticks);

/// A whole file: header, X-TIMESTAMP-MAP, then `cues` as they come. An empty line ends each, so
/// that files read as one text, which libav does with a list of them, hold their own cues and no
/// other.
[[nodiscard]] std::string webvtt_file(std::span<const Cue> cues);

/// "12.vtt", and its number; nullopt for anything else, leading zeros included.
[[nodiscard]] std::string subtitle_segment_name(std::uint32_t number);
[[nodiscard]] std::optional<std::uint32_t> subtitle_segment_number(std::string_view file_name);

}  // namespace sf::hls

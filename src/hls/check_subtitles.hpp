#pragma once

/// A subtitle rendition, for a check. Pure.

#include "check_rows.hpp"

#include <streamforge/hls/timeline.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::hls {

/// What a file of WebVTT says (W3C WebVTT section 4, RFC 8216 section 3.5), as far as it is looked
/// at here.
struct VttScan {
  std::vector<std::string> faults;
  bool mapped = false;            ///< X-TIMESTAMP-MAP is there.
  std::int64_t shift_ticks = 0;   ///< By it: from a cue's times to PTS.
  std::vector<SegmentSpan> cues;  ///< In its own times.
};
[[nodiscard]] VttScan scan_webvtt(std::string_view text);

/// Reads the list and every segment (P13, P34). `first_pts`: of the picture, or the sound where
/// there is none; nullopt: not known. `seconds`: how long that lasts.
void check_subtitles(const std::string& uri, const Fetch& fetch, Rows& rows,
                     std::optional<std::int64_t> first_pts, double seconds);

}  // namespace sf::hls

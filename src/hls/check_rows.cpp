#include "check_rows.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::hls {
namespace {

struct Row {
  std::string_view title;
  bool must = true;
};
// In words of their own; the rows themselves are in docs/protocols/hls.md.
constexpr std::array<Row, kRowsMax> kRows{
    Row{"playlists begin with #EXTM3U, are clean UTF-8, and are named or typed as playlists"},
    Row{"every variant says BANDWIDTH, AVERAGE-BANDWIDTH, CODECS, RESOLUTION, FRAME-RATE"},
    Row{"declared rates are within 10 % of the measured ones"},
    Row{"the peak is that of runs of 0.5 to 1.5 target durations"},
    Row{"BANDWIDTH counts the audio, and AVERAGE-BANDWIDTH is not above it"},
    Row{"while it grows: peak under 125 %, average under 110 % of what is declared"},
    Row{"CODECS is what is in the segments"},
    Row{"segments are independent, and the playlist says so"},
    Row{"there are I-frame playlists", false},
    Row{"renditions have LANGUAGE and unique NAMEs, and audio covers everything"},
    Row{"audio is a rendition of its own", false},
    Row{"CLOSED-CAPTIONS is NONE on all variants or on none"},
    Row{"subtitles are WebVTT with X-TIMESTAMP-MAP"},
    Row{"VIDEO-RANGE and SCORE are on all variants or on none"},
    Row{"several bit rates, one aspect ratio, the first near 2 Mbit/s", false},
    Row{"bit rates are near the reference", false},
    Row{"EXT-X-VERSION comes at most once and is high enough"},
    Row{"sizes are even"},
    Row{"no segment is longer than the target, which all lists share"},
    Row{"durations are those of the media"},
    Row{"every segment begins with an IDR picture"},
    Row{"IDR pictures come every 2 s, at the same times in all variants", false},
    Row{"segments of all variants begin at the same times"},
    Row{"MPEG-TS: tables first, one program, counters run on"},
    Row{"fMP4: EXT-X-MAP is there"},
    Row{"EXT-X-DISCONTINUITY is where stamps leap, and nowhere else"},
    Row{"media sequence numbers begin at 0"},
    Row{"VOD is ended, EVENT is not before all is there"},
    Row{"byte ranges are answered whole"},
    Row{"EXT-X-PROGRAM-DATE-TIME is on all lists or on none"},
    Row{"at most 60 frames a second"},
    Row{"nothing is redirected"},
    Row{"a list that grows keeps what it said"},
    Row{"what is listed is there, and stays the same"},
    Row{"a list that grows does so in time"},
    Row{"the multivariant playlist is there once all its lists have segments"},
    Row{"an EVENT list is played from its begin"},
    Row{"the length to come is told elsewhere"},
    Row{"an EVENT list ends as one"},
    Row{"all is listed before it is made"},
    Row{"content types are right"},
    Row{"playlists are compressed, segments are not"},
    Row{"segments may be kept for long, growing lists may not"},
    Row{"other sites may read answers"},
    Row{"TLS", false}};

}  // namespace

Rows::Rows() = default;

void Rows::holds(unsigned row) { rows_[row].looked_at = true; }

void Rows::breaks(unsigned row, std::string why) {
  State& state = rows_[row];
  state.looked_at = true;
  if (state.faults++ == 0) state.detail = std::move(why);
}

void Rows::expect(unsigned row, bool good, std::string_view why) {
  if (good) {
    holds(row);
  } else {
    breaks(row, std::string(why));
  }
}

void Rows::not_seen(unsigned row, std::string why) {
  if (!rows_[row].looked_at) rows_[row].detail = std::move(why);
}

std::vector<CheckedRow> Rows::take() && {
  std::vector<CheckedRow> out;
  for (unsigned number = 1; number <= kRowsMax; ++number) {
    State& state = rows_[number];
    CheckedRow row;
    row.number = number;
    row.title = kRows[number - 1].title;
    if (state.faults > 0) {
      row.verdict = kRows[number - 1].must ? RowVerdict::kBroken : RowVerdict::kNotFollowed;
    } else if (state.looked_at) {
      row.verdict = RowVerdict::kHolds;
      state.detail.clear();
    } else if (state.detail.empty()) {
      state.detail = "does not apply here";
    }
    row.detail = std::move(state.detail);
    if (state.faults > 1) row.detail += concat(" (and ", state.faults - 1, " more)");
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace sf::hls

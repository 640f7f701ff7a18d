#include "check_subtitles.hpp"

#include <streamforge/base/bytes.hpp>

#include "check_track.hpp"

#include <algorithm>
#include <cmath>

namespace sf::hls {
namespace {

constexpr std::string_view kArrow = "-->";
constexpr std::string_view kMap = "X-TIMESTAMP-MAP=";
// Segments are cut where the picture is; a cue may be rounded to a millisecond.
constexpr std::int64_t kSlackTicks = kTicksPerSecond / 2;
constexpr std::int64_t kPtsWrap = std::int64_t{1} << 33;

// "00:01:02.345" or "01:02.345".
std::optional<std::int64_t> read_time(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos || text.size() - dot != 4) return std::nullopt;
  std::int64_t seconds = 0;
  const auto parts = split(text.substr(0, dot), ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  for (const std::string_view part : parts) {
    const auto number = parse_decimal(part, 100'000);
    if (!number || part.size() < 2) return std::nullopt;
    seconds = seconds * 60 + static_cast<std::int64_t>(*number);
  }
  const auto ms = parse_decimal(text.substr(dot + 1));
  if (!ms) return std::nullopt;
  return seconds * kTicksPerSecond + static_cast<std::int64_t>(*ms) * (kTicksPerSecond / 1000);
}

// "00:00:01.000 --> 00:00:03.000 line:0".
std::optional<SegmentSpan> read_times(std::string_view line) {
  const auto arrow = line.find(kArrow);
  std::string_view end_text = trim(line.substr(arrow + kArrow.size()));
  end_text = end_text.substr(0, end_text.find_first_of(" \t"));
  const auto begin = read_time(trim(line.substr(0, arrow)));
  const auto end = read_time(end_text);
  if (!begin || !end || *end <= *begin) return std::nullopt;
  return SegmentSpan{*begin, *end};
}

bool read_map(std::string_view line, VttScan& scan) {
  std::optional<std::uint64_t> mpegts;
  std::optional<std::int64_t> local;
  for (const std::string_view part : split(line.substr(kMap.size()), ',')) {
    if (part.starts_with("MPEGTS:")) mpegts = parse_decimal(part.substr(7), kPtsWrap - 1);
    if (part.starts_with("LOCAL:")) local = read_time(part.substr(6));
  }
  if (!mpegts || !local) return false;
  scan.shift_ticks = static_cast<std::int64_t>(*mpegts) - *local;
  return true;
}

}  // namespace

VttScan scan_webvtt(std::string_view text) {
  VttScan scan;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  bool header = true;
  bool first = true;
  for (std::string_view line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (first && line != "WEBVTT" && !line.starts_with("WEBVTT ") &&
        !line.starts_with("WEBVTT\t")) {
      scan.faults.emplace_back("is no WebVTT: it does not begin with a line WEBVTT");
      return scan;
    }
    first = false;
    header = header && !line.empty();
    if (header && line.starts_with(kMap)) {
      scan.mapped = true;
      if (!read_map(line, scan))
        scan.faults.emplace_back("has an X-TIMESTAMP-MAP that says nothing");
    } else if (line.find(kArrow) != std::string_view::npos) {
      const auto times = read_times(line);
      if (times) {
        scan.cues.push_back(*times);
      } else {
        scan.faults.push_back(concat("has a cue without times: ", line.substr(0, 60)));
      }
    }
  }
  return scan;
}

void check_subtitles(const std::string& uri, const Fetch& fetch, Rows& rows,
                     std::optional<std::int64_t> first_pts, double seconds) {
  const auto list = fetch_list(uri, fetch, rows);
  if (!list) return;
  rows.expect(13, list->seconds() >= seconds - 0.5,
              concat(short_name(uri), " ends before the picture"));
  double at = 0;
  for (const ListedSegment& segment : list->segments) {
    const auto begin = static_cast<std::int64_t>(at * kTicksPerSecond);
    at += segment.seconds;
    const auto end = static_cast<std::int64_t>(at * kTicksPerSecond);
    const std::string file = resolve_uri(uri, segment.uri);
    const std::string name = short_name(file);
    const auto answer = fetch(file, false);
    const bool there = answer && answer->status == 200;
    rows.expect(34, there, concat(name, " cannot be had"));
    if (!there) continue;
    check_headers(file, *answer, Kind::kSubtitle, rows);
    const VttScan scan = scan_webvtt(answer->body);
    for (const std::string& fault : scan.faults) rows.breaks(13, concat(name, ' ', fault));
    rows.expect(13, scan.mapped || !scan.faults.empty(), concat(name, " has no X-TIMESTAMP-MAP"));
    for (const SegmentSpan& cue : scan.cues) {
      if (!first_pts || !scan.mapped) break;
      const std::int64_t shift = scan.shift_ticks - *first_pts;
      const bool touches = cue.begin_ticks + shift < end + kSlackTicks &&
                           cue.end_ticks + shift > begin - kSlackTicks;
      rows.expect(
          13, touches,
          concat(name, " has a cue that is shown outside of it, at ",
                 std::to_string(static_cast<double>(cue.begin_ticks + shift) / kTicksPerSecond),
                 " s"));
    }
  }
}

}  // namespace sf::hls

#include "check_track.hpp"

#include <streamforge/base/bytes.hpp>

#include "ts_scan.hpp"

#include <algorithm>
#include <cmath>

namespace sf::hls {
namespace {

constexpr std::int64_t kWrap = std::int64_t{1} << 33;
constexpr std::string_view kPlaylistType = "application/vnd.apple.mpegurl";

std::string_view media_type(std::string_view content_type) {
  return trim(content_type.substr(0, content_type.find(';')));
}

std::int64_t ticks_of(double seconds) {
  return std::llround(seconds * static_cast<double>(kTicksPerSecond));
}

// A stamp near the one before, whatever the 33 bits did.
std::int64_t near(std::int64_t stamp, std::int64_t before) {
  while (stamp < before - kWrap / 2) stamp += kWrap;
  while (stamp > before + kWrap / 2) stamp -= kWrap;
  return stamp;
}

/// The segments of one list, one after the other.
class TrackCheck {
 public:
  TrackCheck(CheckedTrack& track, const Fetch& fetch, Rows& rows)
      : track_(track), fetch_(fetch), rows_(rows) {}

  void run() {
    check_list();
    for (std::size_t i = 0; i < track_.list.segments.size(); ++i) segment(i);
    finish();
  }

 private:
  void check_list() {
    const M3u8& list = track_.list;
    const std::string name = short_name(track_.uri);
    rows_.expect(19, list.target_seconds.has_value(), concat(name, " has no TARGETDURATION"));
    for (const ListedSegment& segment : list.segments) {
      if (segment.seconds <= 0) rows_.breaks(20, concat(name, ": an EXTINF of 0"));
      const double target = list.target_seconds.value_or(0);
      const bool fits = std::round(segment.seconds) <= target && segment.seconds <= target + 0.5;
      rows_.expect(19, fits, concat(name, ": ", segment.uri, " lasts longer than the target"));
    }
    rows_.expect(27, list.sequence == 0, concat(name, " begins at ", list.sequence));
    if (list.type == "VOD") {
      rows_.expect(28, list.ended, concat(name, " is VOD but has no ENDLIST"));
    } else if (list.type == "EVENT") {
      rows_.holds(28);
      rows_.expect(37, list.start_seconds == 0.0, concat(name, " has no EXT-X-START at 0"));
      if (list.ended) rows_.holds(39);
    } else {
      rows_.expect(28, !list.ended, concat(name, " is ended, but of no PLAYLIST-TYPE"));
    }
    unsigned needed = list.decimals ? 3 : 1;
    const auto ranged = [](const ListedSegment& segment) { return segment.range.has_value(); };
    if (list.i_frames_only || std::ranges::any_of(list.segments, ranged)) needed = 4;
    if (list.has_map) needed = list.i_frames_only ? 5 : 6;
    const unsigned said = list.versions.empty() ? 1 : list.versions.front();
    rows_.expect(17, list.versions.size() <= 1, concat(name, " says EXT-X-VERSION twice"));
    rows_.expect(17, said >= needed, concat(name, " says version ", said, ", uses ", needed));
  }

  void segment(std::size_t index) {
    const ListedSegment& listed = track_.list.segments[index];
    const std::string uri = resolve_uri(track_.uri, listed.uri);
    auto answer = fetch_(uri, false);
    if (!answer || answer->status != 200) {
      const std::string why = answer ? concat("status ", answer->status) : answer.error().message;
      rows_.breaks(34, concat(short_name(uri), ": ", why));
      track_.sizes.push_back({0, static_cast<std::uint64_t>(ticks_of(listed.seconds))});
      previous_.reset();
      return;
    }
    rows_.holds(34);
    check_headers(uri, *answer, Kind::kSegment, rows_);
    ByteSpan bytes = as_bytes(answer->body);
    if (listed.range) {
      const bool inside = listed.range->offset <= bytes.size() &&
                          listed.range->bytes <= bytes.size() - listed.range->offset;
      rows_.expect(29, inside, concat(short_name(uri), " is shorter than its byte range"));
      if (!inside) return;
      bytes = bytes.subspan(listed.range->offset, listed.range->bytes);
    }
    track_.sizes.push_back({bytes.size(), static_cast<std::uint64_t>(ticks_of(listed.seconds))});
    if (bytes.empty() || bytes[0] != std::byte{0x47}) {
      other_kind(uri, bytes);
      return;
    }
    transport_stream(index, uri, bytes);
  }

  void other_kind(const std::string& uri, ByteSpan bytes) {
    previous_.reset();
    const std::string_view text = as_text(bytes);
    const std::string_view box = text.size() > 8 ? text.substr(4, 4) : std::string_view();
    if (box == "styp" || box == "moof" || box == "sidx") {
      rows_.expect(25, track_.list.has_map,
                   concat(short_name(uri), " is fMP4 in a list without EXT-X-MAP"));
      rows_.not_seen(20, "fMP4 is not looked into");
      rows_.not_seen(21, "fMP4 is not looked into");
    } else {
      rows_.breaks(24, concat(short_name(uri), " is neither MPEG-TS nor fMP4"));
    }
  }

  void transport_stream(std::size_t index, const std::string& uri, ByteSpan bytes) {
    track_.ts = true;
    const TsScan scan =
        scan_ts({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    const std::string name = short_name(uri);
    rows_.holds(24);
    for (const std::string& fault : scan.faults) rows_.breaks(24, concat(name, ": ", fault));
    const TsTrack* video = scan.video();
    const TsTrack* timed = video != nullptr ? video : scan.audio();
    track_.video = track_.video || video != nullptr;
    track_.audio = track_.audio || scan.audio() != nullptr;
    if (timed == nullptr || timed->pts.empty()) {
      rows_.breaks(24, concat(name, " holds no picture and no sound with a time"));
      previous_.reset();
      return;
    }
    if (video != nullptr) pictures(*video, name);
    join(index, scan, *timed, name);
  }

  void pictures(const TsTrack& video, const std::string& name) {
    if (video.type == 0x1b) {
      rows_.expect(21, video.begins_with_idr,
                   concat(name, " does not begin with SPS, PPS and an IDR picture"));
      rows_.expect(8, video.begins_with_idr, concat(name, " cannot be played alone"));
      if (!track_.profile) track_.profile = video.profile;
    } else {
      rows_.not_seen(21, "H.265 is not looked into");
    }
    frames_ += video.pts.size();
  }

  // How this segment goes on from the one before.
  void join(std::size_t index, const TsScan& scan, const TsTrack& timed, const std::string& name) {
    const ListedSegment& listed = track_.list.segments[index];
    const std::int64_t first = *std::ranges::min_element(timed.pts);
    const std::int64_t begin = previous_ ? near(first, previous_->begin) : first;
    for (const std::int64_t idr : timed.idrs) track_.idrs.push_back(near(idr, begin));
    if (timed.pts.size() > 1) {
      std::vector<std::int64_t> sorted = timed.pts;
      std::ranges::sort(sorted);
      frame_ticks_ =
          (sorted.back() - sorted.front()) / static_cast<std::int64_t>(sorted.size() - 1);
    }
    if (previous_ && !listed.discontinuity) {
      const std::int64_t lasted = begin - previous_->begin;
      const std::int64_t said = ticks_of(track_.list.segments[index - 1].seconds);
      const std::int64_t frame = std::max<std::int64_t>(frame_ticks_, kTicksPerSecond / 40);
      rows_.expect(20, std::abs(lasted - said) <= frame,
                   concat(name, ": EXTINF before it says ", said, " ticks, the media ", lasted));
      drift_ += lasted - said;
      rows_.expect(20, std::abs(drift_) <= frame, concat(name, ": the sum of EXTINF has drifted"));
      rows_.expect(26, std::abs(lasted - said) <= kTicksPerSecond,
                   concat(name, " leaps without EXT-X-DISCONTINUITY"));
      for (const auto& [pid, counters] : scan.counters) {
        const auto before = previous_->counters.find(pid);
        if (before == previous_->counters.end()) continue;
        rows_.expect(24, counters.first == ((before->second.second + 1) & 0x0f),
                     concat(name, ": the counter of PID ", unsigned{pid}, " does not run on"));
      }
    } else if (previous_) {
      rows_.holds(26);
      drift_ = 0;
    }
    track_.begins.push_back(begin);
    previous_ = Previous{begin, scan.counters};
  }

  void finish() {
    track_.rates = measure_rates(track_.sizes, track_.list.target_seconds.value_or(6));
    const double seconds = track_.list.seconds();
    if (frames_ > 0 && seconds > 0 && track_.begins.size() == track_.list.segments.size()) {
      track_.frames_per_second = static_cast<double>(frames_) / seconds;
      rows_.expect(31, track_.frames_per_second < 60.5,
                   concat(short_name(track_.uri), " has more than 60 frames a second"));
    }
  }

  struct Previous {
    std::int64_t begin = 0;
    std::map<std::uint16_t, std::pair<unsigned, unsigned>> counters;
  };
  CheckedTrack& track_;
  const Fetch& fetch_;
  Rows& rows_;
  std::optional<Previous> previous_;
  std::int64_t frame_ticks_ = 0;
  std::int64_t drift_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace

std::string short_name(std::string_view uri) {
  uri = uri.substr(0, uri.find('?'));
  const auto slash = uri.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return std::string(uri);
  const auto folder = uri.rfind('/', slash - 1);
  return std::string(folder == std::string_view::npos ? uri : uri.substr(folder + 1));
}

void check_headers(const std::string& uri, const Fetched& answer, Kind kind, Rows& rows) {
  if (!answer.headers) return;
  const std::string name = short_name(uri);
  rows.expect(32, answer.status < 300 || answer.status >= 400, concat(name, " is redirected"));
  rows.expect(44, !answer.allow_origin.empty(),
              concat(name, " is answered without Access-Control-Allow-Origin"));
  const std::string_view type = media_type(answer.content_type);
  const bool good = kind == Kind::kPlaylist ? equals_ignoring_case(type, kPlaylistType) ||
                                                  equals_ignoring_case(type, "audio/mpegurl")
                    : kind == Kind::kSegment
                        ? type == "video/mp2t" || type == "video/mp4" || type == "audio/mp4" ||
                              type == "video/iso.segment" || type == "audio/aac"
                        : type == "text/vtt";
  rows.expect(41, good, concat(name, " is served as \"", answer.content_type, '"'));
  if (kind == Kind::kSegment) {
    rows.expect(42, answer.content_encoding.empty(), concat(name, " is compressed"));
    const bool is_private = answer.cache_control.find("private") != std::string::npos;
    const auto age_at = answer.cache_control.find("max-age=");
    std::uint64_t age = 0;
    if (age_at != std::string::npos) {
      const std::string_view rest = std::string_view(answer.cache_control).substr(age_at + 8);
      age = parse_decimal(rest.substr(0, rest.find_first_not_of("0123456789"))).value_or(0);
    }
    rows.expect(43, is_private || age >= 3'600,
                concat(name, " may not be kept: Cache-Control \"", answer.cache_control, '"'));
  }
}

std::optional<M3u8> fetch_list(const std::string& uri, const Fetch& fetch, Rows& rows,
                               std::string* text) {
  const std::string name = short_name(uri);
  auto answer = fetch(uri, false);
  if (!answer || answer->status != 200) {
    const std::string why = answer ? concat("status ", answer->status) : answer.error().message;
    rows.breaks(answer && answer->status >= 300 && answer->status < 400 ? 32 : 1,
                concat(name, ": ", why));
    return std::nullopt;
  }
  M3u8 list = read_m3u8(answer->body);
  rows.holds(1);
  for (const std::string& fault : list.faults) rows.breaks(1, concat(name, ": ", fault));
  const bool named = uri.substr(0, uri.find('?')).ends_with(".m3u8");
  const bool typed = equals_ignoring_case(media_type(answer->content_type), kPlaylistType);
  rows.expect(1, named || typed, concat(name, " is neither named nor typed as a playlist"));
  check_headers(uri, *answer, Kind::kPlaylist, rows);
  if (answer->headers) {
    auto compressed = fetch(uri, true);
    const bool gzip = compressed && equals_ignoring_case(compressed->content_encoding, "gzip");
    rows.expect(42, gzip, concat(name, " is not compressed for those who accept gzip"));
    if (gzip) {
      rows.expect(42, to_lower(compressed->vary).find("accept-encoding") != std::string::npos,
                  concat(name, " has no Vary: Accept-Encoding"));
    }
  }
  if (text != nullptr) *text = std::move(answer->body);
  return list;
}

std::optional<CheckedTrack> check_track(const std::string& uri, const Fetch& fetch, Rows& rows) {
  CheckedTrack track;
  track.uri = uri;
  auto list = fetch_list(uri, fetch, rows, &track.text);
  if (!list) return std::nullopt;
  track.list = std::move(*list);
  TrackCheck(track, fetch, rows).run();
  if (track.list.type != "VOD" && !track.list.ended) {
    std::string later;
    if (fetch_list(uri, fetch, rows, &later)) {
      rows.expect(33, later.starts_with(track.text),
                  concat(short_name(uri), " was changed, not only made longer"));
    }
  }
  return track;
}

}  // namespace sf::hls

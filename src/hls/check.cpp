#include <streamforge/hls/check.hpp>

#include <streamforge/base/bytes.hpp>

#include "check_subtitles.hpp"
#include "check_track.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace sf::hls {
namespace {

constexpr std::uint64_t kFirstVariantBps = 2'000'000;

struct Size {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
};

Size resolution(const Attributes& variant) {
  const std::string_view text = attribute(variant, "RESOLUTION");
  const auto x = text.find('x');
  if (x == std::string_view::npos) return {};
  return {parse_decimal(text.substr(0, x)).value_or(0),
          parse_decimal(text.substr(x + 1)).value_or(0)};
}

std::string codec_text(std::uint32_t profile) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "avc1.";
  for (int shift = 20; shift >= 0; shift -= 4) text += kDigits[profile >> shift & 0xfU];
  return text;
}

bool within(std::uint64_t declared, std::uint64_t measured, double share) {
  return std::abs(static_cast<double>(declared) - static_cast<double>(measured)) <=
         share * static_cast<double>(declared);
}

class StreamCheck {
 public:
  StreamCheck(std::string uri, const Fetch& fetch) : uri_(std::move(uri)), fetch_(fetch) {}

  std::vector<CheckedRow> run() {
    say_what_cannot_be_seen();
    auto list = fetch_list(uri_, fetch_, rows_);
    // It came over TLS, and who fetches for us speaks none older than 1.2.
    if (list && uri_.starts_with("https://")) rows_.holds(45);
    if (list && list->is_master()) {
      master_ = std::move(*list);
      check_master();
      fetch_tracks();
      check_rates();
      check_alignment();
      check_all_subtitles();
    } else if (list) {
      (void)check_track(uri_, fetch_, rows_);
      for (const unsigned row : {2U, 3U, 5U, 7U, 9U, 10U, 11U, 12U, 14U, 15U, 16U, 18U, 36U}) {
        rows_.not_seen(row, "this is a media playlist, not a multivariant one");
      }
    }
    return std::move(rows_).take();
  }

 private:
  struct Variant {
    const ListedVariant* listed = nullptr;
    const CheckedTrack* track = nullptr;
  };

  void say_what_cannot_be_seen() {
    for (const unsigned row : {32U, 41U, 42U, 43U, 44U}) {
      rows_.not_seen(row, "needs HTTP");
    }
    rows_.not_seen(35, "needs hours of looking");
    rows_.not_seen(38, "is the page's");
    rows_.not_seen(40, "cannot be told from what is there");
    rows_.not_seen(6, "nothing grows here");
    rows_.not_seen(33, "nothing grows here");
    rows_.not_seen(45, uri_.starts_with("http://") ? "this is plain HTTP" : "needs HTTP");
    if (uri_.starts_with("http://") && uri_.find("://127.") == std::string::npos &&
        uri_.find("://localhost") == std::string::npos) {
      rows_.breaks(45, "this is plain HTTP");
    }
  }

  void check_master() {
    std::set<std::string_view> captions;
    std::size_t ranges = 0;
    std::size_t scores = 0;
    for (const ListedVariant& variant : master_.variants) check_variant(variant);
    for (const ListedVariant& variant : master_.variants) {
      captions.insert(attribute(variant.attributes, "CLOSED-CAPTIONS"));
      ranges += variant.attributes.contains("VIDEO-RANGE") ? 1 : 0;
      scores += variant.attributes.contains("SCORE") ? 1 : 0;
    }
    const bool none = captions.contains("NONE");
    rows_.expect(12, !none || captions.size() == 1, "CLOSED-CAPTIONS is NONE on some variants");
    const std::size_t all = master_.variants.size();
    rows_.expect(14, ranges == 0 || ranges == all, "VIDEO-RANGE is on some variants only");
    rows_.expect(14, scores == 0 || scores == all, "SCORE is on some variants only");
    const unsigned said = master_.versions.empty() ? 1 : master_.versions.front();
    rows_.expect(17, master_.versions.size() <= 1, "EXT-X-VERSION comes twice");
    rows_.expect(17, said >= (master_.media.empty() ? 1U : 4U),
                 concat("the multivariant playlist says version ", said));
    check_i_frames();
    check_media_tags();
    check_choice();
  }

  void check_variant(const ListedVariant& variant) {
    const Attributes& has = variant.attributes;
    const bool pictures = has.contains("RESOLUTION");
    for (const std::string_view name : {"BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS"}) {
      rows_.expect(2, has.contains(name), concat(variant.uri, " has no ", name));
    }
    if (pictures || attribute(has, "CODECS").find("avc") != std::string_view::npos) {
      rows_.expect(2, pictures, concat(variant.uri, " has no RESOLUTION"));
      rows_.expect(2, has.contains("FRAME-RATE"), concat(variant.uri, " has no FRAME-RATE"));
      const Size size = resolution(has);
      rows_.expect(18, size.width % 2 == 0 && size.height % 2 == 0,
                   concat(variant.uri, " is of an odd size"));
    }
    if (has.contains("AVERAGE-BANDWIDTH")) {
      rows_.expect(5,
                   number_attribute(has, "AVERAGE-BANDWIDTH") <= number_attribute(has, "BANDWIDTH"),
                   concat(variant.uri, ": AVERAGE-BANDWIDTH is above BANDWIDTH"));
    }
  }

  void check_i_frames() {
    rows_.expect(9, !master_.i_frame_variants.empty(), "there are none");
    for (const Attributes& variant : master_.i_frame_variants) {
      const std::string uri = resolve_uri(uri_, attribute(variant, "URI"));
      const auto list = fetch_list(uri, fetch_, rows_);
      rows_.expect(9, list && list->i_frames_only,
                   concat(short_name(uri), " has no EXT-X-I-FRAMES-ONLY"));
      if (list) check_ranges(uri, *list);
    }
  }

  // P29: each range is there whole.
  void check_ranges(const std::string& uri, const M3u8& list) {
    std::map<std::string, std::size_t> sizes;
    for (const ListedSegment& segment : list.segments) {
      if (!segment.range) continue;
      const std::string file = resolve_uri(uri, segment.uri);
      auto known = sizes.find(file);
      if (known == sizes.end()) {
        const auto answer = fetch_(file, false);
        const bool there = answer && answer->status == 200;
        known = sizes.emplace(file, there ? answer->body.size() : 0).first;
      }
      rows_.expect(29, segment.range->offset + segment.range->bytes <= known->second,
                   concat(short_name(file), " is shorter than a byte range of it"));
    }
  }

  void check_media_tags() {
    std::set<std::pair<std::string_view, std::string_view>> names;
    for (const Attributes& media : master_.media) {
      const std::string_view type = attribute(media, "TYPE");
      const std::string_view name = attribute(media, "NAME");
      if (type != "VIDEO") {
        rows_.expect(10, media.contains("LANGUAGE"), concat("\"", name, "\" has no LANGUAGE"));
      }
      rows_.expect(10, names.emplace(attribute(media, "GROUP-ID"), name).second,
                   concat("NAME \"", name, "\" comes twice in its group"));
    }
    const auto is_audio = [](const Attributes& media) {
      return attribute(media, "TYPE") == "AUDIO" && media.contains("URI");
    };
    rows_.expect(11, std::ranges::any_of(master_.media, is_audio), "audio is in the variants");
  }

  // Where the picture's, or the sound's, segments are: subtitles are shown on the same clock.
  void check_all_subtitles() {
    const CheckedTrack* timed = variants_.empty() ? nullptr : variants_.front().track;
    const bool known = timed != nullptr && !timed->begins.empty();
    for (const Attributes& media : master_.media) {
      if (attribute(media, "TYPE") != "SUBTITLES") continue;
      check_subtitles(resolve_uri(uri_, attribute(media, "URI")), fetch_, rows_,
                      known ? std::optional(timed->begins.front()) : std::nullopt,
                      timed != nullptr ? timed->list.seconds() : 0);
    }
  }

  void check_choice() {
    std::set<std::uint64_t> rates;
    double aspect = 0;
    bool same = true;
    for (const ListedVariant& variant : master_.variants) {
      rates.insert(number_attribute(variant.attributes, "BANDWIDTH"));
      const Size size = resolution(variant.attributes);
      if (size.height == 0) continue;
      const double own = static_cast<double>(size.width) / static_cast<double>(size.height);
      if (aspect == 0) aspect = own;
      same = same && std::abs(own / aspect - 1) < 0.03;  // Sizes are rounded to even.
    }
    rows_.expect(15, rates.size() > 1, "there is one bit rate only");
    rows_.expect(15, same, "aspect ratios differ");
    const Attributes& first = master_.variants.front().attributes;
    const std::uint64_t average = std::max(number_attribute(first, "AVERAGE-BANDWIDTH"),
                                           number_attribute(first, "BANDWIDTH") / 2);
    rows_.expect(15, rates.size() == 1 || average <= 2 * kFirstVariantBps,
                 "the first variant is far above 2 Mbit/s");
    for (const ListedVariant& variant : master_.variants) {
      const Size size = resolution(variant.attributes);
      if (size.height == 0) continue;
      const double pixels = static_cast<double>(size.width * size.height);
      // Apple's reference: 6 Mbit/s for 1080p, less than in proportion below.
      const double reference = 7'800'000 * std::pow(pixels / (1920.0 * 1080.0), 0.75);
      const auto said = number_attribute(variant.attributes, "AVERAGE-BANDWIDTH");
      rows_.expect(16, static_cast<double>(said) < 2 * reference,
                   concat(variant.uri, " has ", said / 1'000, " kbit/s"));
    }
  }

  const CheckedTrack* track_of(const std::string& uri) {
    const auto known = tracks_.find(uri);
    if (known != tracks_.end()) return known->second ? &*known->second : nullptr;
    const auto& kept = tracks_.emplace(uri, check_track(uri, fetch_, rows_)).first->second;
    if (kept) rows_.expect(36, !kept->list.segments.empty(), concat(short_name(uri), " is empty"));
    return kept ? &*kept : nullptr;
  }

  void fetch_tracks() {
    bool all_independent = true;
    for (const ListedVariant& variant : master_.variants) {
      const CheckedTrack* track = track_of(resolve_uri(uri_, variant.uri));
      variants_.push_back({&variant, track});
      if (track != nullptr && track->video) {
        all_independent = all_independent && track->list.independent;
      }
    }
    rows_.expect(8, master_.independent || all_independent,
                 "EXT-X-INDEPENDENT-SEGMENTS is missing");
    for (const Attributes& media : master_.media) {
      if (attribute(media, "TYPE") != "AUDIO" || !media.contains("URI")) continue;
      const CheckedTrack* track = track_of(resolve_uri(uri_, attribute(media, "URI")));
      if (track != nullptr) groups_[std::string(attribute(media, "GROUP-ID"))].push_back(track);
    }
  }

  // P3 to P7, and FRAME-RATE of P2.
  void check_rates() {
    for (const Variant& variant : variants_) {
      if (variant.track == nullptr) continue;
      const Attributes& has = variant.listed->attributes;
      Rates rates = variant.track->rates;
      std::uint64_t peak = 0;
      std::uint64_t average = 0;
      const auto group = groups_.find(std::string(attribute(has, "AUDIO")));
      if (group != groups_.end()) {
        for (const CheckedTrack* audio : group->second) {
          if (audio == variant.track) continue;
          peak = std::max(peak, audio->rates.peak_bps);
          average = std::max(average, audio->rates.average_bps);
        }
      }
      rates.peak_bps += peak;
      rates.average_bps += average;
      compare_rates(*variant.listed, *variant.track, rates);
      check_codecs(*variant.listed, *variant.track);
      const std::string rate(attribute(has, "FRAME-RATE"));
      if (variant.track->frames_per_second > 0 && !rate.empty()) {
        const double said = std::strtod(rate.c_str(), nullptr);
        const double is = variant.track->frames_per_second;
        rows_.expect(2, std::abs(said - is) <= std::max(0.01, is / 50),
                     concat(variant.listed->uri, ": FRAME-RATE is ", rate, ", there are ",
                            std::to_string(is)));
      }
    }
  }

  void compare_rates(const ListedVariant& listed, const CheckedTrack& track, const Rates& rates) {
    const std::uint64_t peak = number_attribute(listed.attributes, "BANDWIDTH");
    const std::uint64_t average = number_attribute(listed.attributes, "AVERAGE-BANDWIDTH");
    const std::string is = concat(listed.uri, " declares ", peak, " and ", average, ", is ",
                                  rates.peak_bps, " and ", rates.average_bps);
    rows_.holds(4);
    if (track.list.ended) {
      rows_.expect(3, within(peak, rates.peak_bps, 0.1), is);
      if (average > 0) rows_.expect(3, within(average, rates.average_bps, 0.1), is);
    } else {
      rows_.expect(6, rates.peak_bps < peak + peak / 4, is);
      if (average > 0) rows_.expect(6, rates.average_bps < average + average / 10, is);
    }
    rows_.expect(5, rates.peak_bps <= peak + peak / 4, is);
  }

  void check_codecs(const ListedVariant& listed, const CheckedTrack& track) {
    const std::string said = to_lower(attribute(listed.attributes, "CODECS"));
    if (said.empty()) return;
    if (track.profile) {
      const std::string is = codec_text(*track.profile);
      rows_.expect(7, said.find(is) != std::string::npos,
                   concat(listed.uri, ": CODECS says ", said, ", the pictures are ", is));
    }
    if (track.ts && track.audio) {
      rows_.expect(7,
                   said.find("mp4a") != std::string::npos ||
                       said.find("ac-3") != std::string::npos ||
                       said.find("ec-3") != std::string::npos,
                   concat(listed.uri, ": CODECS does not name the sound"));
    }
    if (!track.ts) rows_.not_seen(7, "fMP4 is not looked into");
  }

  // P10, P19, P22, P23, P30: what lists have in common.
  void check_alignment() {
    const CheckedTrack* first = nullptr;
    std::set<unsigned> targets;
    std::set<bool> dated;
    for (const auto& [uri, track] : tracks_) {
      if (!track) continue;
      targets.insert(track->list.target_seconds.value_or(0));
      if (!track->list.segments.empty()) dated.insert(track->list.segments.front().dated);
    }
    rows_.expect(19, targets.size() <= 1, "lists have different target durations");
    rows_.expect(30, dated.size() <= 1, "some lists have dates");
    for (const Variant& variant : variants_) {
      if (variant.track == nullptr || !variant.track->video) continue;
      if (first == nullptr) first = variant.track;
      compare_tracks(*first, *variant.track);
    }
    if (first == nullptr) return;
    check_idr_spacing(*first);
    for (const auto& [group, tracks] : groups_) {
      for (const CheckedTrack* track : tracks) {
        rows_.expect(10, track->list.seconds() >= first->list.seconds() - 0.5,
                     concat(short_name(track->uri), " ends before the picture"));
      }
    }
  }

  void compare_tracks(const CheckedTrack& first, const CheckedTrack& other) {
    const std::string name = short_name(other.uri);
    rows_.expect(23, first.list.segments.size() == other.list.segments.size(),
                 concat(name, " has another number of segments"));
    rows_.expect(23, std::abs(first.list.seconds() - other.list.seconds()) < 0.1,
                 concat(name, " has another length"));
    const auto frame = static_cast<std::int64_t>(first.frames_per_second > 0
                                                     ? kTicksPerSecond / first.frames_per_second
                                                     : kTicksPerSecond / 25);
    const std::size_t count = std::min(first.begins.size(), other.begins.size());
    for (std::size_t i = 0; i < count; ++i) {
      rows_.expect(23, std::abs(first.begins[i] - other.begins[i]) <= frame,
                   concat(name, ": segment ", i, " begins at another time"));
      rows_.expect(23, first.list.segments[i].discontinuity == other.list.segments[i].discontinuity,
                   concat(name, ": another discontinuity at segment ", i));
    }
    rows_.expect(22, first.idrs == other.idrs, concat(name, " has IDR pictures at other times"));
  }

  void check_idr_spacing(const CheckedTrack& track) {
    for (std::size_t i = 1; i < track.idrs.size(); ++i) {
      rows_.expect(22, track.idrs[i] - track.idrs[i - 1] <= 3 * kTicksPerSecond,
                   concat(short_name(track.uri), " has IDR pictures ",
                          (track.idrs[i] - track.idrs[i - 1]) / kTicksPerSecond, " s apart"));
    }
  }

  const std::string uri_;
  const Fetch& fetch_;
  Rows rows_;
  M3u8 master_;
  std::map<std::string, std::optional<CheckedTrack>> tracks_;
  std::vector<Variant> variants_;
  std::map<std::string, std::vector<const CheckedTrack*>> groups_;
};

}  // namespace

std::vector<CheckedRow> check_stream(const std::string& uri, const Fetch& fetch) {
  return StreamCheck(uri, fetch).run();
}

}  // namespace sf::hls

#include <streamforge/hls/presentation.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/hls/playlist.hpp>
#include <streamforge/hls/webvtt.hpp>

#include <algorithm>
#include <set>

namespace sf::hls {
namespace {

constexpr std::string_view kAudioGroup = "audio";
constexpr std::string_view kAudioFolder = "audio/";
constexpr std::string_view kSubtitleGroup = "subtitles";
constexpr std::uint64_t kFirstVariantBps = 2'000'000;  // P15.
/// hls.js takes a line that it has not measured yet for as good as the first variant asks, up to
/// this; above, it looks for another one by itself.
constexpr std::uint64_t kBelievedBps = 5'000'000;
constexpr std::uint64_t kSchema = 1;

// MPEG-TS costs 4 of 188 bytes and PES headers; PAT, PMT and media are each padded to a multiple of
// 16 packets a segment, at most 9 KB in 4 s. (In the first segments, which are shorter, that is
// within the quarter by which P6 may be passed.)
std::uint64_t with_container(std::uint64_t codec_bps) {
  return codec_bps + codec_bps * 6 / 100 + 20'000;
}

template <class Tracks>
auto* find_track(Tracks& tracks, std::string_view name) {
  const auto found = std::ranges::find(
      tracks, name, [](const auto& track) -> std::string_view { return track.name; });
  return found == tracks.end() ? nullptr : &*found;
}

std::optional<std::string_view> audio_name(std::string_view track) {
  if (!track.starts_with(kAudioFolder)) return std::nullopt;
  return track.substr(kAudioFolder.size());
}

std::optional<std::string_view> subtitle_name(std::string_view track) {
  if (!track.starts_with(kSubtitleFolder)) return std::nullopt;
  return track.substr(kSubtitleFolder.size());
}

struct GroupRates {
  std::uint64_t peak_bps = 0;
  std::uint64_t average_bps = 0;
};

GroupRates worst_of(const std::vector<AudioTrack>& audio) {
  GroupRates worst;
  for (const auto& track : audio) {
    worst.peak_bps = std::max(worst.peak_bps, track.rates.declared_peak_bps());
    worst.average_bps = std::max(worst.average_bps, track.rates.declared_average_bps());
  }
  return worst;
}

// Each codec once, in order of first use: "avc1.640028,mp4a.40.2".
std::string joined_codecs(std::string_view video, const std::vector<AudioTrack>& audio) {
  std::string joined(video);
  std::set<std::string_view> seen;
  for (const auto& track : audio) {
    if (track.codecs.empty() || !seen.insert(track.codecs).second) continue;
    if (!joined.empty()) joined += ',';
    joined += track.codecs;
  }
  return joined;
}

/// Where the lists of a presentation are.
struct Uris {
  bool growing;
  std::string_view suffix;

  [[nodiscard]] std::string of(std::string_view folder) const {
    return concat(folder, growing ? "/live.m3u8" : "/index.m3u8", suffix);
  }
};

// NAME must be unique in its group and there must be one (P10).
template <class Track>
std::string unique_label(const Track& track, std::string_view kind, std::set<std::string>& used) {
  std::string label = track.label;
  if (label.empty()) {
    label = track.language == "und" ? concat(kind, ' ', track.name) : track.language;
  }
  std::string candidate = label;
  for (unsigned n = 2; !used.insert(candidate).second; ++n) candidate = concat(label, " (", n, ')');
  return candidate;
}

void add_audio_group(MasterPlaylist& master, const std::vector<AudioTrack>& audio,
                     const Uris& uris) {
  std::set<std::string> used;
  for (const auto& track : audio) {
    Media media;
    media.type = "AUDIO";
    media.group = kAudioGroup;
    media.name = unique_label(track, "Audio", used);
    media.language = track.language;
    media.uri = uris.of(concat(kAudioFolder, track.name));
    media.is_default = &track == &audio.front();
    media.channels = track.channels;
    master.media.push_back(std::move(media));
  }
}

void add_subtitle_group(MasterPlaylist& master, const std::vector<SubtitleTrack>& tracks,
                        const Uris& uris) {
  if (tracks.empty()) return;
  std::set<std::string> used;
  // RFC 8216 section 4.3.4.1.1: at most one default; what is chosen for a person is told apart.
  std::set<std::string> choices;
  const auto first = std::ranges::find(tracks, true, &SubtitleTrack::is_default);
  for (auto track = tracks.begin(); track != tracks.end(); ++track) {
    Media media;
    media.type = "SUBTITLES";
    media.group = kSubtitleGroup;
    media.name = unique_label(*track, "Subtitles", used);
    media.language = track->language;
    media.uri = uris.of(concat(kSubtitleFolder, track->name));
    media.is_default = track == first;
    media.forced = track->forced;
    if (track->hearing_impaired) {  // P13.
      media.characteristics =
          "public.accessibility.transcribes-spoken-dialog,"
          "public.accessibility.describes-music-and-sound";
    }
    const bool chosen_first =
        choices.insert(concat(track->language, media.forced ? "/f" : "/", media.characteristics))
            .second;
    media.autoselect = chosen_first;
    master.media.push_back(std::move(media));
  }
  for (Variant& variant : master.variants) variant.subtitle_group = kSubtitleGroup;
}

void add_audio_variants(MasterPlaylist& master, const std::vector<AudioTrack>& audio,
                        const Uris& uris) {
  if (audio.empty()) return;
  // Tracks are choices of a menu, not qualities: one variant, and a group when there is a choice.
  const GroupRates worst = worst_of(audio);
  Variant variant;
  variant.uri = uris.of(concat(kAudioFolder, audio.front().name));
  variant.bandwidth = worst.peak_bps;
  variant.average_bandwidth = std::min(worst.average_bps, worst.peak_bps);
  variant.codecs = joined_codecs({}, audio);
  if (audio.size() > 1) {
    variant.audio_group = kAudioGroup;
    add_audio_group(master, audio, uris);
  }
  master.variants.push_back(std::move(variant));
}

std::optional<std::vector<MediaSegment>> segments_of(const Presentation& presentation,
                                                     std::string_view track,
                                                     std::string_view uri_suffix) {
  if (!presentation.segment_count(track)) return std::nullopt;
  const auto& spans = presentation.spans_of(track);
  const bool text = subtitle_name(track).has_value();
  std::vector<MediaSegment> segments;
  segments.reserve(spans.size());
  for (std::uint32_t number = 0; number < spans.size(); ++number) {
    MediaSegment& segment = segments.emplace_back();
    segment.uri = concat(text ? subtitle_segment_name(number) : segment_name(number), uri_suffix);
    segment.duration_ticks = spans[number].duration_ticks();
  }
  return segments;
}

void add_i_frame_variants(MasterPlaylist& master, const std::vector<VideoTrack>& tracks,
                          std::string_view suffix) {
  for (const auto& track : tracks) {
    if (track.i_frame_bps == 0) continue;
    master.i_frames.push_back({concat(track.name, '/', kIFrameListName, suffix), track.i_frame_bps,
                               track.codecs, track.width, track.height});
  }
}

void write_spans(json::Writer& out, std::string_view key, const std::vector<SegmentSpan>& spans) {
  // Begin, then durations: spans are contiguous.
  out.key(key).begin_array();
  if (!spans.empty()) out.value(spans.front().begin_ticks);
  for (const auto& span : spans) out.value(span.duration_ticks());
  out.end_array();
}

Result<std::vector<SegmentSpan>> read_spans(const json::Value& object, std::string_view key) {
  std::vector<SegmentSpan> spans;
  const json::Value* list = object.find(key);
  if (!list || !list->is_array()) {
    return fail(ErrorCode::kCorrupt, concat("the timeline has no list \"", key, '"'));
  }
  const auto& numbers = list->array();
  if (numbers.empty()) return spans;
  constexpr std::int64_t kTicksMax = std::int64_t{1} << 48;  // 99 years.
  std::int64_t at = numbers.front().as_int().value_or(-1);
  if (at < 0 || at > kTicksMax) return fail(ErrorCode::kCorrupt, "the timeline begins nowhere");
  spans.reserve(numbers.size() - 1);
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    const std::int64_t duration = numbers[i].as_int().value_or(0);
    if (duration <= 0 || duration > kTicksMax - at) {
      return fail(ErrorCode::kCorrupt, concat("segment ", i - 1, " of the timeline has no length"));
    }
    spans.push_back({at, at + duration});
    at += duration;
  }
  return spans;
}

void write_rates(json::Writer& out, const TrackRates& rates) {
  out.field("max_bps", rates.max_bps)
      .field("peak_bps", rates.peak_bps)
      .field("average_bps", rates.average_bps);
}

TrackRates read_rates(const json::Value& object) {
  return {object.uint_at("max_bps"), object.uint_at("peak_bps"), object.uint_at("average_bps")};
}

}  // namespace

std::uint64_t TrackRates::declared_peak_bps() const noexcept {
  return measured() ? peak_bps : with_container(max_bps);
}

std::uint64_t TrackRates::declared_average_bps() const noexcept {
  return measured() ? std::min(average_bps, peak_bps) : with_container(max_bps);
}

bool Presentation::measure(std::string_view track, std::string_view codecs, std::uint64_t peak_bps,
                           std::uint64_t average_bps) {
  const auto set = [&](auto* found) {
    if (!found) return false;
    if (!codecs.empty()) found->codecs = codecs;
    if (peak_bps != 0) found->rates.peak_bps = peak_bps;
    if (average_bps != 0) found->rates.average_bps = average_bps;
    return true;
  };
  if (const auto name = audio_name(track)) return set(find_track(audio, *name));
  return set(find_track(video, track));
}

bool Presentation::offer_i_frames(std::string_view rung, std::uint64_t peak_bps) {
  VideoTrack* track = find_track(video, rung);
  if (track == nullptr) return false;
  track->i_frame_bps = peak_bps;
  return true;
}

std::optional<std::uint32_t> Presentation::segment_count(std::string_view track) const noexcept {
  const auto there = [&] {
    if (const auto name = audio_name(track)) return find_track(audio, *name) != nullptr;
    if (const auto name = subtitle_name(track)) return find_track(subtitles, *name) != nullptr;
    return find_track(video, track) != nullptr;
  };
  if (!there()) return std::nullopt;
  return static_cast<std::uint32_t>(spans_of(track).size());
}

const std::vector<SegmentSpan>& Presentation::spans_of(std::string_view track) const noexcept {
  const bool by_sound = audio_name(track) || (subtitle_name(track) && timeline.video.empty());
  return by_sound ? timeline.audio : timeline.video;
}

std::optional<std::size_t> first_rung(const Presentation& presentation) {
  const auto& rungs = presentation.video;
  if (rungs.empty()) return std::nullopt;
  const GroupRates sound = worst_of(presentation.audio);
  const auto peak = [&](const VideoTrack& rung) {
    return rung.rates.declared_peak_bps() + sound.peak_bps;
  };
  const auto distance = [&](const VideoTrack& rung) {
    const std::uint64_t average = rung.rates.declared_average_bps() + sound.average_bps;
    return std::max(average, kFirstVariantBps) - std::min(average, kFirstVariantBps);
  };
  const auto measured = [](const VideoTrack& rung) { return rung.rates.measured(); };
  auto first = std::ranges::min_element(rungs, {}, distance);
  if (!std::ranges::all_of(rungs, measured)) {
    const auto copied = std::ranges::find(rungs, true, &VideoTrack::copied);
    const bool soon = copied != rungs.end() && peak(*copied) <= kBelievedBps;
    first = soon ? copied : std::ranges::min_element(rungs, {}, peak);
  }
  return static_cast<std::size_t>(first - rungs.begin());
}

std::string master_playlist(const Presentation& presentation, std::string_view uri_suffix) {
  MasterPlaylist master;
  const Uris uris{presentation.growing, uri_suffix};
  if (presentation.video.empty()) {
    add_audio_variants(master, presentation.audio, uris);
    if (!presentation.growing) add_subtitle_group(master, presentation.subtitles, uris);
    return write_master_playlist(master);
  }
  add_audio_group(master, presentation.audio, uris);
  const GroupRates sound = worst_of(presentation.audio);
  for (const auto& track : presentation.video) {
    Variant variant;
    variant.uri = uris.of(track.name);
    variant.bandwidth = track.rates.declared_peak_bps() + sound.peak_bps;
    variant.average_bandwidth = track.rates.declared_average_bps() + sound.average_bps;
    variant.codecs = joined_codecs(track.codecs, presentation.audio);
    variant.width = track.width;
    variant.height = track.height;
    variant.frame_rate = presentation.frame_rate;
    if (!presentation.audio.empty()) variant.audio_group = kAudioGroup;
    master.variants.push_back(std::move(variant));
  }
  const auto first =
      master.variants.begin() + static_cast<std::ptrdiff_t>(first_rung(presentation).value_or(0));
  std::rotate(master.variants.begin(), first, first + 1);
  if (!presentation.growing) add_subtitle_group(master, presentation.subtitles, uris);
  add_i_frame_variants(master, presentation.video, uri_suffix);
  return write_master_playlist(master);
}

std::optional<std::string> media_playlist(const Presentation& presentation, std::string_view track,
                                          std::string_view uri_suffix) {
  auto segments = segments_of(presentation, track, uri_suffix);
  if (!segments) return std::nullopt;
  MediaPlaylist playlist;
  playlist.segments = std::move(*segments);
  return write_media_playlist(playlist);
}

std::optional<std::string> live_playlist(const Presentation& presentation, std::string_view track,
                                         std::uint32_t segments_max, std::string_view uri_suffix) {
  if (subtitle_name(track)) return std::nullopt;
  auto segments = segments_of(presentation, track, uri_suffix);
  if (!segments) return std::nullopt;
  MediaPlaylist playlist;
  playlist.kind = PlaylistKind::kEvent;
  playlist.ended = !presentation.growing && segments_max >= segments->size();
  playlist.segments = std::move(*segments);
  if (playlist.segments.size() > segments_max) playlist.segments.resize(segments_max);
  return write_media_playlist(playlist);
}

IFrameList i_frame_list(const Presentation& presentation,
                        std::span<const std::vector<KeyPicture>> pictures) {
  constexpr std::uint64_t kTableBytes = 376;  // PAT and PMT, where every segment begins.
  MediaPlaylist playlist;
  playlist.i_frames_only = true;
  playlist.init = InitSection{segment_name(0), ByteRange{kTableBytes, 0}};
  std::vector<SizedSegment> sizes;
  std::int64_t begin = 0;
  for (std::uint32_t number = 0; number < pictures.size(); ++number) {
    for (const KeyPicture& picture : pictures[number]) {
      if (!playlist.segments.empty()) {
        playlist.segments.back().duration_ticks = picture.pts_ticks - begin;
      }
      begin = picture.pts_ticks;
      playlist.segments.push_back({segment_name(number), 0, false, picture.range});
      sizes.push_back({picture.range.bytes, 0});
    }
  }
  if (!playlist.segments.empty()) {
    playlist.segments.back().duration_ticks = presentation.timeline.duration_ticks() - begin;
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes[i].duration_ticks = static_cast<std::uint64_t>(playlist.segments[i].duration_ticks);
  }
  return {write_media_playlist(playlist), measure_rates(sizes).peak_bps};
}

std::string serialize(const Presentation& presentation) {
  json::Writer out;
  out.begin_object().field("schema", kSchema).field("frame_rate", presentation.frame_rate);
  if (presentation.growing) out.field("growing", true);
  out.field("grid", presentation.timeline.grid == GridKind::kFixed ? "fixed" : "source");
  out.key("video").begin_array();
  for (const auto& track : presentation.video) {
    out.begin_object().field("name", track.name);
    out.field("width", track.width).field("height", track.height).field("codecs", track.codecs);
    out.field("copied", track.copied);
    write_rates(out, track.rates);
    out.end_object();
  }
  out.end_array().key("audio").begin_array();
  for (const auto& track : presentation.audio) {
    out.begin_object().field("name", track.name).field("language", track.language);
    out.field("label", track.label).field("codecs", track.codecs);
    out.field("channels", track.channels);
    write_rates(out, track.rates);
    out.end_object();
  }
  out.end_array();
  write_spans(out, "video_ticks", presentation.timeline.video);
  write_spans(out, "audio_ticks", presentation.timeline.audio);
  if (!presentation.run_up_ms.empty()) {
    out.key("run_up_ms").begin_array();
    for (const std::uint32_t ms : presentation.run_up_ms) out.value(ms);
    out.end_array();
  }
  out.end_object();
  return std::move(out).take();
}

Result<Presentation> parse_presentation(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return fail(ErrorCode::kCorrupt, concat("timeline: ", parsed.error().message));
  const json::Value& root = *parsed;
  if (const auto schema = root.uint_at("schema"); schema != kSchema) {
    return fail(schema > kSchema ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
                concat("timeline: schema ", schema, ", this program reads ", kSchema));
  }
  Presentation out;
  out.frame_rate = root.double_at("frame_rate");
  out.growing = root.bool_at("growing");
  out.timeline.grid =
      root.string_at("grid") == "source" ? GridKind::kSourceKeyframes : GridKind::kFixed;
  const json::Value* video = root.find("video");
  const json::Value* audio = root.find("audio");
  if (!video || !audio) return fail(ErrorCode::kCorrupt, "timeline: no lists of tracks");
  const auto narrow = [](const json::Value& value, std::string_view key) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value.uint_at(key), UINT32_MAX));
  };
  for (const auto& item : video->array()) {
    out.video.push_back({item.string_at("name"), narrow(item, "width"), narrow(item, "height"),
                         item.string_at("codecs"), read_rates(item), item.bool_at("copied")});
  }
  for (const auto& item : audio->array()) {
    out.audio.push_back({item.string_at("name"), item.string_at("language", "und"),
                         item.string_at("label"), item.string_at("codecs"),
                         narrow(item, "channels"), read_rates(item)});
  }
  auto video_spans = read_spans(root, "video_ticks");
  if (!video_spans) return fail(std::move(video_spans.error()));
  auto audio_spans = read_spans(root, "audio_ticks");
  if (!audio_spans) return fail(std::move(audio_spans.error()));
  out.timeline.video = std::move(*video_spans);
  out.timeline.audio = std::move(*audio_spans);
  if (const json::Value* run_ups = root.find("run_up_ms")) {  // Older ones have none.
    for (const auto& item : run_ups->array()) {
      out.run_up_ms.push_back(static_cast<std::uint32_t>(
          std::min<std::uint64_t>(item.as_uint().value_or(0), UINT32_MAX)));
    }
  }
  return out;
}

}  // namespace sf::hls

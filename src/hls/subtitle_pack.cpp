#include <streamforge/hls/subtitle_pack.hpp>

#include <streamforge/base/limits.hpp>

#include <algorithm>

namespace sf::hls {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "SFVTT\1\0\0"sv;
constexpr std::uint32_t kSegmentsMax = 500'000;  // 23 days.

void put(std::string& out, std::size_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xff);
}

std::uint32_t get(ByteSpan bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (unsigned i = 0; i < 4; ++i) number |= std::to_integer<std::uint32_t>(bytes[at + i]) << 8 * i;
  return number;
}

std::unexpected<Error> broken() {
  return fail(ErrorCode::kCorrupt, "the stored subtitles do not read as such");
}

}  // namespace

// Gives up when the texts weigh too much.
bool SubtitlePack::cut(const std::vector<Cue>& cues,
                       std::vector<std::pair<std::size_t, std::size_t>>& places,
                       std::string& texts) const {
  std::vector<Cue> shown;
  auto next = cues.begin();
  for (const SegmentSpan& span : spans_) {
    std::erase_if(shown, [&](const Cue& cue) { return cue.end_ticks <= span.begin_ticks; });
    for (; next != cues.end() && next->begin_ticks < span.end_ticks; ++next) {
      if (next->end_ticks > span.begin_ticks) shown.push_back(*next);
    }
    if (shown.empty()) {
      places.emplace_back(0, webvtt_file({}).size());
      continue;
    }
    const std::string text = webvtt_file(shown);
    places.emplace_back(texts_.size() + texts.size(), text.size());
    texts += text;
    if (texts.size() > limits::kSubtitleTrackBytesMax ||
        texts_.size() + texts.size() > limits::kSubtitlesBytesMax) {
      return false;
    }
  }
  return true;
}

void SubtitlePack::add(std::vector<Cue> cues) {
  std::ranges::stable_sort(cues, {}, &Cue::begin_ticks);
  std::vector<std::pair<std::size_t, std::size_t>> places;
  std::string texts;
  if (!cut(cues, places, texts)) {
    add(TrackFault::kTooLarge);
    return;
  }
  places_.insert(places_.end(), places.begin(), places.end());
  texts_ += texts;
  tracks_.push_back({static_cast<std::uint32_t>(cues.size()), TrackFault::kNone});
}

void SubtitlePack::add(TrackFault fault) {
  places_.insert(places_.end(), spans_.size(), {0, webvtt_file({}).size()});
  tracks_.push_back({0, fault});
}

std::string SubtitlePack::take() && {
  std::string out(kMagic);
  put(out, tracks_.size());
  put(out, spans_.size());
  for (const PackedTrack& track : tracks_) {
    put(out, track.cues);
    put(out, static_cast<std::size_t>(track.fault));
  }
  const std::size_t texts_at = out.size() + places_.size() * kPackEntryBytes;
  for (const auto& [begin, length] : places_) {
    put(out, texts_at + begin);
    put(out, length);
  }
  return out + texts_;
}

Result<PackHead> read_pack_head(ByteSpan bytes) {
  if (bytes.size() < kPackHeadBytes || !as_text(bytes).starts_with(kMagic)) return broken();
  const PackHead head{get(bytes, 8), get(bytes, 12)};
  if (head.tracks > limits::kSourceStreamsMax || head.segments > kSegmentsMax) return broken();
  return head;
}

Result<std::vector<PackedTrack>> read_pack_tracks(const PackHead& head, ByteSpan bytes) {
  if (bytes.size() != head.tracks * kPackTrackBytes) return broken();
  std::vector<PackedTrack> tracks;
  for (std::size_t at = 0; at < bytes.size(); at += kPackTrackBytes) {
    const std::uint32_t fault = get(bytes, at + 4);
    if (fault > static_cast<std::uint32_t>(TrackFault::kTooLarge)) return broken();
    tracks.push_back({get(bytes, at), static_cast<TrackFault>(fault)});
  }
  return tracks;
}

std::uint64_t pack_entry_at(const PackHead& head, std::uint32_t track,
                            std::uint32_t segment) noexcept {
  return kPackHeadBytes + head.tracks * kPackTrackBytes +
         (std::uint64_t{track} * head.segments + segment) * kPackEntryBytes;
}

Result<ByteRange> read_pack_entry(ByteSpan bytes) {
  if (bytes.size() != kPackEntryBytes) return broken();
  const ByteRange place{get(bytes, 4), get(bytes, 0)};
  if (place.bytes > limits::kSubtitleTrackBytesMax) return broken();
  return place;
}

Result<std::string_view> packed_segment(std::string_view pack, std::uint32_t track,
                                        std::uint32_t segment) {
  const auto head = read_pack_head(as_bytes(pack));
  if (!head) return fail(head.error());
  if (track >= head->tracks || segment >= head->segments) {
    return fail(ErrorCode::kNotFound, "there is no such segment of subtitles");
  }
  const std::uint64_t at = pack_entry_at(*head, track, segment);
  if (at + kPackEntryBytes > pack.size()) return broken();
  const auto place = read_pack_entry(as_bytes(pack.substr(at, kPackEntryBytes)));
  if (!place) return fail(place.error());
  if (place->offset > pack.size() || place->bytes > pack.size() - place->offset) return broken();
  return pack.substr(place->offset, place->bytes);
}

}  // namespace sf::hls

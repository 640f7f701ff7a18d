#include "job.hpp"

#include "quality.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/playlist.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr double kMegapixelSecond = 1e6 * static_cast<double>(hls::kTicksPerSecond);
constexpr double kCopyCost = 0.02;       // Of a segment of the picture.
constexpr double kDecodingShare = 0.25;  // Of the work at a segment: 0.2 to 0.5 for 1080p.
constexpr double kAudioCost = 0.05;  // Of a segment: AAC at 93 times real time, beside 360p's 1.
constexpr std::int64_t kTicksPerMs = hls::kTicksPerSecond / 1000;

std::string predicted_codec(const RungPlan& rung, const SourceIndex& index) {
  constexpr std::uint8_t kHigh = 100;
  if (rung.copied() && index.video) return index.video->codecs;
  return hls::avc1_codec(kHigh, 0, static_cast<std::uint8_t>(rung.level));
}

double mean_ticks(const std::vector<hls::SegmentSpan>& spans) {
  if (spans.empty()) return 0;
  return static_cast<double>(spans.back().end_ticks - spans.front().begin_ticks) /
         static_cast<double>(spans.size());
}

// From the keyframe shown last at or before the begin of each segment.
std::vector<std::uint32_t> run_ups(const Plan& plan) {
  std::vector<std::int64_t> keys;
  for (const PacketEntry& packet : plan.index.packets) {
    if (packet.keyframe) keys.push_back(packet.pts_ticks);
  }
  std::ranges::sort(keys);
  std::vector<std::uint32_t> found;
  for (const hls::SegmentSpan& span : plan.timeline.video) {
    const auto next = std::ranges::upper_bound(keys, span.begin_ticks);
    const std::int64_t from = next == keys.begin() ? span.begin_ticks : *std::prev(next);
    found.push_back(static_cast<std::uint32_t>(
        std::clamp<std::int64_t>((span.begin_ticks - from) / kTicksPerMs, 0, UINT32_MAX)));
  }
  return found;
}

}  // namespace

hls::Presentation present(const Plan& plan) {
  hls::Presentation shown;
  shown.timeline = plan.timeline;
  shown.run_up_ms = run_ups(plan);
  if (plan.frame_rate.denominator > 0) {
    shown.frame_rate = static_cast<double>(plan.frame_rate.numerator) /
                       static_cast<double>(plan.frame_rate.denominator);
  }
  for (const RungPlan& rung : plan.rungs) {
    shown.video.push_back({rung.name,
                           rung.width,
                           rung.height,
                           predicted_codec(rung, plan.index),
                           {std::uint64_t{rung.max_kbps} * 1'000, 0, 0},
                           rung.copied()});
  }
  for (const AudioPlan& track : plan.audio) {
    shown.audio.push_back({track.name,
                           track.language,
                           track.label,
                           "mp4a.40.2",
                           track.channels,
                           {std::uint64_t{track.kbps} * 1'000, 0, 0}});
  }
  return shown;
}

std::vector<TrackShape> shapes_of(const hls::Presentation& shown) {
  std::vector<TrackShape> shapes;
  const double video_ticks = mean_ticks(shown.timeline.video);
  std::vector<float> run_up;
  for (const std::uint32_t ms : shown.run_up_ms) {
    run_up.push_back(static_cast<float>(kDecodingShare * ms * kTicksPerMs / video_ticks));
  }
  const auto first = hls::first_rung(shown);
  for (std::uint32_t i = 0; i < shown.video.size(); ++i) {
    const hls::VideoTrack& track = shown.video[i];
    const double pixels = static_cast<double>(track.width) * static_cast<double>(track.height);
    shapes.push_back({track.name, false, i, static_cast<std::uint32_t>(shown.timeline.video.size()),
                      track.copied ? kCopyCost : pixels * video_ticks / kMegapixelSecond,
                      track.copied ? std::vector<float>{} : run_up, first == i});
  }
  for (std::uint32_t i = 0; i < shown.audio.size(); ++i) {
    shapes.push_back({concat("audio/", shown.audio[i].name),
                      true,
                      i,
                      static_cast<std::uint32_t>(shown.timeline.audio.size()),
                      kAudioCost,
                      {}});
  }
  return shapes;
}

std::string segment_path(std::string_view track, std::uint32_t segment) {
  return concat(track, '/', hls::segment_name(segment));
}

Command command_of(const QueueTask& task, const std::vector<TrackShape>& shapes,
                   const SourceFile& extent) {
  Command command;
  command.kind = task.kind;
  command.video = task.video;
  command.source_bytes = extent.bytes;
  command.source_tail = extent.tail;
  command.source_length = extent.length;
  command.segment = task.segment;
  command.awaited = task.kind == TaskKind::kVideo && task.wished;
  for (const std::uint32_t row : task.tracks) {
    if (task.kind == TaskKind::kAudio) command.track = shapes[row].index;
    if (task.kind == TaskKind::kVideo) command.rungs.push_back(shapes[row].name);
  }
  return command;
}

bool measures(const QueueTask& task, const std::vector<TrackShape>& shapes, bool wanted) noexcept {
  return wanted && task.kind == TaskKind::kVideo && !task.wished &&
         is_sample(task.segment, shapes[task.tracks.front()].segments);
}

void Tally::grow(const TrackShape& shape) {
  segments.resize(shape.segments);
  if (!shape.audio) key_pictures.resize(shape.segments);
}

bool Tally::add(std::uint32_t segment, std::uint64_t segment_bytes, std::uint64_t duration_ticks,
                std::uint32_t damaged, std::vector<hls::KeyPicture> pictures) {
  if (segment >= segments.size() || segments[segment].bytes != 0 || segment_bytes == 0) {
    return false;
  }
  segments[segment] = {segment_bytes, duration_ticks};
  if (segment < key_pictures.size()) key_pictures[segment] = std::move(pictures);
  ++done;
  bytes += segment_bytes;
  damaged_frames += damaged;
  return true;
}

hls::Rates Tally::rates() const {
  return complete() && done > 0 ? hls::measure_rates(segments) : hls::Rates{};
}

std::vector<Tally> tallies_of(const std::vector<TrackShape>& shapes) {
  std::vector<Tally> tallies(shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    tallies[i].grow(shapes[i]);
  }
  return tallies;
}

Losses losses_of(const std::vector<TrackShape>& shapes, const std::vector<Tally>& tallies) {
  Losses losses;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const std::uint64_t damaged = tallies[i].damaged_frames;
    if (shapes[i].audio) {
      losses.sounds += damaged;
    } else {  // Rungs are made of the same pictures; a copied one decodes none.
      losses.pictures = std::max(losses.pictures, damaged);
    }
  }
  return losses;
}

std::optional<hls::IFrameList> i_frame_list_of(const hls::Presentation& shown, const Tally& tally) {
  const auto unknown = [](const auto& pictures) { return pictures.empty(); };
  if (tally.key_pictures.empty() || !tally.complete() ||
      std::ranges::any_of(tally.key_pictures, unknown)) {
    return std::nullopt;
  }
  return hls::i_frame_list(shown, tally.key_pictures);
}

void Tally::tell(std::string_view track, hls::Presentation& shown) const {
  const hls::Rates measured = rates();
  (void)shown.measure(track, codecs, measured.peak_bps, measured.average_bps);
  if (const auto list = i_frame_list_of(shown, *this)) shown.offer_i_frames(track, list->peak_bps);
}

std::vector<hls::KeyPicture> key_pictures(const std::vector<IFrame>& i_frames) {
  std::vector<hls::KeyPicture> out;
  for (const IFrame& frame : i_frames) {
    out.push_back({frame.pts_ticks, {frame.bytes, frame.offset}});
  }
  return out;
}

std::string_view why_left_out(const hls::PackedTrack& track) noexcept {
  switch (track.fault) {
    case hls::TrackFault::kUnreadable:
      return "none of its texts can be read";
    case hls::TrackFault::kTooLarge:
      return "it has more text than is taken";
    case hls::TrackFault::kNone:
      break;
  }
  return track.cues == 0 ? "it holds no text" : "";
}

std::vector<PlaylistFile> playlists_of(const hls::Presentation& shown,
                                       const std::vector<TrackShape>& shapes,
                                       const std::vector<Tally>& tallies) {
  std::vector<PlaylistFile> files;
  for (std::size_t row = 0; row < shapes.size(); ++row) {
    const TrackShape& shape = shapes[row];
    if (auto list = i_frame_list_of(shown, tallies[row])) {
      files.push_back({concat(shape.name, '/', hls::kIFrameListName), std::move(list->text)});
    }
    if (auto text = hls::media_playlist(shown, shape.name)) {
      files.push_back({concat(shape.name, "/index.m3u8"), std::move(*text)});
    }
  }
  for (const hls::SubtitleTrack& track : shown.subtitles) {
    const std::string name = concat(hls::kSubtitleFolder, track.name);
    if (auto text = hls::media_playlist(shown, name)) {
      files.push_back({concat(name, "/index.m3u8"), std::move(*text)});
    }
  }
  files.push_back({"master.m3u8", hls::master_playlist(shown)});
  return files;
}

}  // namespace sf::transcode

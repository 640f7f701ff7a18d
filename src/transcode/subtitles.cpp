#include "subtitles.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/hls/subtitle_pack.hpp>

#include "ass_text.hpp"
#include "source.hpp"

#include <algorithm>
#include <map>
#include <memory>

extern "C" {
#include <libavutil/common.h>
}

namespace sf::transcode {
namespace {

// Where nothing says how long a text is shown: until the next one, or so long.
constexpr std::int64_t kUnsaidTicks = 5 * hls::kTicksPerSecond;
constexpr std::int64_t kUnsaid = INT64_MAX;
constexpr std::int64_t kTicksMax = std::int64_t{1} << 48;  // 99 years.

struct FreeTexts {
  void operator()(AVSubtitle* texts) const noexcept { avsubtitle_free(texts); }
};

/// One track of text while its cues are gathered.
class TextTrack {
 public:
  TextTrack(AVStream& stream, CodecPtr decoder, std::int64_t zero_ticks)
      : time_base_(stream.time_base), decoder_(std::move(decoder)), zero_ticks_(zero_ticks) {}

  void add(AVPacket& packet);
  void give(hls::SubtitlePack& pack) &&;

 private:
  void show(std::int64_t begin_ticks, std::int64_t end_ticks, const AVSubtitle& shown);

  AVRational time_base_;
  CodecPtr decoder_;
  std::int64_t zero_ticks_;
  std::vector<hls::Cue> cues_;
  std::size_t bytes_ = 0;
  std::size_t unreadable_ = 0;
  bool too_large_ = false;
};

void TextTrack::add(AVPacket& packet) {
  if (too_large_ || packet.pts == AV_NOPTS_VALUE || packet.size <= 0) return;
  AVSubtitle texts{};
  const std::unique_ptr<AVSubtitle, FreeTexts> owner(&texts);
  int got = 0;
  if (avcodec_decode_subtitle2(decoder_.get(), &texts, &got, &packet) < 0) {
    ++unreadable_;
    return;
  }
  // Stamps may be anything.
  const auto at = [&](std::int64_t stamp) {
    const std::int64_t ticks = av_rescale_q(stamp, time_base_, kTickBase);
    return std::clamp(av_sat_sub64(ticks, zero_ticks_), -kTicksMax, kTicksMax);
  };
  const std::int64_t begin = at(packet.pts);
  const std::int64_t end =
      packet.duration > 0 ? at(av_sat_add64(packet.pts, packet.duration)) : kUnsaid;
  // The next one, though it be empty, ends one that did not say when it does.
  if (!cues_.empty() && cues_.back().end_ticks == kUnsaid && begin > cues_.back().begin_ticks) {
    cues_.back().end_ticks = begin;
  }
  if (got != 0) show(begin, end, texts);
}

void TextTrack::show(std::int64_t begin_ticks, std::int64_t end_ticks, const AVSubtitle& shown) {
  for (unsigned i = 0; i < shown.num_rects; ++i) {
    const AVSubtitleRect& rect = *shown.rects[i];
    if (rect.type != SUBTITLE_ASS || rect.ass == nullptr) continue;
    auto event = read_ass_event(rect.ass);
    if (!event || event->text.size() > limits::kSubtitleCueBytesMax) {
      ++unreadable_;
      continue;
    }
    hls::Cue cue{std::max<std::int64_t>(0, begin_ticks), end_ticks, std::move(event->text),
                 event->at_top};
    if (cue.text.empty() || end_ticks <= cue.begin_ticks) continue;
    // Shadows and outlines are made of the same text in several layers.
    const bool again = !cues_.empty() && cues_.back().begin_ticks == cue.begin_ticks &&
                       cues_.back().end_ticks == end_ticks && cues_.back().text == cue.text;
    if (again) continue;
    bytes_ += cue.text.size();
    cues_.push_back(std::move(cue));
  }
  too_large_ = cues_.size() > limits::kSubtitleCuesMax || bytes_ > limits::kSubtitleTrackBytesMax;
}

void TextTrack::give(hls::SubtitlePack& pack) && {
  if (too_large_) return pack.add(hls::TrackFault::kTooLarge);
  if (cues_.empty() && unreadable_ > 0) return pack.add(hls::TrackFault::kUnreadable);
  for (hls::Cue& cue : cues_) {
    if (cue.end_ticks == kUnsaid) cue.end_ticks = cue.begin_ticks + kUnsaidTicks;
  }
  pack.add(std::move(cues_));
}

/// By stream: those that can be decoded.
using Tracks = std::map<int, TextTrack>;

Tracks open_tracks(Source& source, const Plan& plan) {
  source.keep_streams({});
  Tracks tracks;
  for (const SubtitleInfo& info : plan.index.subtitles) {
    if (!info.left_out.empty() || !source.has_stream(info.stream)) continue;
    AVStream& stream = source.stream(info.stream);
    auto decoder = open_decoder(*stream.codecpar, stream.time_base);
    if (!decoder) continue;
    stream.discard = AVDISCARD_DEFAULT;
    tracks.try_emplace(info.stream, stream, std::move(*decoder), plan.index.zero_ticks);
  }
  return tracks;
}

}  // namespace

Result<std::string> extract_subtitles(const SourceFile& file, const Plan& plan,
                                      const Progress& progress) {
  auto source = Source::open(file);
  if (!source) return fail(std::move(source.error()));
  (*source)->follow_leaps(&plan.index.leaps);
  Tracks tracks = open_tracks(**source, plan);
  // The demuxer may pass over gigabytes of picture to find the next text.
  (*source)->reader().report_to(progress);
  if (progress && !progress(0)) {
    return fail(ErrorCode::kCancelled, "the task was cancelled");
  }
  const PacketPtr packet = new_packet();
  while (!tracks.empty() && (*source)->read(*packet)) {
    if (const auto track = tracks.find(packet->stream_index); track != tracks.end()) {
      track->second.add(*packet);
    }
  }
  if ((*source)->reader().cut_off()) {
    return fail(ErrorCode::kCancelled, "the task was cancelled");
  }
  hls::SubtitlePack pack(plan.index.video ? plan.timeline.video : plan.timeline.audio);
  for (const SubtitleInfo& info : plan.index.subtitles) {
    const auto track = tracks.find(info.stream);
    if (track == tracks.end()) {
      pack.add(hls::TrackFault::kUnreadable);
    } else {
      std::move(track->second).give(pack);
    }
  }
  return std::move(pack).take();
}

}  // namespace sf::transcode

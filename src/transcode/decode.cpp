#include "decode.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr unsigned kSendErrorsMax = 100'000;
// Pictures before the wanted ones that are decoded whole, whoever refers to them: as many as H.264
// may hold back to bring them into order, so that they come out as if all had been decoded.
constexpr unsigned kSettlingPictures = 16;

}  // namespace

Result<std::unique_ptr<VideoReader>> VideoReader::open(const SourceFile& file, const Plan& plan) {
  std::unique_ptr<VideoReader> reader(new VideoReader);
  auto packets = PacketReader::open(file, plan);
  if (!packets) {
    return fail(std::move(packets.error()));
  }
  reader->plan_ = &plan;
  reader->packets_ = std::move(*packets);
  const AVStream& stream = reader->packets_->stream();
  auto decoder = open_decoder(*stream.codecpar,
                              plan.index.video->times_by_order ? kTickBase : stream.time_base);
  if (!decoder) {
    return fail(std::move(decoder.error()));
  }
  reader->decoder_ = std::move(*decoder);
  reader->keys_ = key_entries(plan.index.packets);
  if (stream.codecpar->profile == FF_PROFILE_H264_HIGH_444_PREDICTIVE) {
    reader->tell_encoder();
  }
  return reader;
}

// x264 before version 151 coded 4:4:4 in a way of its own. libavcodec follows it where it has seen
// the version, which only the first picture says.
void VideoReader::tell_encoder() {
  if (!packets_->go_to(0) || !packets_->read(*packet_)) {
    return;
  }
  decoder_->skip_frame = AVDISCARD_ALL;
  (void)avcodec_send_packet(decoder_.get(), packet_.get());
}

// Where decoding must begin: of the index's packets.
std::size_t VideoReader::entry_for(std::int64_t at_ticks, unsigned before) const {
  const auto& packets = plan_->index.packets;
  // The last keyframe shown at or before `at` that `before` shown pictures lie behind.
  const auto too_late = [&](std::size_t key) {
    if (packets[key].pts_ticks > at_ticks) {
      return true;
    }
    unsigned between = 0;
    for (std::size_t i = key; i < packets.size() && between < before; ++i) {
      if (packets[i].pts_ticks >= at_ticks + hls::kTicksPerSecond && i > key) {
        break;
      }
      between += packets[i].pts_ticks >= packets[key].pts_ticks && packets[i].pts_ticks < at_ticks;
    }
    return between < before;
  };
  std::size_t which = keys_.size();
  while (which > 1 && too_late(keys_[which - 1])) {
    --which;
  }
  return keys_[which == 0 ? 0 : which - 1];
}

Result<> VideoReader::seek(std::int64_t at_ticks, unsigned before) {
  const std::size_t entry = entry_for(at_ticks, before);
  if (auto there = start_at(entry); !there) {
    return there;
  }
  whole_from_ticks_ = whole_from(entry, at_ticks, before);
  return {};
}

bool VideoReader::go_on_to(std::int64_t at_ticks, unsigned before) {
  const std::size_t entry = entry_for(at_ticks, before);
  if (plan_->index.packets[entry].pts_ticks > last_pts_) {
    return false;
  }
  whole_from_ticks_ = whole_from(entry, at_ticks, before);
  return true;
}

// Pictures shown before this may be left out where no other refers to them. They are half or more
// of what an encoder with B-pictures wrote between a keyframe and the begin of a segment. H.264
// only: what HEVC calls unreferenced, higher temporal layers may refer to.
std::int64_t VideoReader::whole_from(std::size_t entry, std::int64_t at_ticks,
                                     unsigned before) const {
  const VideoInfo& video = *plan_->index.video;
  if (decoder_->codec_id != AV_CODEC_ID_H264 || video.interlaced || video.field_packets ||
      video.times_by_order) {
    return INT64_MIN;
  }
  std::vector<std::int64_t> earlier;
  const auto& packets = plan_->index.packets;
  for (std::size_t i = entry; i < packets.size(); ++i) {
    if (packets[i].pts_ticks >= at_ticks + hls::kTicksPerSecond) {
      break;
    }
    if (packets[i].pts_ticks < at_ticks) earlier.push_back(packets[i].pts_ticks);
  }
  const std::size_t whole = before + kSettlingPictures;
  if (earlier.size() <= whole) {
    return INT64_MIN;
  }
  const auto first = earlier.end() - static_cast<std::ptrdiff_t>(whole);
  std::ranges::nth_element(earlier, first);
  return *first;
}

Result<> VideoReader::start_at(std::size_t entry) {
  if (auto there = packets_->go_to(entry); !there) {
    return there;
  }
  avcodec_flush_buffers(decoder_.get());
  draining_ = false;
  last_pts_ = INT64_MIN;
  next_entry_ = entry;
  return {};
}

// Gives the decoder its next packet.
void VideoReader::feed() {
  if (!packets_->read(*packet_)) {
    av_packet_unref(packet_.get());
    avcodec_send_packet(decoder_.get(), nullptr);
    draining_ = true;
    return;
  }
  if (plan_->index.video->times_by_order) {
    stamp();
  }
  const bool whole = packet_->pts == AV_NOPTS_VALUE || ticks_of(packet_->pts) >= whole_from_ticks_;
  decoder_->skip_frame = whole ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
  // One that is refused is a picture that does not come.
  (void)avcodec_send_packet(decoder_.get(), packet_.get());
}

// Gives a packet the times that its index entry has.
void VideoReader::stamp() {
  constexpr std::size_t kSkippedMax = 64;
  const auto& packets = plan_->index.packets;
  packet_->pts = AV_NOPTS_VALUE;
  packet_->dts = AV_NOPTS_VALUE;
  const std::size_t end = std::min(next_entry_ + kSkippedMax, packets.size());
  for (std::size_t i = next_entry_; i < end; ++i) {
    if (packets[i].position == packet_->pos) {
      packet_->pts = packets[i].pts_ticks;
      packet_->dts = packets[i].dts_ticks;
      next_entry_ = i + 1;
      return;
    }
  }
}

std::int64_t VideoReader::time_of(const AVFrame& frame) const noexcept {
  const std::int64_t stamp = frame.best_effort_timestamp;
  if (stamp == AV_NOPTS_VALUE || plan_->index.video->times_by_order) {
    return stamp == AV_NOPTS_VALUE ? INT64_MIN : stamp;
  }
  return ticks_of(stamp);
}

// On the timeline, of a stamp of the container's.
std::int64_t VideoReader::ticks_of(std::int64_t stamp) const noexcept {
  const AVRational base = packets_->stream().time_base;
  return av_rescale_q(stamp, base, kTickBase) - plan_->index.zero_ticks;
}

Result<Picture> VideoReader::next() {
  FramePtr frame = new_frame();
  for (unsigned errors = 0; errors < kSendErrorsMax;) {
    const int code = avcodec_receive_frame(decoder_.get(), frame.get());
    if (code == AVERROR(EAGAIN)) {
      feed();
      continue;
    }
    if (code == AVERROR_EOF || (code < 0 && draining_)) {
      return Picture{};
    }
    if (code == AVERROR(ENOMEM)) {
      return fail(libav_error(code, "decode"));
    }
    if (code < 0) {
      ++errors;
      feed();
      continue;
    }
    const std::int64_t pts = time_of(*frame);
    // Without a time, shown already, or after the end: damage.
    if (pts <= last_pts_ || pts >= plan_->index.video_end_ticks) {
      av_frame_unref(frame.get());
      ++errors;
      continue;
    }
    last_pts_ = pts;
    return Picture{std::move(frame), pts};
  }
  return fail(ErrorCode::kCorrupt, "The pictures cannot be decoded: the file is damaged");
}

}  // namespace sf::transcode

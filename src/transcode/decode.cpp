#include "decode.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

// A demuxer that lands elsewhere is given this many earlier keyframes before the file is read from
// its start, and this many packets to come to the one asked for.
constexpr unsigned kSeekTriesMax = 4;
constexpr unsigned kSeekPacketsMax = 4'000;
constexpr unsigned kSendErrorsMax = 100'000;

}  // namespace

Result<std::unique_ptr<VideoReader>> VideoReader::open(const SourceFile& file, const Plan& plan) {
  std::unique_ptr<VideoReader> reader(new VideoReader);
  auto source = Source::open(file);
  if (!source) {
    return fail(std::move(source.error()));
  }
  reader->plan_ = &plan;
  reader->source_ = std::move(*source);
  reader->source_->follow_leaps(&plan.index.leaps);
  const int stream = plan.index.video->stream;
  if (!reader->source_->has_stream(stream)) {
    return fail(ErrorCode::kCorrupt, "The source has not the picture that its index names");
  }
  reader->source_->keep_streams({stream});
  auto decoder = open_decoder(
      *reader->source_->stream(stream).codecpar,
      plan.index.video->times_by_order ? kTickBase : reader->source_->stream(stream).time_base);
  if (!decoder) {
    return fail(std::move(decoder.error()));
  }
  reader->decoder_ = std::move(*decoder);
  const auto& packets = plan.index.packets;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].keyframe) {
      reader->keys_.push_back(i);
    }
  }
  if (reader->keys_.empty() || reader->keys_.front() != 0) {
    reader->keys_.insert(reader->keys_.begin(), 0);
  }
  return reader;
}

Result<> VideoReader::seek(std::int64_t at_ticks, unsigned before) {
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
  return start_at(which == 0 ? 0 : which - 1);
}

Result<> VideoReader::start_at(std::size_t which) {
  std::size_t step = 1;
  std::size_t from = which;
  bool there = false;
  for (unsigned attempt = 0; attempt < kSeekTriesMax && !there; ++attempt) {
    there = position(from) && find(plan_->index.packets[keys_[which]]);
    from -= std::min(from, step);
    step *= 2;
  }
  if (!there) {
    // Nothing led there: from the start, packet by packet.
    if (auto reopened = source_->reopen(); !reopened) {
      return reopened;
    }
    source_->keep_streams({plan_->index.video->stream});
    std::size_t seen = 0;
    while (!there && seen < plan_->index.packets.size() * 2 + kSeekPacketsMax &&
           source_->read(*packet_)) {
      there = is(*packet_, plan_->index.packets[keys_[which]]);
      ++seen;
    }
    if (!there) {
      return fail(ErrorCode::kCorrupt, "The source does not read twice the same: it is damaged");
    }
  }
  avcodec_flush_buffers(decoder_.get());
  packet_ready_ = true;
  draining_ = false;
  last_pts_ = INT64_MIN;
  next_entry_ = keys_[which];
  return {};
}

// Asks the demuxer to go to keyframe `which`, or before.
bool VideoReader::position(std::size_t which) {
  const PacketEntry& wanted = plan_->index.packets[keys_[which]];
  if (source_->seeks_by_byte()) {
    return wanted.position >= 0 && source_->seek_byte(wanted.position);
  }
  const int stream = plan_->index.video->stream;
  const AVRational base = source_->stream(stream).time_base;
  // The tables of MP4 and AVI count decode times, the others what is shown. A tick's rounding more,
  // or a finer clock would land one keyframe too early.
  const std::string& demuxer = source_->kind().demuxer;
  const bool by_dts = demuxer == "mov" || demuxer == "avi";
  const std::int64_t ticks =
      (by_dts ? wanted.dts_ticks : wanted.pts_ticks) + plan_->index.zero_ticks;
  const std::int64_t stamp =
      av_rescale_q_rnd(ticks, kTickBase, base, AV_ROUND_UP) + av_rescale_q(1, kTickBase, base);
  return source_->seek_time(stream, stamp);
}

bool VideoReader::is(const AVPacket& packet, const PacketEntry& entry) const noexcept {
  if (packet.pos >= 0 && packet.pos == entry.position &&
      ((packet.flags & AV_PKT_FLAG_KEY) != 0) == entry.keyframe) {
    return true;
  }
  const AVRational base = source_->stream(plan_->index.video->stream).time_base;
  const auto at = [&](std::int64_t stamp) {
    return av_rescale_q(stamp, base, kTickBase) - plan_->index.zero_ticks;
  };
  if (packet.pos >= 0 && entry.position >= 0) {
    return false;
  }
  return packet.pts != AV_NOPTS_VALUE
             ? at(packet.pts) == entry.pts_ticks
             : packet.dts != AV_NOPTS_VALUE && at(packet.dts) == entry.dts_ticks;
}

// Reads on to `wanted`; false once it must have been passed.
bool VideoReader::find(const PacketEntry& wanted) {
  const AVRational base = source_->stream(plan_->index.video->stream).time_base;
  for (unsigned seen = 0; seen < kSeekPacketsMax && source_->read(*packet_); ++seen) {
    if (is(*packet_, wanted)) {
      return true;
    }
    const std::int64_t dts = packet_->dts;
    if (dts != AV_NOPTS_VALUE && av_rescale_q(dts, base, kTickBase) - plan_->index.zero_ticks >
                                     wanted.dts_ticks + hls::kTicksPerSecond) {
      return false;
    }
  }
  return false;
}

// Gives the decoder its next packet.
void VideoReader::feed() {
  if (!packet_ready_) {
    if (!source_->read(*packet_)) {
      av_packet_unref(packet_.get());
      avcodec_send_packet(decoder_.get(), nullptr);
      draining_ = true;
      return;
    }
  }
  packet_ready_ = false;
  if (plan_->index.video->times_by_order) {
    stamp();
  }
  const int code = avcodec_send_packet(decoder_.get(), packet_.get());
  if (code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF) {
    ++damaged_;
  }
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
  const AVRational base = source_->stream(plan_->index.video->stream).time_base;
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
      ++damaged_;
      feed();
      continue;
    }
    const std::int64_t pts = time_of(*frame);
    damaged_ += is_damaged(*frame) ? 1 : 0;
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

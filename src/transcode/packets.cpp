#include "packets.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

// A demuxer that lands elsewhere is given this many earlier keyframes before the file is read from
// its start, and this many packets to come to the one asked for.
constexpr unsigned kSeekTriesMax = 4;
constexpr unsigned kSeekPacketsMax = 4'000;

}  // namespace

std::vector<std::size_t> key_entries(const std::vector<PacketEntry>& packets) {
  std::vector<std::size_t> keys;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (packets[i].keyframe || i == 0) {
      keys.push_back(i);
    }
  }
  return keys;
}

Result<std::unique_ptr<PacketReader>> PacketReader::open(const SourceFile& file, const Plan& plan) {
  std::unique_ptr<PacketReader> reader(new PacketReader);
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
  return reader;
}

Result<> PacketReader::go_to(std::size_t entry) {
  const auto& packets = plan_->index.packets;
  const auto keyframe_before = [&packets](std::size_t at, std::size_t steps) {
    for (; at > 0 && steps > 0; steps -= packets[at].keyframe ? 1 : 0) {
      --at;
    }
    return at;
  };
  std::size_t step = 1;
  std::size_t from = entry;
  bool there = false;
  for (unsigned attempt = 0; attempt < kSeekTriesMax && !there; ++attempt) {
    there = position(from) && find(packets[entry]);
    from = keyframe_before(from, step);
    step *= 2;
  }
  if (!there) {
    // Nothing led there: from the start, packet by packet.
    if (auto reopened = source_->reopen(); !reopened) {
      return reopened;
    }
    source_->keep_streams({plan_->index.video->stream});
    std::size_t seen = 0;
    while (!there && seen < packets.size() * 2 + kSeekPacketsMax && source_->read(*packet_)) {
      there = is(*packet_, packets[entry]);
      ++seen;
    }
    if (!there) {
      return fail(ErrorCode::kCorrupt, "The source does not read twice the same: it is damaged");
    }
  }
  ready_ = true;
  return {};
}

bool PacketReader::read(AVPacket& packet) {
  if (ready_) {
    ready_ = false;
    av_packet_unref(&packet);
    av_packet_move_ref(&packet, packet_.get());
    return true;
  }
  return source_->read(packet);
}

// Asks the demuxer to go to keyframe `entry`, or before.
bool PacketReader::position(std::size_t entry) {
  const PacketEntry& wanted = plan_->index.packets[entry];
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

bool PacketReader::is(const AVPacket& packet, const PacketEntry& entry) const noexcept {
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
bool PacketReader::find(const PacketEntry& wanted) {
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

}  // namespace sf::transcode

#include "copy.hpp"

#include "decode_times.hpp"
#include "engine_output.hpp"
#include "picture_segment.hpp"

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

constexpr int kProgressEvery = 64;

std::vector<std::int64_t> times_shown(const std::vector<PacketEntry>& packets) {
  std::vector<std::int64_t> times;
  times.reserve(packets.size());
  for (const PacketEntry& packet : packets) {
    times.push_back(packet.pts_ticks);
  }
  std::ranges::sort(times);
  return times;
}

// A parameter set of the stream. Zeros may follow a unit of annex B.
bool is_among(const std::vector<std::vector<std::uint8_t>>& known,
              std::span<const std::uint8_t> nal) {
  while (!nal.empty() && nal.back() == 0) {
    nal = nal.first(nal.size() - 1);
  }
  return std::ranges::any_of(known,
                             [nal](const auto& set) { return std::ranges::equal(set, nal); });
}

void append(std::vector<std::uint8_t>& unit, std::span<const std::uint8_t> nal) {
  unit.insert(unit.end(), {0, 0, 0, 1});
  unit.insert(unit.end(), nal.begin(), nal.end());
}

}  // namespace

VideoCopier::VideoCopier(const Plan& plan)
    : plan_(plan),
      times_(times_shown(plan.index.packets)),
      shown_(shown_frames(plan)),
      delay_(plan.rungs.front().delay) {}

Result<std::unique_ptr<VideoCopier>> VideoCopier::open(const SourceFile& file, const Plan& plan) {
  std::unique_ptr<VideoCopier> copier(new VideoCopier(plan));
  auto packets = PacketReader::open(file, plan);
  if (!packets) {
    return fail(std::move(packets.error()));
  }
  copier->packets_ = std::move(*packets);
  const AVCodecParameters& codec = *copier->packets_->stream().codecpar;
  copier->sets_ = parameter_sets({codec.extradata, static_cast<std::size_t>(codec.extradata_size)});
  return copier;
}

// They rise from packet to packet and across segments, whatever stamps the container has.
std::int64_t VideoCopier::decoded_at(std::size_t entry) const noexcept {
  // What is encoded of this rung shows a picture more where one is held across a segment's begin.
  const auto place = std::ranges::lower_bound(shown_, times_[entry]) - shown_.begin();
  return decode_time(shown_, static_cast<std::size_t>(place), delay_);
}

// A delimiter first (ISO/IEC 13818-1 section 2.14.1), then, of an IDR, the stream's parameter sets,
// then the rest as it was. nullopt: it is not what the index took it for.
std::optional<std::span<const std::uint8_t>> VideoCopier::annex_b(
    std::span<const std::uint8_t> unit, bool key) {
  bool fits = true;
  constexpr std::array<std::uint8_t, 2> kAnyPicture{kNalDelimiter, 0xf0};
  unit_.clear();
  append(unit_, kAnyPicture);
  if (key) {
    if (sets_.sps.empty()) {  // They come with each keyframe only, always the same.
      const ParameterSets found = parameter_sets(unit);
      sets_.sps = found.sps;
      sets_.pps = found.pps;
    }
    for (const auto& sps : sets_.sps) {
      append(unit_, sps);
    }
    for (const auto& pps : sets_.pps) {
      append(unit_, pps);
    }
  }
  each_nal_of(unit, sets_.length_bytes, [&](std::span<const std::uint8_t> nal) {
    const std::uint8_t type = nal_type(nal);
    fits = fits && (!key || !is_slice(type) || type == kNalIdr);
    switch (type) {
      case kNalSps:
        fits = fits && is_among(sets_.sps, nal);
        break;
      case kNalPps:
        fits = fits && is_among(sets_.pps, nal);
        break;
      case kNalDelimiter:
      case kNalEndOfSequence:
      case kNalEndOfStream:
      case kNalFiller:
        break;
      default:
        append(unit_, nal);
    }
    return true;
  });
  return fits ? std::optional(std::span<const std::uint8_t>(unit_)) : std::nullopt;
}

Result<SegmentOutput> VideoCopier::copy(std::uint32_t segment, int output,
                                        const Progress& progress) {
  const auto& entries = plan_.index.packets;
  const hls::SegmentSpan span = plan_.timeline.video[segment];
  const auto begin_entry = [&entries](std::int64_t ticks) {
    const auto found = std::ranges::find_if(entries, [ticks](const PacketEntry& entry) {
      return entry.keyframe && entry.pts_ticks >= ticks;
    });
    return static_cast<std::size_t>(found - entries.begin());
  };
  const std::size_t begin = begin_entry(span.begin_ticks);
  const std::size_t end = begin_entry(span.end_ticks);
  if (begin >= end) {
    return fail(ErrorCode::kInvalidArgument, "the plan's segment begins at no keyframe");
  }
  if (next_entry_ != begin) {
    if (auto there = packets_->go_to(begin); !there) {
      return fail(std::move(there.error()));
    }
  }
  next_entry_ = SIZE_MAX;  // Until this one is whole.
  PictureSegment written(segment);
  const PacketPtr packet = new_packet();
  for (std::size_t entry = begin; entry < end; ++entry) {
    if (!packets_->read(*packet) ||
        static_cast<std::uint32_t>(packet->size) != entries[entry].bytes) {
      return fail(ErrorCode::kCorrupt, "The source does not read twice the same: it is damaged");
    }
    const bool key = entries[entry].keyframe;
    const std::int64_t decoded = decoded_at(entry);
    std::size_t changed = 0;
    const bool changes =
        av_packet_get_side_data(packet.get(), AV_PKT_DATA_NEW_EXTRADATA, &changed) != nullptr;
    const auto unit = annex_b({packet->data, static_cast<std::size_t>(packet->size)}, key);
    if (!unit || changes || decoded > entries[entry].pts_ticks) {
      return fail(ErrorCode::kCorrupt, "a picture of the source cannot be passed on as it is");
    }
    written.add(*unit, entries[entry].pts_ticks, decoded, key);
    const double done = static_cast<double>(entry - begin) /
                        static_cast<double>(std::max<std::size_t>(1, end - begin));
    if (entry % kProgressEvery == 0 && progress && !progress(done)) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
  }
  const auto bytes = written.finish();
  if (auto wrote = write_output(output, bytes); !wrote) {
    return fail(std::move(wrote.error()));
  }
  next_entry_ = end;
  return SegmentOutput{.bytes = bytes.size(),
                       .begin_ticks = span.begin_ticks,
                       .duration_ticks = span.duration_ticks(),
                       .frames = static_cast<std::uint32_t>(end - begin),
                       .damaged_frames = 0,
                       .codecs = plan_.index.video->codecs,
                       .i_frames = written.i_frames()};
}

}  // namespace sf::transcode

#include "index_order.hpp"

#include "h264.hpp"

#include <algorithm>
#include <numeric>

namespace sf::transcode {
namespace {

bool has_idr(std::span<const std::uint8_t> unit, std::size_t length_bytes) {
  bool idr = false;
  each_nal_of(unit, length_bytes, [&idr](std::span<const std::uint8_t> nal) {
    idr = nal_type(nal) == kNalIdr;
    return !is_slice(nal_type(nal));
  });
  return idr;
}

}  // namespace

DisplayOrder::DisplayOrder(const AVCodecParameters& codec)
    : parser_(av_parser_init(codec.codec_id)),
      codec_(avcodec_alloc_context3(nullptr)),
      by_count_(codec.codec_id == AV_CODEC_ID_H264) {
  if (by_count_ && codec.extradata_size > 6 && codec.extradata[0] == 1) {
    length_bytes_ = (codec.extradata[4] & 3U) + 1;
  }
  if (parser_ != nullptr && codec_ != nullptr) {
    parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    avcodec_parameters_to_context(codec_.get(), &codec);
  }
}

DisplayOrder::~DisplayOrder() { av_parser_close(parser_); }

void DisplayOrder::add(const AVPacket& packet) {
  Place place{.sequence = sequence_, .order = static_cast<std::int64_t>(places_.size())};
  if (parser_ != nullptr && codec_ != nullptr && packet.size > 0) {
    std::uint8_t* out = nullptr;
    int out_bytes = 0;
    parser_->pict_type = AV_PICTURE_TYPE_NONE;
    av_parser_parse2(parser_, codec_.get(), &out, &out_bytes, packet.data, packet.size,
                     AV_NOPTS_VALUE, AV_NOPTS_VALUE, -1);
    if (by_count_) {
      const std::span unit(packet.data, static_cast<std::size_t>(packet.size));
      const bool idr = has_idr(unit, length_bytes_);
      sequence_ += idr ? 1 : 0;
      place = {.sequence = sequence_, .order = parser_->output_picture_number};
    } else {
      // Sorted by sequence: a B-picture right before the other picture that came before it.
      sequence_ += parser_->pict_type == AV_PICTURE_TYPE_B ? 0 : 1;
      place.sequence = sequence_ * 2 - (parser_->pict_type == AV_PICTURE_TYPE_B ? 1 : 0);
    }
  }
  place.known = packet.pts != AV_NOPTS_VALUE;
  needed_ = needed_ || !place.known;
  places_.push_back(place);
}

void DisplayOrder::assign(std::span<PacketEntry> packets) const {
  const std::size_t count = std::min(packets.size(), places_.size());
  std::vector<std::int64_t> times;
  times.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    times.push_back(packets[i].dts_ticks);
  }
  std::ranges::sort(times);
  std::vector<std::size_t> shown(count);
  std::iota(shown.begin(), shown.end(), std::size_t{0});
  std::ranges::stable_sort(shown, [this](std::size_t a, std::size_t b) {
    return std::pair(places_[a].sequence, places_[a].order) <
           std::pair(places_[b].sequence, places_[b].order);
  });
  // From decode times to shown times: as the nearest known one before says, or the first one.
  std::int64_t shift = 0;
  for (std::size_t i = count; i-- > 0;) {
    shift = places_[shown[i]].known ? packets[shown[i]].pts_ticks - times[i] : shift;
  }
  for (std::size_t i = 0; i < count; ++i) {
    PacketEntry& packet = packets[shown[i]];
    if (places_[shown[i]].known) {
      shift = packet.pts_ticks - times[i];
    } else {
      packet.pts_ticks = times[i] + shift;
    }
  }
}

}  // namespace sf::transcode

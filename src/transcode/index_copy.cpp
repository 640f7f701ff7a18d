#include "index_copy.hpp"

#include "adts.hpp"

#include <streamforge/hls/playlist.hpp>

#include "source.hpp"

#include <algorithm>
#include <bit>

namespace sf::transcode {
namespace {

// Of a keyframe that is read though its file is skimmed: what comes before its first slice.
constexpr std::size_t kPeekBytes = 16 * 1024;
// Keyframes read in a skimmed file: all of the first ones, then this many while their number
// doubles. A disk that seeks has to go to each.
constexpr std::uint64_t kPeeksAtFirst = 16;

}  // namespace

CopyCheck::CopyCheck(const AVCodecParameters& codec, bool skimmed)
    : sets_(parameter_sets({codec.extradata, static_cast<std::size_t>(codec.extradata_size)})),
      skimmed_(skimmed),
      sets_known_(!sets_.sps.empty()) {
  if (sets_.sps.size() > 1) {
    refuse("it changes its parameters on the way");
  }
}

bool CopyCheck::is_sample() const noexcept {
  return keys_ <= kPeeksAtFirst || keys_ % (std::bit_floor(keys_) / kPeeksAtFirst) == 0;
}

void CopyCheck::add(const AVPacket& packet, ByteReader& reader) {
  if (!obstacle_.empty()) {
    return;
  }
  std::size_t size = 0;
  if (av_packet_get_side_data(&packet, AV_PKT_DATA_NEW_EXTRADATA, &size) != nullptr) {
    refuse("it changes its parameters on the way");
    return;
  }
  if ((packet.flags & AV_PKT_FLAG_KEY) == 0) {
    return;
  }
  ++keys_;
  if (!skimmed_) {
    look({packet.data, static_cast<std::size_t>(packet.size)});
  } else if (is_sample() && !reader.skims_what_is_missing()) {
    std::vector<std::uint8_t> head(std::min(kPeekBytes, static_cast<std::size_t>(packet.size)));
    const int got = reader.peek_at(packet.pos, head.data(), head.size());
    look(std::span(head).first(static_cast<std::size_t>(std::max(0, got))));
  }
  sets_known_ = true;
}

// Up to the first slice of a keyframe.
void CopyCheck::look(std::span<const std::uint8_t> unit) {
  bool sliced = false;
  each_nal_of(unit, sets_.length_bytes, [&](std::span<const std::uint8_t> nal) {
    const std::uint8_t type = nal_type(nal);
    if (type == kNalSps) {
      compare(sets_.sps, nal);
    } else if (type == kNalPps) {
      compare(sets_.pps, nal);
    } else if (is_slice(type)) {
      sliced = true;
      if (type != kNalIdr) {
        refuse("a keyframe of it needs pictures that come before");
      }
    }
    return !sliced;
  });
  if (!sliced) {
    refuse("a keyframe of it does not read as one");
  }
}

void CopyCheck::compare(std::vector<std::vector<std::uint8_t>>& known,
                        std::span<const std::uint8_t> nal) {
  while (!nal.empty() && nal.back() == 0) {
    nal = nal.first(nal.size() - 1);  // Zeros may follow a unit of annex B.
  }
  const auto same = [nal](const auto& set) { return std::ranges::equal(set, nal); };
  if (std::ranges::any_of(known, same)) {
    return;
  }
  if (sets_known_) {
    refuse("it changes its parameters on the way");
  } else {
    known.emplace_back(nal.begin(), nal.end());
  }
}

void CopyCheck::refuse(std::string_view why) {
  if (obstacle_.empty()) {
    obstacle_ = why;
  }
}

void CopyCheck::tell(VideoInfo& video) const {
  video.copy_obstacle = obstacle_;
  const auto sps = sets_.sps.empty() ? std::nullopt : parse_sps(sets_.sps.front());
  if (!sps || sets_.pps.empty()) {
    video.copy_obstacle = "it does not say how it is coded";
    return;
  }
  video.codecs = hls::avc1_codec(sps->profile, sps->constraints, sps->level);
  if (!obstacle_.empty()) {
    return;
  }
  if (sps->chroma_format != 1 || sps->luma_depth != 8 || sps->chroma_depth != 8) {
    video.copy_obstacle = "it is not 8-bit 4:2:0";
  } else if (!sps->frames_only) {
    video.copy_obstacle = "it may be interlaced";
  }
}

std::string aac_obstacle(std::span<const std::uint8_t> extradata,
                         std::span<const std::uint8_t> packet) {
  if (extradata.size() >= 2) {  // ISO/IEC 14496-3 section 1.6.2.1.
    const unsigned object_type = extradata[0] >> 3;
    const unsigned layout = extradata[1] >> 3 & 0xf;
    const bool short_frames = (extradata[1] & 4) != 0;
    if (object_type != 2 || layout < 1 || layout > 2) {
      return "it is not plain AAC-LC";
    }
    return short_frames ? "its frames have 960 samples" : "";
  }
  // Section 1.A.2: ADTS.
  const auto head = parse_adts(packet);
  if (!head) {
    return "it does not say how it is coded";
  }
  if (head->profile != 1 || head->channels < 1 || head->channels > 2) {
    return "it is not plain AAC-LC";
  }
  return head->more_blocks != 0 ? "its frames come several at once" : "";
}

}  // namespace sf::transcode

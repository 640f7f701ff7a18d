#include "h264.hpp"

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

// Section 7.2: bits of an RBSP, exponential Golomb codes of section 9.1. After the end every read
// gives zero and `good` is false.
class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  unsigned bit() {
    if (at_ / 8 >= bytes_.size()) {
      good_ = false;
      return 0;
    }
    const unsigned value = bytes_[at_ / 8] >> (7 - at_ % 8) & 1U;
    ++at_;
    return value;
  }
  std::uint32_t bits(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      value = value << 1 | bit();
    }
    return value;
  }
  std::uint32_t golomb() {
    unsigned zeros = 0;
    while (good_ && bit() == 0) {
      if (++zeros > 31) {
        good_ = false;
      }
    }
    return good_ ? ((1U << zeros) - 1) + bits(zeros) : 0;
  }
  void skip(unsigned count) {
    for (unsigned i = 0; i < count; ++i) bit();
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool good_ = true;
};

// Without the emulation prevention of section 7.4.1: 00 00 03 stands for 00 00.
std::vector<std::uint8_t> rbsp_of(std::span<const std::uint8_t> nal) {
  std::vector<std::uint8_t> out;
  out.reserve(nal.size());
  unsigned zeros = 0;
  for (const std::uint8_t byte : nal) {
    if (zeros >= 2 && byte == 3) {
      zeros = 0;
      continue;
    }
    zeros = byte == 0 ? zeros + 1 : 0;
    out.push_back(byte);
  }
  return out;
}

bool has_chroma_format(std::uint8_t profile) {
  constexpr std::array<std::uint8_t, 12> kProfiles{100, 110, 122, 244, 44,  83,
                                                   86,  118, 128, 138, 139, 134};
  return std::ranges::find(kProfiles, profile) != kProfiles.end();
}

void skip_scaling_list(BitReader& bits, unsigned size) {
  std::uint32_t last = 8;
  std::uint32_t next = 8;
  for (unsigned i = 0; i < size && bits.good(); ++i) {
    if (next != 0) {
      const std::uint32_t code = bits.golomb();
      const std::uint32_t delta = code % 2 == 1 ? (code + 1) / 2 : 0 - code / 2;
      next = (last + delta) & 0xff;
    }
    last = next == 0 ? last : next;
  }
}

void skip_scaling_matrix(BitReader& bits, unsigned chroma_format) {
  const unsigned lists = chroma_format == 3 ? 12 : 8;
  for (unsigned i = 0; i < lists; ++i) {
    if (bits.bit() == 1) {
      skip_scaling_list(bits, i < 6 ? 16 : 64);
    }
  }
}

void skip_order_count(BitReader& bits) {
  const std::uint32_t type = bits.golomb();
  if (type == 0) {
    bits.golomb();
  } else if (type == 1) {
    bits.bit();
    bits.golomb();
    bits.golomb();
    const std::uint32_t cycle = bits.golomb();
    for (std::uint32_t i = 0; i < cycle && i < 256 && bits.good(); ++i) {
      bits.golomb();
    }
  }
}

ParameterSets sets_of_record(std::span<const std::uint8_t> record) {
  ParameterSets sets;
  sets.length_bytes = (record[4] & 3U) + 1;
  std::size_t at = 5;
  const auto take = [&](std::size_t count, auto& into) {
    for (std::size_t i = 0; i < count && at + 2 <= record.size(); ++i) {
      const std::size_t length = std::size_t{record[at]} << 8 | record[at + 1];
      at += 2;
      if (length == 0 || length > record.size() - at) {
        return;
      }
      const auto nal = record.subspan(at, length);
      into.emplace_back(nal.begin(), nal.end());
      at += length;
    }
  };
  take(record[at++] & 0x1fU, sets.sps);
  if (at < record.size()) {
    take(record[at++], sets.pps);
  }
  return sets;
}

// Up to frame_mbs_only_flag.
std::optional<Sps> read_sps(BitReader& bits) {
  Sps sps;
  sps.profile = static_cast<std::uint8_t>(bits.bits(8));
  sps.constraints = static_cast<std::uint8_t>(bits.bits(8));
  sps.level = static_cast<std::uint8_t>(bits.bits(8));
  bits.golomb();  // Its number.
  if (has_chroma_format(sps.profile)) {
    sps.chroma_format = bits.golomb();
    if (sps.chroma_format == 3) {
      bits.bit();
    }
    sps.luma_depth = bits.golomb() + 8;
    sps.chroma_depth = bits.golomb() + 8;
    bits.bit();
    if (bits.bit() == 1) {
      skip_scaling_matrix(bits, sps.chroma_format);
    }
  }
  bits.golomb();
  skip_order_count(bits);
  bits.golomb();
  bits.bit();
  bits.golomb();
  bits.golomb();
  sps.frames_only = bits.bit() == 1;
  return bits.good() ? std::optional(sps) : std::nullopt;
}

// From behind frame_mbs_only_flag, of pictures that are no fields, to max_num_reorder_frames
// (section E.1.1); false when it is not said, or behind what encoders here do not write.
bool skip_to_reordered(BitReader& bits) {
  constexpr std::uint32_t kOwnAspect = 255;
  bits.bit();
  if (bits.bit() == 1) {  // Cropping.
    for (int side = 0; side < 4; ++side) bits.golomb();
  }
  if (bits.bit() == 0) return false;  // No VUI.
  if (bits.bit() == 1 && bits.bits(8) == kOwnAspect) bits.skip(32);
  if (bits.bit() == 1) bits.bit();  // Overscan.
  if (bits.bit() == 1) {            // Video signal.
    bits.skip(4);
    if (bits.bit() == 1) bits.skip(24);
  }
  if (bits.bit() == 1) {  // Where chroma lies.
    bits.golomb();
    bits.golomb();
  }
  if (bits.bit() == 1) bits.skip(65);                    // Timing.
  if (bits.bit() == 1 || bits.bit() == 1) return false;  // HRD parameters.
  bits.bit();
  if (bits.bit() == 0) return false;
  bits.bit();
  for (int limit = 0; limit < 4; ++limit) bits.golomb();
  return bits.good();
}

}  // namespace

ParameterSets parameter_sets(std::span<const std::uint8_t> extradata) {
  if (extradata.size() > 6 && extradata[0] == 1) {
    return sets_of_record(extradata);
  }
  ParameterSets sets;
  each_nal(extradata, [&sets](std::size_t, std::span<const std::uint8_t> nal) {
    while (!nal.empty() && nal.back() == 0) {
      nal = nal.first(nal.size() - 1);  // Zeros may follow.
    }
    if (nal_type(nal) == kNalSps) {
      sets.sps.emplace_back(nal.begin(), nal.end());
    } else if (nal_type(nal) == kNalPps) {
      sets.pps.emplace_back(nal.begin(), nal.end());
    }
    return true;
  });
  return sets;
}

std::optional<Sps> parse_sps(std::span<const std::uint8_t> nal) {
  if (nal_type(nal) != kNalSps) {
    return std::nullopt;
  }
  const std::vector<std::uint8_t> rbsp = rbsp_of(nal.subspan(1));
  BitReader bits(rbsp);
  return read_sps(bits);
}

bool allow_two_reordered(std::span<std::uint8_t> nal) {
  if (nal_type(nal) != kNalSps) {
    return false;
  }
  const std::vector<std::uint8_t> rbsp = rbsp_of(nal.subspan(1));
  BitReader bits(rbsp);
  if (!read_sps(bits) || !skip_to_reordered(bits)) {
    return false;
  }
  const std::size_t code = bits.position();
  if (bits.golomb() != 1 || bits.golomb() < 2 || !bits.good()) {
    return false;
  }
  const std::size_t last_bit = code + 2;  // 1 is coded 010, 2 is 011.
  std::size_t place = 1;
  unsigned zeros = 0;
  for (std::size_t read = 0; place < nal.size(); ++place) {
    if (zeros >= 2 && nal[place] == 3) {
      zeros = 0;
      continue;
    }
    if (read++ == last_bit / 8) break;
    zeros = nal[place] == 0 ? zeros + 1 : 0;
  }
  nal[place] |= static_cast<std::uint8_t>(0x80U >> last_bit % 8);
  return true;
}

}  // namespace sf::transcode

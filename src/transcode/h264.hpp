#pragma once

/// What of H.264 (ITU-T H.264) must be understood without decoding: NAL units in both of their
/// forms, and what a sequence parameter set says. Pure; any thread. Bytes come from strangers:
/// whatever they are, nothing outside them is read.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sf::transcode {

/// Table 7-1; slices are 1 to 5.
enum NalType : std::uint8_t {
  kNalSlice = 1,
  kNalIdr = 5,
  kNalSei = 6,
  kNalSps = 7,
  kNalPps = 8,
  kNalDelimiter = 9,
  kNalEndOfSequence = 10,
  kNalEndOfStream = 11,
  kNalFiller = 12,
};
[[nodiscard]] inline std::uint8_t nal_type(std::span<const std::uint8_t> nal) noexcept {
  return nal.empty() ? 0 : nal[0] & 0x1f;
}
[[nodiscard]] inline bool is_slice(std::uint8_t type) noexcept {
  return type >= kNalSlice && type <= kNalIdr;
}

/// Annex B: NAL units behind start codes. `visit(code, nal)` gets where the start code begins and
/// the unit; it returns false to end.
template <class Visit>
void each_nal(std::span<const std::uint8_t> unit, Visit visit) {
  std::size_t start = 0;
  std::size_t code = 0;  // Where the start code of the current one begins.
  bool open = false;
  for (std::size_t i = 0; i + 3 <= unit.size(); ++i) {
    if (unit[i] != 0 || unit[i + 1] != 0 || unit[i + 2] != 1) {
      continue;
    }
    const std::size_t begin = i > 0 && unit[i - 1] == 0 ? i - 1 : i;
    if (open && !visit(code, unit.subspan(start, begin - start))) {
      return;
    }
    code = begin;
    start = i + 3;
    open = true;
    i += 2;
  }
  if (open) {
    visit(code, unit.subspan(start));
  }
}

/// ISO/IEC 14496-15: every NAL unit behind its length, of `length_bytes`. The last one may be cut
/// off: what there is of it is given.
template <class Visit>
void each_nal(std::span<const std::uint8_t> unit, std::size_t length_bytes, Visit visit) {
  while (unit.size() > length_bytes) {
    std::size_t length = 0;
    for (const std::uint8_t byte : unit.first(length_bytes)) {
      length = length << 8 | byte;
    }
    unit = unit.subspan(length_bytes);
    length = length < unit.size() ? length : unit.size();
    if (length > 0 && !visit(unit.first(length))) {
      return;
    }
    unit = unit.subspan(length);
  }
}

/// Either form; `length_bytes` 0: annex B. `visit(nal)`.
template <class Visit>
void each_nal_of(std::span<const std::uint8_t> unit, std::size_t length_bytes, Visit visit) {
  if (length_bytes > 0) {
    each_nal(unit, length_bytes, visit);
  } else {
    each_nal(unit, [&visit](std::size_t, std::span<const std::uint8_t> nal) { return visit(nal); });
  }
}

/// The parameter sets of a stream, in the order they came, and the form of its access units.
struct ParameterSets {
  std::size_t length_bytes = 0;  ///< 0: annex B.
  std::vector<std::vector<std::uint8_t>> sps;
  std::vector<std::vector<std::uint8_t>> pps;
};
/// From a decoder configuration: an AVCDecoderConfigurationRecord, or sets in annex B form; empty
/// lists when it holds none.
[[nodiscard]] ParameterSets parameter_sets(std::span<const std::uint8_t> extradata);

/// Section 7.3.2.1.1, as far as is of use here.
struct Sps {
  std::uint8_t profile = 0;
  std::uint8_t constraints = 0;
  std::uint8_t level = 0;
  unsigned chroma_format = 1;  ///< 1: 4:2:0.
  unsigned luma_depth = 8;
  unsigned chroma_depth = 8;
  bool frames_only = false;  ///< frame_mbs_only_flag: no picture is coded as fields.
};
/// From a whole NAL unit, its header byte included; nullopt when it is none.
[[nodiscard]] std::optional<Sps> parse_sps(std::span<const std::uint8_t> nal);

/// Has an SPS of progressive pictures that announces one picture decoded before its turn
/// (max_num_reorder_frames, section E.2.1) announce two, which takes as many bits. False, and
/// nothing changed, where it announces anything else or keeps less than two pictures.
bool allow_two_reordered(std::span<std::uint8_t> nal);

}  // namespace sf::transcode

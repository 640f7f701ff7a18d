#pragma once

/// MPEG-TS (ISO/IEC 13818-1) of one segment, made so that segments encoded apart read as one
/// stream: PAT and PMT once, at the start, their continuity counters taken from the segment's
/// number; the media PID's counter starts at 0 and its packets are brought to a multiple of 16, so
/// that it runs on whatever comes before and after. One program, one stream; pure, into memory.

#include <streamforge/hls/timeline.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sf::transcode {

inline constexpr std::size_t kTsPacketBytes = 188;
/// Timeline zero is at this PTS, in video and audio alike: DTS and PCR before it stay positive.
inline constexpr std::int64_t kTsOriginTicks = hls::kZeroPts;

/// Of the one stream; its PCR is there too.
inline constexpr std::uint16_t kTsMediaPid = 0x100;

enum class TsStream : std::uint8_t { kH264 = 0x1b, kAac = 0x0f };  ///< ISO 13818-1 table 2-34.

class TsWriter {
 public:
  TsWriter(TsStream stream, std::uint32_t segment);

  struct Unit {
    std::span<const std::uint8_t> bytes;  ///< An access unit, or ADTS frames.
    std::int64_t pts_ticks = 0;           ///< On the timeline; stamps are these + kTsOriginTicks.
    std::int64_t dts_ticks = 0;
    bool random_access = false;
  };
  /// One PES packet. Units come in decode order.
  void add(const Unit& unit);

  /// Offset at which the next unit's first TS packet will be. That of the last one added ends here,
  /// but for what `finish` appends.
  [[nodiscard]] std::uint64_t next_offset() const noexcept;

  /// Writes what is held back and evens the packet count. The bytes stay with the writer.
  [[nodiscard]] std::span<const std::uint8_t> finish();

 private:
  void write_tables(std::uint32_t segment);
  void write_section(std::uint16_t pid, std::uint32_t counter,
                     std::span<const std::uint8_t> section);
  void flush(bool last);
  [[nodiscard]] std::size_t packets_of_pending() const noexcept;

  TsStream stream_;
  std::vector<std::uint8_t> out_;
  std::vector<std::uint8_t> pending_;  // A whole PES packet, header first; empty: none.
  std::size_t pending_header_ = 0;
  std::int64_t pending_pcr_ = 0;  // -1: none.
  bool pending_random_access_ = false;
  std::size_t media_packets_ = 0;
};

}  // namespace sf::transcode

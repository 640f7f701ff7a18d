#include "ts_writer.hpp"

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

constexpr std::uint16_t kPatPid = 0;
constexpr std::uint16_t kPmtPid = 0x1000;
constexpr std::size_t kPayloadBytes = kTsPacketBytes - 4;
constexpr std::size_t kPcrFieldBytes = 8;  // Length, flags, six of PCR.
constexpr std::size_t kCounterCycle = 16;
// How long before it is due a unit begins to arrive: the T-STD buffer of a player.
constexpr std::int64_t kPcrLeadTicks = 63'000;
constexpr std::int64_t kStampMask = (std::int64_t{1} << 33) - 1;

// ISO 13818-1 annex A: polynomial 0x04C11DB7, most significant bit first.
std::uint32_t crc32_mpeg(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffff'ffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= std::uint32_t{byte} << 24;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc << 1 ^ ((crc & 0x8000'0000U) != 0 ? 0x04c1'1db7U : 0U);
    }
  }
  return crc;
}

void put(std::vector<std::uint8_t>& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

// Section 2.4.3.7: 33 bits in five bytes, marker bits between.
void put_stamp(std::vector<std::uint8_t>& out, unsigned prefix, std::int64_t ticks) {
  const auto stamp = static_cast<std::uint64_t>((ticks + kTsOriginTicks) & kStampMask);
  put(out, prefix << 4 | (stamp >> 29 & 0x0e) | 1, 1);
  put(out, (stamp >> 14 & 0xfffe) | 1, 2);
  put(out, (stamp << 1 & 0xfffe) | 1, 2);
}

void put_packet_head(std::vector<std::uint8_t>& out, std::uint16_t pid, bool starts,
                     bool has_adaptation, std::size_t counter) {
  out.push_back(0x47);
  put(out, (starts ? 0x4000U : 0U) | pid, 2);
  out.push_back(
      static_cast<std::uint8_t>((has_adaptation ? 0x30U : 0x10U) | (counter % kCounterCycle)));
}

}  // namespace

TsWriter::TsWriter(TsStream stream, std::uint32_t segment) : stream_(stream) {
  write_tables(segment);
}

// Sections 2.4.4.3 and 2.4.4.8. Once a segment, hence one step of the counter a segment.
void TsWriter::write_tables(std::uint32_t segment) {
  std::vector<std::uint8_t> pat{0x00, 0xb0, 13, 0x00, 0x01, 0xc1, 0, 0, 0x00, 0x01};
  put(pat, 0xe000U | kPmtPid, 2);
  write_section(kPatPid, segment, pat);
  std::vector<std::uint8_t> pmt{0x02, 0xb0, 18, 0x00, 0x01, 0xc1, 0, 0};
  put(pmt, 0xe000U | kTsMediaPid, 2);  // PCR.
  put(pmt, 0xf000, 2);
  pmt.push_back(static_cast<std::uint8_t>(stream_));
  put(pmt, 0xe000U | kTsMediaPid, 2);
  put(pmt, 0xf000, 2);
  write_section(kPmtPid, segment, pmt);
}

void TsWriter::write_section(std::uint16_t pid, std::uint32_t counter,
                             std::span<const std::uint8_t> section) {
  const std::size_t end = out_.size() + kTsPacketBytes;
  put_packet_head(out_, pid, true, false, counter);
  out_.push_back(0);  // The section begins at once.
  out_.insert(out_.end(), section.begin(), section.end());
  put(out_, crc32_mpeg(section), 4);
  out_.resize(end, 0xff);
}

void TsWriter::add(const Unit& unit) {
  flush(false);
  const bool has_dts = unit.dts_ticks != unit.pts_ticks;
  const std::size_t header_data = has_dts ? 10 : 5;
  pending_.clear();
  put(pending_, stream_ == TsStream::kH264 ? 0x0000'01e0 : 0x0000'01c0, 4);
  // 0 where 16 bits do not hold it: allowed for video.
  const std::size_t length = 3 + header_data + unit.bytes.size();
  put(pending_, length > 0xffff ? 0 : length, 2);
  put(pending_, 0x84, 1);  // Aligned: an access unit begins here.
  put(pending_, has_dts ? 0xc0 : 0x80, 1);
  put(pending_, header_data, 1);
  put_stamp(pending_, has_dts ? 3 : 2, unit.pts_ticks);
  if (has_dts) {
    put_stamp(pending_, 1, unit.dts_ticks);
  }
  pending_header_ = pending_.size();
  pending_.insert(pending_.end(), unit.bytes.begin(), unit.bytes.end());
  pending_pcr_ = unit.dts_ticks + kTsOriginTicks - kPcrLeadTicks;
  pending_random_access_ = unit.random_access;
}

std::size_t TsWriter::packets_of_pending() const noexcept {
  if (pending_.empty()) {
    return 0;
  }
  const std::size_t first = kPayloadBytes - kPcrFieldBytes;
  const std::size_t rest = pending_.size() > first ? pending_.size() - first : 0;
  return 1 + (rest + kPayloadBytes - 1) / kPayloadBytes;
}

std::uint64_t TsWriter::next_offset() const noexcept {
  return out_.size() + packets_of_pending() * kTsPacketBytes;
}

void TsWriter::flush(bool last) {
  if (pending_.empty()) {
    return;
  }
  std::size_t packets = packets_of_pending();
  if (last) {
    const std::size_t over = (media_packets_ + packets) % kCounterCycle;
    packets += over == 0 ? 0 : kCounterCycle - over;
    // Every packet carries a byte at least. Zeros may follow an H.264 access unit (annex B). Behind
    // ADTS frames libav takes them for one: there the header is stuffed (section 2.4.3.7).
    const std::size_t least = pending_header_ + packets - 1;
    if (pending_.size() < least) {
      const std::size_t missing = least - pending_.size();
      if (stream_ == TsStream::kH264) {
        pending_.resize(least, 0);
      } else {
        pending_.insert(pending_.begin() + static_cast<std::ptrdiff_t>(pending_header_), missing,
                        0xff);
        pending_[8] = static_cast<std::uint8_t>(pending_[8] + missing);
      }
      const std::size_t length = pending_.size() - 6;
      pending_[4] = static_cast<std::uint8_t>(length >> 8);
      pending_[5] = static_cast<std::uint8_t>(length);
    }
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < packets; ++i, ++media_packets_) {
    const std::size_t left = pending_.size() - at;
    const std::size_t after = packets - i - 1;
    const std::size_t field = i == 0 ? kPcrFieldBytes : 0;
    const std::size_t payload = std::min(kPayloadBytes - field, left - after);
    const std::size_t adaptation = kPayloadBytes - payload;
    put_packet_head(out_, kTsMediaPid, i == 0, adaptation > 0, media_packets_);
    const std::size_t end = out_.size() + kPayloadBytes;
    if (adaptation > 0) {
      out_.push_back(static_cast<std::uint8_t>(adaptation - 1));
    }
    if (adaptation > 1) {
      out_.push_back(i == 0 ? (pending_random_access_ ? 0x50 : 0x10) : 0x00);
    }
    if (i == 0) {
      // Section 2.4.3.5: base of 33 bits, six reserved, extension of nine (0).
      put(out_, (static_cast<std::uint64_t>(pending_pcr_ & kStampMask) << 15) | 0x7e00, 6);
    }
    out_.resize(end - payload, 0xff);
    out_.insert(out_.end(), pending_.begin() + static_cast<std::ptrdiff_t>(at),
                pending_.begin() + static_cast<std::ptrdiff_t>(at + payload));
    at += payload;
  }
  pending_.clear();
}

std::span<const std::uint8_t> TsWriter::finish() {
  flush(true);
  return out_;
}

}  // namespace sf::transcode

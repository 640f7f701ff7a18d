#include "ts_reader.hpp"

#include "ts_writer.hpp"

#include <optional>

namespace sf::transcode {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeadBytes = 4;
constexpr std::int64_t kStampCycle = std::int64_t{1} << 33;

std::unexpected<Error> broken() {
  return fail(ErrorCode::kCorrupt, "a segment does not read as it was written");
}

// ISO 13818-1 section 2.4.3.7: 33 bits in five bytes, marker bits between.
std::int64_t stamp_at(Bytes bytes, std::int64_t near_ticks) {
  const auto fifteen_bits = [&](std::size_t at) {
    return (std::int64_t{bytes[at]} << 8 | bytes[at + 1]) >> 1;
  };
  const std::int64_t stamp =
      (std::int64_t{bytes[0]} >> 1 & 7) << 30 | fifteen_bits(1) << 15 | fifteen_bits(3);
  const std::int64_t ticks = stamp - kTsOriginTicks;
  const std::int64_t away = near_ticks - ticks + kStampCycle / 2;
  const std::int64_t cycles = away >= 0 ? away / kStampCycle : -1;
  return ticks + cycles * kStampCycle;
}

// Without its PES header, whose stamps go into the unit; nullopt when that is not one of ours.
std::optional<TsUnit> unpacked(TsUnit unit, std::int64_t near_ticks) {
  const Bytes bytes(unit.bytes);
  if (bytes.size() < 14 || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 1) return std::nullopt;
  const std::size_t header = 9 + std::size_t{bytes[8]};
  const bool has_dts = (bytes[7] & 0x40) != 0;
  if ((bytes[7] & 0x80) == 0 || bytes[8] < (has_dts ? 10 : 5) || bytes.size() < header) {
    return std::nullopt;
  }
  unit.pts_ticks = stamp_at(bytes.subspan(9), near_ticks);
  unit.dts_ticks = has_dts ? stamp_at(bytes.subspan(14), near_ticks) : unit.pts_ticks;
  unit.bytes.erase(unit.bytes.begin(), unit.bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return unit;
}

}  // namespace

Result<std::vector<TsUnit>> read_segment(std::span<const std::uint8_t> bytes,
                                         std::int64_t near_ticks) {
  if (bytes.empty() || bytes.size() % kTsPacketBytes != 0) return broken();
  std::vector<TsUnit> packed;
  for (; !bytes.empty(); bytes = bytes.subspan(kTsPacketBytes)) {
    const Bytes packet = bytes.first(kTsPacketBytes);
    const unsigned pid = (packet[1] & 0x1fU) << 8 | packet[2];
    if (packet[0] != 0x47) return broken();
    if (pid != kTsMediaPid) continue;
    const bool begins = (packet[1] & 0x40) != 0;
    const bool adapts = (packet[3] & 0x20) != 0;
    const std::size_t payload = kHeadBytes + (adapts ? std::size_t{1} + packet[4] : 0);
    if (payload > packet.size() || (!begins && packed.empty())) return broken();
    if (begins) {
      packed.emplace_back();
      packed.back().random_access = adapts && packet[4] > 0 && (packet[5] & 0x40) != 0;
    }
    auto& into = packed.back().bytes;
    into.insert(into.end(), packet.begin() + static_cast<std::ptrdiff_t>(payload), packet.end());
  }
  std::vector<TsUnit> units;
  units.reserve(packed.size());
  for (TsUnit& unit : packed) {
    auto whole = unpacked(std::move(unit), near_ticks);
    if (!whole) return broken();
    units.push_back(std::move(*whole));
  }
  return units;
}

}  // namespace sf::transcode

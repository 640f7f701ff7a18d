#include "index_strays.hpp"

#include <streamforge/hls/timeline.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

namespace sf::transcode {
namespace {

constexpr std::int64_t kLeapTicks = 10 * hls::kTicksPerSecond;
constexpr std::int64_t kTailLeapTicks = 6 * 3'600 * hls::kTicksPerSecond;  // Nobody pauses so long.
constexpr std::size_t kAstrayMax = 1'024;  // Packets in a row: more than a fragment holds.
constexpr std::size_t kFalseStartMax = 8;  // Fewer before a leap back are no recording.
constexpr std::size_t kReorderMax = 17;  // A picture is shown before the 17th after it is decoded.

// Where the decode times that leap at `from` leap back to what was before, or all end; `from` if
// they do neither.
std::size_t return_of(std::span<const PacketEntry> packets, std::size_t from) {
  const std::int64_t before = packets[from - 1].dts_ticks;
  const bool ahead = packets[from].dts_ticks > before;
  const std::size_t end = std::min(packets.size(), from + kAstrayMax);
  for (std::size_t i = from + 1; i < end; ++i) {
    const std::int64_t step = packets[i].dts_ticks - packets[i - 1].dts_ticks;
    const bool leaps_back = ahead ? step < -kLeapTicks : step > kLeapTicks;
    if (leaps_back && packets[i].dts_ticks >= before - kLeapTicks) return i;
  }
  const bool to_the_end =
      end == packets.size() && packets[from].dts_ticks > before + kTailLeapTicks;
  return to_the_end ? end : from;
}

bool leaps(const PacketEntry& before, const PacketEntry& packet) {
  const std::int64_t step = packet.dts_ticks - before.dts_ticks;
  return step > kLeapTicks || step < -kLeapTicks;
}

// Whether `packets[i]` would be shown long before it is decoded, or long after those that follow.
bool is_shown_astray(std::span<const PacketEntry> packets, std::size_t i) {
  const PacketEntry& packet = packets[i];
  const std::size_t later = i + kReorderMax;
  return packet.pts_ticks < packet.dts_ticks - kLeapTicks ||
         (later < packets.size() && packet.pts_ticks > packets[later].dts_ticks + kLeapTicks);
}

bool is_orderly(std::span<const PacketEntry> packets) {
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (is_shown_astray(packets, i) || (i > 0 && leaps(packets[i - 1], packets[i]))) return false;
  }
  return true;
}

}  // namespace

std::size_t drop_strays(std::vector<PacketEntry>& packets) {
  if (is_orderly(packets)) return 0;  // Nearly always, and looked at again as a file arrives.
  std::vector<PacketEntry> kept;
  kept.reserve(packets.size());
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (i > 0 && leaps(packets[i - 1], packets[i])) {
      const bool back_in_time = packets[i].dts_ticks < packets[i - 1].dts_ticks;
      if (const std::size_t back = return_of(packets, i); back != i) {
        i = back;
        if (i == packets.size()) break;
      } else if (back_in_time && i <= kFalseStartMax && packets.size() > 2 * i) {
        kept.clear();
      }
    }
    kept.push_back(packets[i]);
  }
  std::vector<PacketEntry> believed;
  believed.reserve(kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!is_shown_astray(kept, i)) believed.push_back(kept[i]);
  }
  const std::size_t dropped = packets.size() - believed.size();
  if (dropped > 0) packets = std::move(believed);
  return dropped;
}

}  // namespace sf::transcode

#include "ts_scan.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <utility>

namespace sf::hls {
namespace {

constexpr std::size_t kPacketBytes = 188;
constexpr std::uint16_t kNullPid = 0x1fff;
constexpr std::pair<std::uint16_t, std::uint16_t> kNetworkPids{0x10, 0x1f};
constexpr std::uint8_t kH264 = 0x1b;
constexpr std::uint8_t kH265 = 0x24;
using Bytes = std::span<const std::uint8_t>;

unsigned two(Bytes bytes, std::size_t at) { return unsigned{bytes[at]} << 8 | bytes[at + 1]; }

// A stamp of 33 bits in five bytes (section 2.4.3.7).
std::int64_t stamp(Bytes at) {
  return std::int64_t{at[0] & 0x0eU} << 29 | std::int64_t{at[1]} << 22 |
         std::int64_t{at[2] & 0xfeU} << 14 | std::int64_t{at[3]} << 7 | at[4] >> 1;
}

/// One elementary stream while it is read.
struct Stream {
  TsTrack track;
  std::vector<std::uint8_t> begin;  // Of the PES packet in hand: what pictures it holds.
  bool any_picture = false;
};

class Scanner {
 public:
  explicit Scanner(Bytes bytes) : bytes_(bytes) {}

  TsScan scan() {
    if (bytes_.empty() || bytes_.size() % kPacketBytes != 0) {
      fault("its size is no multiple of 188");
    }
    for (std::size_t at = 0; at + kPacketBytes <= bytes_.size(); at += kPacketBytes) {
      packet(bytes_.subspan(at, kPacketBytes));
    }
    if (!pmt_pid_) fault("it has no PAT");
    if (pmt_pid_ && streams_.empty()) fault("it has no PMT");
    for (auto& [pid, stream] : streams_) {
      end_pes(stream);
      scan_.tracks.push_back(std::move(stream.track));
    }
    return std::move(scan_);
  }

 private:
  void fault(std::string what) {
    if (std::ranges::find(scan_.faults, what) == scan_.faults.end()) {
      scan_.faults.push_back(std::move(what));
    }
  }

  void packet(Bytes packet) {
    if (packet[0] != 0x47) return fault("a packet without its sync byte");
    const bool begins = (packet[1] & 0x40) != 0;
    const auto pid = static_cast<std::uint16_t>(two(packet, 1) & 0x1fff);
    if (pid == kNullPid) return;
    // Tables of the network (SDT and the like) may stand before.
    if (pid < kNetworkPids.first || pid > kNetworkPids.second) {
      if (seen_ == 0 && pid != 0) fault("it does not begin with a PAT");
      if (seen_ == 1 && pid != pmt_pid_) fault("its second packet is no PMT");
      ++seen_;
    }
    const bool has_adaptation = (packet[3] & 0x20) != 0;
    const bool has_payload = (packet[3] & 0x10) != 0;
    if (!has_payload) return;
    count(pid, packet[3] & 0x0f);
    const std::size_t from = has_adaptation ? 5 + packet[4] : 4;
    if (from >= kPacketBytes) return;
    const Bytes payload = packet.subspan(from);
    if (pid == 0) {
      read_pat(payload, begins);
    } else if (pid == pmt_pid_) {
      read_pmt(payload, begins);
    } else if (const auto stream = streams_.find(pid); stream != streams_.end()) {
      read_pes(stream->second, payload, begins);
    }
  }

  void count(std::uint16_t pid, unsigned counter) {
    const auto [known, is_new] = scan_.counters.try_emplace(pid, counter, counter);
    if (is_new) return;
    unsigned& last = known->second.second;
    // The same packet may come twice.
    if (counter != ((last + 1) & 0x0f) && counter != last) {
      fault(concat("a continuity counter of PID ", unsigned{pid}, " leaps"));
    }
    last = counter;
  }

  // A table's section, from its table_id on; empty when it does not fit one packet.
  static Bytes section(Bytes payload, bool begins) {
    if (!begins || payload.empty() || payload[0] + 1U + 3U > payload.size()) return {};
    payload = payload.subspan(payload[0] + 1U);
    const std::size_t length = two(payload, 1) & 0x0fff;
    return length + 3 > payload.size() || length < 9 ? Bytes() : payload.first(length + 3);
  }

  void read_pat(Bytes payload, bool begins) {
    const Bytes table = section(payload, begins);
    if (table.empty() || table[0] != 0) return;
    unsigned programs = 0;
    for (std::size_t at = 8; at + 4 + 4 <= table.size(); at += 4) {
      if (two(table, at) == 0) continue;  // The network's.
      if (++programs == 1) pmt_pid_ = static_cast<std::uint16_t>(two(table, at + 2) & 0x1fff);
    }
    if (programs != 1) fault("it holds not one program");
  }

  void read_pmt(Bytes payload, bool begins) {
    const Bytes table = section(payload, begins);
    if (table.size() < 16 || table[0] != 2 || !streams_.empty()) return;
    std::size_t at = 12 + (two(table, 10) & 0x0fff);
    while (at + 5 + 4 <= table.size()) {
      const auto pid = static_cast<std::uint16_t>(two(table, at + 1) & 0x1fff);
      Stream& stream = streams_[pid];
      stream.track.pid = pid;
      stream.track.type = table[at];
      at += 5 + (two(table, at + 3) & 0x0fff);
    }
  }

  void read_pes(Stream& stream, Bytes payload, bool begins) {
    if (begins) {
      end_pes(stream);
      if (payload.size() < 9 || two(payload, 0) != 0 || payload[2] != 1) {
        return fault("a PES packet without its start code");
      }
      if ((payload[7] & 0x80) != 0 && payload.size() >= 14) {
        stream.track.pts.push_back(stamp(payload.subspan(9)));
      }
      payload = payload.subspan(std::min(payload.size(), std::size_t{9} + payload[8]));
    }
    stream.begin.insert(stream.begin.end(), payload.begin(), payload.end());
  }

  // The NAL units of what came since the last PES header.
  void end_pes(Stream& stream) {
    TsTrack& track = stream.track;
    const std::vector<std::uint8_t> data = std::exchange(stream.begin, {});
    if (track.type != kH264) return;
    bool idr = false;
    bool picture = false;
    bool sps = false;
    bool pps = false;
    for (std::size_t at = 0; at + 4 < data.size(); ++at) {
      if (data[at] != 0 || data[at + 1] != 0 || data[at + 2] != 1) continue;
      const unsigned type = data[at + 3] & 0x1fU;
      sps = sps || type == 7;
      pps = pps || type == 8;
      if (type == 7 && !track.profile && at + 7 <= data.size()) {
        track.profile = std::uint32_t{data[at + 4]} << 16 | two(data, at + 5);
      }
      if ((type == 1 || type == 5) && !picture) {
        picture = true;
        idr = type == 5;
        if (!stream.any_picture) track.begins_with_idr = idr && sps && pps;
        stream.any_picture = true;
      }
      at += 2;
    }
    if (idr && !track.pts.empty()) track.idrs.push_back(track.pts.back());
  }

  Bytes bytes_;
  TsScan scan_;
  std::size_t seen_ = 0;  // Packets so far, those of the network not counted.
  std::optional<std::uint16_t> pmt_pid_;
  std::map<std::uint16_t, Stream> streams_;
};

}  // namespace

const TsTrack* TsScan::video() const noexcept {
  const auto found = std::ranges::find_if(
      tracks, [](const TsTrack& track) { return track.type == kH264 || track.type == kH265; });
  return found == tracks.end() ? nullptr : &*found;
}

const TsTrack* TsScan::audio() const noexcept {
  const auto found = std::ranges::find_if(tracks, [](const TsTrack& track) {
    constexpr std::uint8_t kAudio[] = {0x03, 0x04, 0x0f, 0x11, 0x81, 0x87};
    return std::ranges::find(kAudio, track.type) != std::end(kAudio);
  });
  return found == tracks.end() ? nullptr : &*found;
}

TsScan scan_ts(std::span<const std::uint8_t> bytes) { return Scanner(bytes).scan(); }

}  // namespace sf::hls

#pragma once

/// What an index pass gathers packet by packet, and how an index is made of it: the same for a
/// whole file and for what has come of one. Pure.

#include <streamforge/transcode/plan.hpp>

#include "engine_libav.hpp"
#include "index_audio.hpp"
#include "index_copy.hpp"
#include "index_order.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sf::transcode {

/// What is heard of one sound track.
struct Heard {
  AudioInfo info;
  AudioRuns runs;
  AudioRates rates;
  std::int64_t begin_stamp = AV_NOPTS_VALUE;  ///< In samples, priming not counted.
};

/// What the packets so far say; an index once it is brought to its timeline.
struct Findings {
  SourceIndex index;  ///< In the source's own clock until `fix_timeline`.
  std::vector<Heard> sound;
  std::int64_t last_shown = INT64_MIN;
  std::int64_t first_shown = INT64_MAX;
  std::uint64_t video_bytes = 0;
  std::optional<CopyCheck> copy;
  bool damaged = false;
  /// Which packets are decoded but not shown, as an edit list says, and their presentation times.
  std::vector<std::pair<std::size_t, std::int64_t>> unshown;
  bool cut_end = false;                         ///< Some behind the last are decoded before it.
  std::map<std::int64_t, std::uint64_t> reach;  ///< By half second of its clock: where bytes end.

  /// What is decoded or heard at `ticks` of the source's clock needs `packet`.
  void need(std::int64_t ticks, const AVPacket& packet);
  [[nodiscard]] std::vector<ByteNeed> needs() const;
  /// Those that are not shown have a time before the first that is; those behind the last are left
  /// out: decoders are given them all the same.
  void place_unshown();
  /// Presentation times of pictures whose container leaves them out.
  void order_pictures(const DisplayOrder& order);
  /// Pictures whose stamps are damaged would stretch the timeline to them.
  void leave_out_strays();
  /// Zero is the first picture, or the sound where that begins clearly before.
  void fix_timeline();
  /// What all pictures together say: rates, groups, the end.
  void describe_frames();
};

}  // namespace sf::transcode

#pragma once

/// Stamps that damage has flung far from their neighbours' (a flipped bit is worth up to 13 hours,
/// and in a fragmented MP4 it moves a whole fragment). Pure.

#include <streamforge/transcode/plan.hpp>

#include <cstddef>
#include <vector>

namespace sf::transcode {

/// Removes from `packets` (in decode order) those that would stretch the timeline for all: packets
/// whose decode times leap by more than 10 s and soon leap back, and those that would be shown 10 s
/// after packets that are decoded well after them. A gap, a still picture or a clock that begins
/// anew moves all that follow, and so strays nowhere. Returns how many were removed.
std::size_t drop_strays(std::vector<PacketEntry>& packets);

}  // namespace sf::transcode

#pragma once

/// What a follower of the events stream is spared: of many steps only the last one matters.

#include <streamforge/store/events.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sf::serve {

/// Leaves out each progress of a video of which a later event tells more. Order is kept.
[[nodiscard]] inline std::vector<store::Event> without_stale_progress(
    std::vector<store::Event> events) {
  std::unordered_set<std::string_view> told;  // Of videos that kept events hold.
  std::vector<store::Event> kept;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const bool latest = told.insert(event->video->id).second;
    if (latest || event->kind != store::EventKind::kProgress) kept.push_back(std::move(*event));
  }
  std::ranges::reverse(kept);
  return kept;
}

}  // namespace sf::serve

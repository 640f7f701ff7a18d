#include "event_batch.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sf::serve {
namespace {

using store::EventKind;

store::Event event(std::uint64_t sequence, EventKind kind, const std::string& id) {
  auto video = std::make_shared<store::Video>();
  video->id = id;
  return {sequence, kind, std::move(video)};
}

std::vector<std::uint64_t> kept(std::vector<store::Event> events) {
  std::vector<std::uint64_t> sequences;
  for (const auto& each : without_stale_progress(std::move(events))) {
    sequences.push_back(each.sequence);
  }
  return sequences;
}

TEST(EventBatch, TellsOnlyTheLatestProgressOfEachVideo) {
  EXPECT_EQ(kept({event(1, EventKind::kProgress, "a"), event(2, EventKind::kProgress, "b"),
                  event(3, EventKind::kProgress, "a"), event(4, EventKind::kProgress, "a")}),
            (std::vector<std::uint64_t>{2, 4}));
}

TEST(EventBatch, KeepsWhatIsNoProgressAndLeavesOutProgressBeforeIt) {
  EXPECT_EQ(kept({event(1, EventKind::kCreated, "a"), event(2, EventKind::kProgress, "a"),
                  event(3, EventKind::kPlayable, "a"), event(4, EventKind::kReady, "a")}),
            (std::vector<std::uint64_t>{1, 3, 4}));
}

}  // namespace
}  // namespace sf::serve

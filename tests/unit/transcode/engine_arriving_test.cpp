// Sources of which only a part is there yet.
#include "engine_case.hpp"

#include "source.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

using test::ClipOptions;

std::string name_of_kind(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Feeds a file to the index pass step by step, and keeps what it said on the way.
struct Feed {
  std::uint64_t step = 50'000;
  std::uint64_t total = 0;
  std::uint64_t bytes = 0;
  std::vector<std::pair<std::uint64_t, SourceIndex>> seen;  ///< Bytes there, index so far.

  AwaitMore more() {
    return [this](const SourceIndex* so_far) -> std::optional<Arrived> {
      if (so_far != nullptr) seen.emplace_back(bytes, *so_far);
      bytes = std::min(total, bytes + step);
      return Arrived{bytes, bytes == total};
    };
  }
};

class Arriving : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Engine, Arriving,
                         testing::Values("mp4", "mp4-fragmented", "mkv", "webm", "webm-vp8", "ts",
                                         "m2ts", "flv"),
                         name_of_kind);

// What is listed early stays as it is, and its segments are the same bytes whether they are made
// of the part or of the whole.
TEST_P(Arriving, SegmentsOfAPartAreThoseOfTheWhole) {
  EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 30, .fps = "20", .gop = 33});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const SourceFile& file = source.source();
  Feed feed{.step = file.bytes / 40, .total = file.bytes};
  Engine engine;
  auto index = engine.index_arriving({file.descriptor, 0}, feed.more(), {});
  ASSERT_TRUE(index) << index.error().message;

  const LadderOptions ladder = default_ladder();
  std::optional<Plan> first;
  std::uint64_t first_bytes = 0;
  std::optional<Plan> last;
  for (const auto& [bytes, so_far] : feed.seen) {
    auto plan = plan_arriving(so_far, ladder, last ? &*last : nullptr, false);
    if (!plan) {
      ASSERT_EQ(plan.error().code, ErrorCode::kUnavailable) << plan.error().message;
      continue;
    }
    if (!first) {
      first = *plan;
      first_bytes = bytes;
    }
    last = outline(*plan);
  }
  ASSERT_TRUE(first);
  EXPECT_LT(first_bytes, file.bytes * 8 / 10);
  EXPECT_GE(last->timeline.video.size(), 6U);
  auto whole = plan_arriving(*index, ladder, &*last, true);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->timeline.video.size(), source.plan().timeline.video.size());
  EXPECT_EQ(whole->timeline.duration_ticks(), source.plan().timeline.duration_ticks());
  EXPECT_EQ(index->packets.size(), source.plan().index.packets.size());

  const std::string rung = whole->rungs.back().name;
  const test::TempDir folder;
  const auto make = [&](Engine& with, const Plan& plan, std::uint64_t bytes, bool picture,
                        std::uint32_t segment) {
    const std::string path = folder.file(concat(bytes, picture ? "v" : "a", segment));
    const UniqueFd out(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const SourceFile there{file.descriptor, bytes};
    const std::vector<std::string> rungs{rung};
    const std::vector<int> outputs{out.get()};
    if (picture) {
      const auto made = with.encode_video("k", there, plan, segment, rungs, outputs, {});
      EXPECT_TRUE(made) << made.error().message;
      EXPECT_EQ(made ? made->front().damaged_frames : 0U, 0U) << segment;
    } else {
      const auto made = with.encode_audio("k", there, plan, 0, segment, out.get(), {});
      EXPECT_TRUE(made) << made.error().message;
    }
    return test::read_file(path);
  };
  Engine part;
  Engine all;
  for (std::uint32_t segment = 0; segment < first->timeline.video.size(); ++segment) {
    EXPECT_TRUE(make(part, *first, first_bytes, true, segment) ==
                make(all, *whole, file.bytes, true, segment))
        << segment;
    EXPECT_TRUE(make(part, *first, first_bytes, false, segment) ==
                make(all, *whole, file.bytes, false, segment))
        << segment;
  }
}

// However the bytes come, the index is the same.
TEST_P(Arriving, TheIndexDependsOnTheBytesAlone) {
  EngineCase source(ClipOptions{.kind = GetParam(), .fps = "20", .gop = 33});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const SourceFile& file = source.source();
  Engine engine;
  std::string first;
  for (const std::uint64_t step : {file.bytes, std::uint64_t{4'097}, std::uint64_t{777}}) {
    Feed feed{.step = step, .total = file.bytes};
    auto index = engine.index_arriving({file.descriptor, 0}, feed.more(), {});
    ASSERT_TRUE(index) << index.error().message;
    EXPECT_TRUE(index->warnings.empty());
    if (first.empty()) first = serialize(*index);
    EXPECT_TRUE(serialize(*index) == first) << step;
  }
}

TEST(ArrivingFile, WaitsForTheEndWhereThatIsNeeded) {
  for (const char* kind : {"mp4-moov-end", "avi", "wmv", "mpg", "wav"}) {
    EngineCase source(ClipOptions{.kind = kind});
    Feed feed{.step = 50'000, .total = source.source().bytes};
    Engine engine;
    const auto index = engine.index_arriving({source.source().descriptor, 0}, feed.more(), {});
    ASSERT_FALSE(index) << kind;
    EXPECT_EQ(index.error().code, ErrorCode::kUnavailable) << kind;
    EXPECT_LE(feed.bytes, std::max<std::uint64_t>(100'000, kSniffBytes)) << "no more was needed";
  }
}

TEST(ArrivingFile, EndsWhenToldWhileItWaits) {
  EngineCase source(ClipOptions{.kind = "mkv"});
  for (const unsigned turns : {1U, 2U, 8U}) {
    unsigned turn = 0;
    Engine engine;
    const auto index = engine.index_arriving({source.source().descriptor, 0},
                                             [&](const SourceIndex*) -> std::optional<Arrived> {
                                               if (++turn == turns) return std::nullopt;
                                               return Arrived{turn * 20'000ULL, false};
                                             },
                                             {});
    ASSERT_FALSE(index);
    EXPECT_EQ(index.error().code, ErrorCode::kCancelled) << turns;
    EXPECT_EQ(turn, turns);
  }
}

TEST(ArrivingFile, WhatIsNoVideoIsToldFromItsBegin) {
  EngineCase source(ClipOptions{.kind = "text"});
  Feed feed{.step = 1 << 20, .total = source.source().bytes};
  Engine engine;
  const auto index = engine.index_arriving({source.source().descriptor, 0}, feed.more(), {});
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sf::transcode

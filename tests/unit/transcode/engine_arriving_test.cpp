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
                         testing::Values("mp4-fragmented", "mkv", "webm", "webm-vp8", "ts", "m2ts",
                                         "flv", "avi", "avi-h264", "wmv", "mpg", "ogv"),
                         name_of_kind);

/// A source that arrives in forty pieces: its plans while it did, that of the whole.
struct Followed {
  Feed feed;
  std::vector<std::pair<std::uint64_t, Plan>> parts;  ///< Bytes there, plan.
  std::optional<Plan> whole;

  explicit Followed(const SourceFile& file, const LadderOptions& ladder)
      : feed{.step = file.bytes / 40, .total = file.bytes} {
    Engine engine;
    auto index = engine.index_arriving({file.descriptor, 0}, feed.more(), {});
    EXPECT_TRUE(index) << index.error().message;
    for (const auto& [bytes, so_far] : feed.seen) {
      std::optional<Plan> before;
      if (!parts.empty()) before = outline(parts.back().second);
      auto plan = plan_arriving(so_far, ladder, before ? &*before : nullptr, false);
      if (plan) {
        parts.emplace_back(bytes, std::move(*plan));
      } else {
        EXPECT_EQ(plan.error().code, ErrorCode::kUnavailable) << plan.error().message;
      }
    }
    if (!index || parts.empty()) return;
    const Plan before = outline(parts.back().second);
    auto planned = plan_arriving(*index, ladder, &before, true);
    EXPECT_TRUE(planned) << planned.error().message;
    if (planned) whole = std::move(*planned);
  }
};

/// Makes segments of one plan or another into a folder.
struct Made {
  const SourceFile& file;
  test::TempDir folder{};

  std::string video(Engine& with, const Plan& plan, std::uint64_t bytes, const std::string& rung,
                    std::uint32_t segment) {
    const std::string path = folder.file(concat(bytes, rung, segment, ".ts"));
    const UniqueFd out(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const std::vector<std::string> rungs{rung};
    const std::vector<int> outputs{out.get()};
    const auto made = with.encode_video(concat("k", bytes), {file.descriptor, bytes}, plan, segment,
                                        rungs, outputs, {});
    EXPECT_TRUE(made) << made.error().message;
    EXPECT_EQ(made ? made->front().damaged_frames : 0U, 0U) << segment;
    return test::read_file(path);
  }
  std::string audio(Engine& with, const Plan& plan, std::uint64_t bytes, std::uint32_t segment) {
    const std::string path = folder.file(concat(bytes, "a", segment, ".ts"));
    const UniqueFd out(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const auto made = with.encode_audio(concat("k", bytes), {file.descriptor, bytes}, plan, 0,
                                        segment, out.get(), {});
    EXPECT_TRUE(made) << made.error().message;
    return test::read_file(path);
  }
};

// What is listed early stays as it is, and its segments are the same bytes whether they are made
// of the part or of the whole; copied or encoded.
TEST_P(Arriving, SegmentsOfAPartAreThoseOfTheWhole) {
  for (const auto copy : {EngineCase::Copy::kNo, EngineCase::Copy::kYes}) {
    EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 30, .fps = "20", .gop = 33},
                      "1080,720,480,360", copy);
    ASSERT_TRUE(source.ok()) << source.error().message;
    const SourceFile& file = source.source();
    LadderOptions ladder = default_ladder();
    ladder.copy = copy == EngineCase::Copy::kYes;
    const Followed followed(file, ladder);
    ASSERT_TRUE(followed.whole);
    const auto& [first_bytes, first] = followed.parts.front();
    const Plan& whole = *followed.whole;
    EXPECT_LT(first_bytes, file.bytes * 8 / 10);
    EXPECT_GE(followed.parts.back().second.timeline.video.size(), 5U);
    EXPECT_EQ(whole.timeline.duration_ticks(), source.plan().timeline.duration_ticks());
    EXPECT_EQ(whole.timeline.audio.back().end_ticks, source.plan().timeline.audio.back().end_ticks);
    EXPECT_EQ(whole.index.packets.size(), source.plan().index.packets.size());
    EXPECT_EQ(whole.rungs.front().mode, source.plan().rungs.front().mode);
    EXPECT_TRUE(whole.rungs.front().encoded.empty());
    EXPECT_EQ(whole.audio.front().mode, source.plan().audio.front().mode);

    Made made{file};
    Engine all;
    for (const auto& [bytes, part] : {followed.parts.front(), followed.parts.back()}) {
      Engine of_part;
      for (std::uint32_t segment = 0; segment < part.timeline.video.size(); ++segment) {
        const std::string& rung = whole.rungs.back().name;
        EXPECT_TRUE(made.video(of_part, part, bytes, rung, segment) ==
                    made.video(all, whole, file.bytes, rung, segment))
            << segment << " of " << bytes;
        EXPECT_TRUE(made.audio(of_part, part, bytes, segment) ==
                    made.audio(all, whole, file.bytes, segment))
            << segment << " of " << bytes;
      }
    }
  }
}

struct Change {
  std::string kind;
  std::string why;              ///< Of the rung once all is there.
  std::size_t encoded_min = 1;  ///< Segments.
};
std::string name_of_change(const testing::TestParamInfo<Change>& info) {
  std::string name = info.param.kind;
  std::ranges::replace(name, '-', '_');
  return name;
}

class ChangesOnTheWay : public testing::TestWithParam<Change> {};
INSTANTIATE_TEST_SUITE_P(
    Engine, ChangesOnTheWay,
    testing::Values(Change{"keys-away", "as uploaded", 2}, Change{"rate-bursts", "as uploaded", 1},
                    Change{"sets-change", "then it changes its parameters", 1}),
    name_of_change);

// Copied at first; what cannot be copied of the rest is encoded, and reads on without a seam.
TEST_P(ChangesOnTheWay, WhatCannotBeCopiedIsEncoded) {
  EngineCase source(ClipOptions{.kind = GetParam().kind, .seconds = 40, .fps = "20", .gop = 50},
                    "1080,720,480,360", EngineCase::Copy::kYes);
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_EQ(source.plan().rungs[0].mode, "encode") << "known as a whole it is not copied";
  const SourceFile& file = source.source();
  const Followed followed(file, default_ladder());
  ASSERT_TRUE(followed.whole);
  const Plan& whole = *followed.whole;
  const RungPlan& rung = whole.rungs.front();
  ASSERT_EQ(rung.mode, "copy") << rung.why;
  EXPECT_NE(rung.why.find(GetParam().why), std::string::npos) << rung.why;
  EXPECT_EQ(rung.max_kbps, followed.parts.front().second.rungs[0].max_kbps);

  Made made{file};
  std::vector<Engine> engines(2);
  std::string joined;
  std::uint32_t encoded = 0;
  for (std::uint32_t segment = 0; segment < whole.timeline.video.size(); ++segment) {
    const hls::SegmentSpan span = whole.timeline.video[segment];
    EXPECT_LE(span.duration_ticks(), 6 * 90'000) << segment;
    encoded += rung.copies(segment) ? 0 : 1;
    joined += made.video(engines[0], whole, file.bytes, rung.name, segment);
    // The first plan that lists it makes the same of it.
    const auto part = std::ranges::find_if(followed.parts, [segment](const auto& one) {
      return one.second.timeline.video.size() > segment;
    });
    if (part != followed.parts.end() && segment % 2 == 0) {
      EXPECT_EQ(part->second.rungs[0].copies(segment), rung.copies(segment)) << segment;
      EXPECT_TRUE(made.video(engines[1], part->second, part->first, rung.name, segment) ==
                  made.video(engines[0], whole, file.bytes, rung.name, segment))
          << segment;
    }
  }
  EXPECT_GE(encoded, GetParam().encoded_min);
  EXPECT_LT(encoded, whole.timeline.video.size() - 3) << "the first were copied";
  test::write_file(made.folder.path() / "joined.ts", joined);
  const std::string path = made.folder.file("joined.ts");
  EXPECT_EQ(ts_faults(joined), "");
  EXPECT_EQ(test::decode_errors(path), "");
  EXPECT_EQ(test::count_frames(path), test::count_frames(source.path()));
  const auto packets = test::probe_packets(path, 'v');
  for (std::size_t i = 1; i < packets.size(); ++i) {
    ASSERT_GT(packets[i].dts, packets[i - 1].dts) << i;
    ASSERT_LE(packets[i].dts, packets[i].pts) << i;
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
  for (const char* kind : {"mp4-moov-end", "wav", "mp3"}) {
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

// ISO files whose table of contents is there before its payload: in front, or in a tail that came
// first.
#include "engine_case.hpp"

#include "index.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

using test::ClipOptions;

std::string name_of_kind(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

/// A clip of which only some is there: what is not reads as 0xee, as if a disk had held it before.
class Part {
 public:
  explicit Part(const std::string& path) : all_(test::read_file(path)) {
    std::size_t at = 0;
    while (all_.compare(at + 4, 4, "moov") != 0) at += number_at(all_, at);
    moov_ = at;
    behind_ = all_.find("mdat") < moov_;
    test::write_file(folder_.path() / "part", std::string(all_.size(), '\xee'));
    file_ = UniqueFd(::open(folder_.file("part").c_str(), O_RDWR | O_CLOEXEC));
    if (behind_) write(moov_, all_.size());
  }

  /// So many bytes from the start on, and the tail.
  SourceFile with(std::uint64_t bytes) {
    if (bytes > there_) {
      write(there_, bytes);
      there_ = bytes;
    }
    SourceFile file{file_.get(), bytes};
    if (behind_ && bytes < all_.size()) {
      file.tail = moov_;
      file.length = all_.size();
    }
    return file;
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return all_.size(); }
  [[nodiscard]] std::uint64_t there() const noexcept { return there_; }

  /// Index by table, bytes coming in steps.
  Result<SourceIndex> index(Engine& engine, std::uint64_t step) {
    return engine.index_arriving(with(0),
                                 [&](const SourceIndex*) -> std::optional<Arrived> {
                                   const std::uint64_t more = std::min(size(), there_ + step);
                                   (void)with(more);
                                   return Arrived{more, more == size()};
                                 },
                                 {});
  }
  /// All chunks of all tracks are at `value`.
  void lie(std::uint32_t value) {
    for (auto at = all_.find("stco", moov_); at < all_.size(); at = all_.find("stco", at + 4)) {
      const std::uint32_t count = number_at(all_, at + 8);
      for (std::size_t i = 0; i < std::size_t{count} * 4; ++i) {
        all_[at + 12 + i] = static_cast<char>(value >> (24 - 8 * (i % 4)));
      }
    }
    write(moov_, all_.size());
  }

 private:
  void write(std::uint64_t from, std::uint64_t to) {
    ASSERT_EQ(::pwrite(file_.get(), all_.data() + from, to - from, static_cast<off_t>(from)),
              static_cast<ssize_t>(to - from));
  }

  test::TempDir folder_;
  std::string all_;
  std::uint64_t moov_ = 0;
  bool behind_ = false;
  UniqueFd file_;
  std::uint64_t there_ = 0;
};

class ByTable : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Engine, ByTable, testing::Values("mp4", "mp4-moov-end"), name_of_kind);

TEST_P(ByTable, AllIsKnownFromTheTableAndTheFirstPictures) {
  EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 30, .fps = "20", .gop = 50});
  std::string first;
  for (const std::uint64_t step : {20'000U, 777U}) {
    Part part(source.path());
    Engine engine;
    auto index = part.index(engine, step);
    ASSERT_TRUE(index) << index.error().message;
    EXPECT_LT(part.there(), part.size() / 3);
    ASSERT_FALSE(index->needs.empty());
    EXPECT_TRUE(std::ranges::is_sorted(index->needs, {}, &ByteNeed::ticks));
    EXPECT_TRUE(std::ranges::is_sorted(index->needs, {}, &ByteNeed::bytes));
    EXPECT_LE(index->needs.back().bytes, part.size());
    if (first.empty()) first = serialize(*index);
    EXPECT_TRUE(serialize(*index) == first) << "it depends on when bytes come";
    index->needs.clear();
    EXPECT_TRUE(serialize(*index) == serialize(source.plan().index)) << "it is that of the whole";
  }
}

// What the needs promise is enough, to the byte; copied or encoded.
TEST_P(ByTable, SegmentsOfAPartAreThoseOfTheWhole) {
  for (const auto copy : {EngineCase::Copy::kNo, EngineCase::Copy::kYes}) {
    EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 30, .fps = "20", .gop = 50},
                      "1080,720,480,360", copy);
    Part part(source.path());
    Engine engine;
    auto index = part.index(engine, 10'000);
    ASSERT_TRUE(index) << index.error().message;
    LadderOptions ladder = default_ladder();
    ladder.copy = copy == EngineCase::Copy::kYes;
    const auto plan = make_plan(*index, ladder);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->rungs[0].mode, source.plan().rungs[0].mode);
    source.make_all();
    EXPECT_EQ(segments_within(*plan, part.size()), source.video_segments());
    const std::string& rung = plan->rungs[0].name;
    const test::TempDir folder;
    std::size_t made = 0;
    for (std::uint64_t bytes = part.there(); bytes < part.size(); bytes += part.size() / 97) {
      const std::size_t count = segments_within(*plan, bytes);
      EXPECT_GE(count, made);
      const SourceFile there = part.with(bytes);
      for (; made < count; ++made) {
        const auto segment = static_cast<std::uint32_t>(made);
        const UniqueFd out(::open(folder.file("s").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
        const std::vector<std::string> rungs{rung};
        const std::vector<int> outputs{out.get()};
        const auto picture = engine.encode_video("k", there, *plan, segment, rungs, outputs, {});
        ASSERT_TRUE(picture) << picture.error().message;
        EXPECT_TRUE(test::read_file(folder.file("s")) ==
                    test::read_file(source.video_file(rung, segment)))
            << segment << " of " << bytes;
        const UniqueFd sound(::open(folder.file("a").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
        const auto heard = engine.encode_audio("k", there, *plan, 0, segment, sound.get(), {});
        ASSERT_TRUE(heard) << heard.error().message;
        EXPECT_TRUE(test::read_file(folder.file("a")) ==
                    test::read_file(source.audio_file(0, segment)))
            << segment << " of " << bytes;
      }
    }
    EXPECT_GE(made + 2, source.video_segments());
  }
}

// A table whose offsets are nowhere near: nothing is listed by it, and the pass ends.
TEST_P(ByTable, ALyingTableListsNothing) {
  EngineCase source(ClipOptions{.kind = GetParam(), .seconds = 30, .fps = "20", .gop = 50});
  for (const std::uint32_t offset : {0x7f00'0000U, 0xffff'ffffU}) {
    Part part(source.path());
    part.lie(offset);
    Engine engine;
    const auto index = part.index(engine, 50'000);
    if (!index) continue;  // Once all is there, that is told of the whole.
    const auto plan = make_plan(*index, default_ladder());
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(segments_within(*plan, part.size()), 0U);
  }
}

}  // namespace
}  // namespace sf::transcode

#include "command_files.hpp"
#include "command_view.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/temp_dir.hpp"

namespace sf::transcode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ProgressLine, ShowsPartSpeedAndTimeLeft) {
  const ProgressState state{0.425, 65'000, 3.14, "encoding"};
  EXPECT_EQ(progress_line(state, 60),
            "[#########..............]  42 %   3.1x   ETA 1:05   encoding");
  EXPECT_EQ(progress_line(state, 60).size(), 60u);
  EXPECT_EQ(progress_line({0, 0, 0, "reading"}, 40), "[......................]   0 %   reading");
  EXPECT_EQ(progress_line({1, 0, 0, "x"}, 6), "100 % ");
}

TEST(ClockText, IsMinutesOrHours) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(1), "0:01");
  EXPECT_EQ(clock_text(65'000), "1:05");
  EXPECT_EQ(clock_text(7'384'000), "2:03:04");
}

TEST(Pace, TellsTimeLeftFromTheLastMinute) {
  Pace pace;
  EXPECT_EQ(pace.eta_ms(10, 0), 0u);
  pace.begin(0);
  EXPECT_EQ(pace.eta_ms(10, 1'000), 0u);
  for (std::uint64_t now_ms = 1'000; now_ms <= 10'000; now_ms += 1'000) pace.add(2, now_ms);
  EXPECT_DOUBLE_EQ(pace.per_second(10'000), 2);
  EXPECT_EQ(pace.eta_ms(10, 10'000), 5'000u);
  for (std::uint64_t now_ms = 11'000; now_ms <= 200'000; now_ms += 1'000) pace.add(1, now_ms);
  EXPECT_NEAR(pace.per_second(200'000), 1, 0.01) << "the fast begin is forgotten";
  EXPECT_EQ(pace.eta_ms(0, 200'000), 1u);
}

TEST(Tally, CountsEachSegmentOnce) {
  Tally tally;
  tally.segments.resize(2);
  EXPECT_TRUE(tally.add(0, 500'000, 360'000, 0));
  EXPECT_FALSE(tally.add(0, 500'000, 360'000, 0));
  EXPECT_FALSE(tally.add(2, 1, 1, 0));
  EXPECT_EQ(tally.rates().peak_bps, 0u) << "not complete";
  EXPECT_TRUE(tally.add(1, 250'000, 180'000, 0));
  EXPECT_EQ(tally.bytes, 750'000u);
  EXPECT_EQ(tally.rates().average_bps, 1'000'000u);
}

TEST(Job, MarksTheRungThatPlayersBeginWith) {
  hls::Presentation shown;
  shown.timeline.video = {{0, 360'000}};
  shown.video = {{"1080p", 1920, 1080, "", {4'000'000, 0, 0}, true},
                 {"720p", 1280, 720, "", {2'800'000, 0, 0}},
                 {"360p", 640, 360, "", {800'000, 0, 0}}};
  const auto firsts = [&] {
    std::vector<std::string> found;
    for (const TrackShape& shape : shapes_of(shown)) {
      if (shape.first) found.push_back(shape.name);
    }
    return found;
  };
  EXPECT_THAT(firsts(), ElementsAre("1080p")) << "copied: it is there at once";
  shown.video[0].rates.max_bps = 5'000'000;
  EXPECT_THAT(firsts(), ElementsAre("360p")) << "more than players believe a line";
  shown.video.clear();
  EXPECT_THAT(firsts(), ElementsAre());
}

TEST(Job, TellsTheWorkerWhatToMake) {
  hls::Presentation shown;
  shown.timeline.video = {{0, 360'000}};
  shown.timeline.audio = {{0, 360'000}};
  shown.video = {{"720p", 1280, 720, "", {}}, {"360p", 640, 360, "", {}}};
  shown.audio = {{"0", "en", "", "", 2, {}}, {"1", "de", "", "", 2, {}}};
  const auto shapes = shapes_of(shown);
  ASSERT_EQ(shapes.size(), 4u);
  EXPECT_NEAR(shapes[0].cost, 1280 * 720 * 4 / 1e6, 1e-9);
  QueueTask task;
  task.video = "v";
  task.kind = TaskKind::kVideo;
  task.tracks = {0, 1};
  EXPECT_THAT(command_of(task, shapes, {.bytes = 9}).rungs, ElementsAre("720p", "360p"));
  task.kind = TaskKind::kAudio;
  task.tracks = {3};
  EXPECT_EQ(command_of(task, shapes, {.bytes = 9}).track, 1u);
  EXPECT_EQ(segment_path("audio/1", 7), "audio/1/7.ts");
  std::vector<std::string> names;
  for (const auto& file : playlists_of(shown, shapes, tallies_of(shapes)))
    names.push_back(file.path);
  EXPECT_THAT(names, ElementsAre("720p/index.m3u8", "360p/index.m3u8", "audio/0/index.m3u8",
                                 "audio/1/index.m3u8", "master.m3u8"));
}

TEST(Failure, IsSaidInWords) {
  TaskReport report;
  report.end = TaskEnd::kReported;
  report.error = {ErrorCode::kUnsupported, "this file is not a video: it begins like plain text",
                  0};
  EXPECT_TRUE(is_final(report, TaskKind::kIndex));
  auto failure = failure_of(report, "", 1);
  EXPECT_EQ(failure.code, "not_a_video");
  EXPECT_EQ(failure.message, "This file is not a video: it begins like plain text.");
  report.end = TaskEnd::kHung;
  report.error.message = "it gave no sign of life for 30 s and was ended";
  EXPECT_FALSE(is_final(report, TaskKind::kIndex));
  failure = failure_of(report, "segment 3", 3);
  EXPECT_EQ(failure.code, "decoder_hung");
  EXPECT_THAT(failure.message, HasSubstr("(segment 3): it gave no sign of life"));
  EXPECT_THAT(failure.message, HasSubstr("tried 3 times"));
  report.end = TaskEnd::kReported;
  report.error = {ErrorCode::kNoSpace, "write: No space left on device", 0};
  EXPECT_TRUE(failure_of(report, "", 3).retryable);
}

TEST(PartialWarning, GoesOnCounting) {
  std::vector<std::string> warnings = {"the file ends early"};
  set_partial_warning(warnings, {});
  EXPECT_EQ(warnings.size(), 1u);
  set_partial_warning(warnings, {.pictures = 3});
  set_partial_warning(warnings, {.pictures = 12});
  EXPECT_THAT(warnings,
              ElementsAre("the file ends early", "partial: 12 pictures could not be decoded"));
  set_partial_warning(warnings, {});
  EXPECT_EQ(warnings.size(), 2u) << "what was said is not taken back";
}

TEST(PartialWarning, SaysOfWhatHowMuch) {
  EXPECT_EQ(partial_warning({}), "");
  EXPECT_EQ(partial_warning({.pictures = 1}), "partial: 1 picture could not be decoded");
  EXPECT_EQ(partial_warning({.sounds = 1}), "partial: 1 packet of sound could not be decoded");
  EXPECT_EQ(partial_warning({.pictures = 2, .sounds = 3}),
            "partial: 2 pictures and 3 packets of sound could not be decoded");
}

TEST(PartialWarning, CountsAPictureOnceForAllRungs) {
  const std::vector<TrackShape> shapes = {{.name = "720p", .segments = 2},
                                          {.name = "360p", .segments = 2},
                                          {.name = "audio/0", .audio = true, .segments = 2},
                                          {.name = "audio/1", .audio = true, .segments = 2}};
  std::vector<Tally> tallies = tallies_of(shapes);
  EXPECT_EQ(losses_of(shapes, tallies).pictures, 0u);
  EXPECT_TRUE(tallies[1].add(0, 100, 180'000, 5));
  EXPECT_TRUE(tallies[0].add(0, 100, 180'000, 5));
  EXPECT_TRUE(tallies[1].add(1, 100, 180'000, 2));
  EXPECT_FALSE(tallies[1].add(1, 100, 180'000, 2)) << "made twice";
  EXPECT_TRUE(tallies[2].add(0, 100, 180'000, 1));
  EXPECT_TRUE(tallies[3].add(1, 100, 180'000, 3));
  EXPECT_EQ(losses_of(shapes, tallies).pictures, 7u);
  EXPECT_EQ(losses_of(shapes, tallies).sounds, 4u);
}

TEST(OutputDir, IsOneRunsAtATime) {
  const test::TempDir dir;
  const std::string path = dir.file("out");
  auto first = OutputDir::open(path);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(OutputDir::open(path).error().code, ErrorCode::kConflict);
  first = fail(ErrorCode::kClosed, "");
  EXPECT_TRUE(OutputDir::open(path));
}

TEST(OutputDir, NamesFilesWhenTheyAreWhole) {
  const test::TempDir dir;
  auto out = OutputDir::open(dir.file("out"));
  ASSERT_TRUE(out);
  auto file = out->make_unnamed();
  ASSERT_TRUE(file);
  EXPECT_EQ(::write(file->file.get(), "abc", 3), 3);
  EXPECT_FALSE(out->size("720p/0.ts"));
  ASSERT_TRUE(out->publish(*file, "720p/0.ts"));
  EXPECT_EQ(out->size("720p/0.ts"), 3u);
  ASSERT_TRUE(out->write("720p/0.ts", "other")) << "replaces";
  EXPECT_EQ(*out->read("720p/0.ts", 100), "other");
  EXPECT_EQ(out->read("720p/0.ts", 2).error().code, ErrorCode::kTooLarge);
}

TEST(OutputDir, LeavesForeignStreamsAlone) {
  const test::TempDir dir;
  test::write_file(dir.path() / "master.m3u8", "#EXTM3U\n");
  EXPECT_EQ(OutputDir::open(dir.path().string()).error().code, ErrorCode::kConflict);
}

}  // namespace
}  // namespace sf::transcode

#include "protocol.hpp"

#include <gtest/gtest.h>

namespace sf::transcode {
namespace {

Command video_task() {
  Command command;
  command.task = 2;
  command.kind = TaskKind::kVideo;
  command.video = "v1";
  command.source_bytes = 1'000;
  command.segment = 3;
  command.rungs = {"1080p", "720p"};
  return command;
}

TEST(Protocol, CommandsAreOneObjectAPacket) {
  Command command = video_task();
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"video","video":"v1","bytes":1000,"segment":3,)"
                             R"("rungs":["1080p","720p"]})");
  command.kind = TaskKind::kAudio;
  command.track = 1;
  EXPECT_EQ(encode(command),
            R"({"task":2,"kind":"audio","video":"v1","bytes":1000,"segment":3,"track":1})");
  command.kind = TaskKind::kIndex;
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"index","video":"v1","bytes":1000})");
  command.source_tail = 9'000;
  command.source_length = 9'999;
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"index","video":"v1","bytes":1000,)"
                             R"("tail":9000,"length":9999})");
  command.kind = TaskKind::kForget;
  EXPECT_EQ(encode(command), R"({"kind":"forget"})");
}

TEST(Protocol, CommandsReadBack) {
  for (const auto kind :
       {TaskKind::kIndex, TaskKind::kVideo, TaskKind::kAudio, TaskKind::kForget}) {
    Command command = video_task();
    command.kind = kind;
    command.source_tail = 9'000;
    command.source_length = 9'999;
    const auto again = parse_command(encode(command));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(encode(*again), encode(command));
  }
}

TEST(Protocol, AJoinIsFedUntilItIsWhole) {
  Command command;
  command.task = 4;
  command.kind = TaskKind::kMp4;
  command.video = "v1";
  command.source_bytes = 1'000;
  command.rungs = {"720p"};
  command.mp4 = {1280, 720, 540'000, 9'000, true, "en"};
  EXPECT_EQ(encode(command),
            R"({"task":4,"kind":"mp4","video":"v1","bytes":1000,"width":1280,"height":720,)"
            R"("end":540000,"head":9000,"sound":true,"language":"en","rungs":["720p"]})");
  auto again = parse_command(encode(command));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(encode(*again), encode(command));
  EXPECT_EQ(descriptor_count(command), 1u);

  Command feed;
  feed.task = 4;
  feed.kind = TaskKind::kFeed;
  feed.tracks = "vava";
  feed.whole = true;
  EXPECT_EQ(encode(feed), R"({"task":4,"kind":"feed","whole":true,"tracks":"vava"})");
  again = parse_command(encode(feed));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(encode(*again), encode(feed));
  EXPECT_EQ(descriptor_count(feed), 4u);
  EXPECT_FALSE(parse_command(R"({"task":4,"kind":"feed","tracks":"vx"})"));
  EXPECT_FALSE(parse_command(R"({"task":4,"kind":"feed","tracks":"vvvvvvvvvvvvvvvvv"})"));
  EXPECT_FALSE(parse_command(R"({"task":4,"kind":"mp4","video":"v","bytes":1,"rungs":["a"]})"));
}

TEST(Protocol, PicturesComeFromTilesOrFromTheSource) {
  Command command = video_task();
  command.tiles = true;
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"video","video":"v1","bytes":1000,"segment":3,)"
                             R"("tiles":true,"rungs":["1080p","720p"]})");
  EXPECT_TRUE(parse_command(encode(command))->tiles);
  EXPECT_EQ(descriptor_count(command), 5u);
  command.tiles = false;
  EXPECT_FALSE(parse_command(encode(command))->awaited);
  command.awaited = true;
  EXPECT_TRUE(parse_command(encode(command))->awaited);
  EXPECT_FALSE(parse_command(encode(command))->measure);
  command.measure = true;
  EXPECT_TRUE(parse_command(encode(command))->measure);
  command.awaited = command.measure = false;
  command.kind = TaskKind::kSheet;
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"sheet","video":"v1","bytes":1000,"segment":3})");
  EXPECT_EQ(parse_command(encode(command))->segment, 3u);
  EXPECT_EQ(descriptor_count(command), 4u);
  EXPECT_FALSE(parse_command(R"({"task":2,"kind":"sheet","video":"v1","bytes":1000})"));
  command.kind = TaskKind::kPoster;
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"poster","video":"v1","bytes":1000})");
  EXPECT_EQ(descriptor_count(command), 3u);
  command.kind = TaskKind::kSubtitles;
  EXPECT_EQ(encode(command), R"({"task":2,"kind":"subtitles","video":"v1","bytes":1000})");
  EXPECT_EQ(parse_command(encode(command))->kind, TaskKind::kSubtitles);
  EXPECT_EQ(descriptor_count(command), 3u);
}

TEST(Protocol, SaysHowManyDescriptorsCome) {
  Command command = video_task();
  EXPECT_EQ(descriptor_count(command), 4u);
  command.kind = TaskKind::kAudio;
  EXPECT_EQ(descriptor_count(command), 3u);
  command.kind = TaskKind::kIndex;
  EXPECT_EQ(descriptor_count(command), 2u);
  command.kind = TaskKind::kForget;
  EXPECT_EQ(descriptor_count(command), 0u);
}

TEST(Protocol, RefusesBrokenCommands) {
  const char* const cases[] = {
      "",
      "[]",
      R"({"kind":"dance"})",
      R"({"kind":"index"})",
      R"({"kind":"index","task":1,"video":"","bytes":1})",
      R"({"kind":"index","task":-1,"video":"v","bytes":1})",
      R"({"kind":"video","task":1,"video":"v","bytes":1})",
      R"({"kind":"video","task":1,"video":"v","bytes":1,"segment":0,"rungs":[]})",
      R"({"kind":"video","task":1,"video":"v","bytes":1,"segment":0,"rungs":[7]})",
      R"({"kind":"video","task":1,"video":"v","bytes":1,"segment":4294967296,"rungs":["a"]})",
      R"({"kind":"audio","task":1,"video":"v","bytes":1,"segment":0})",
      R"({"kind":"index","task":1,"video":"v","bytes":1,"tail":3,"length":2})",
  };
  for (const char* text : cases) EXPECT_FALSE(parse_command(text)) << text;
}

TEST(Protocol, EventsReadBack) {
  WorkerEvent done;
  done.kind = WorkerEventKind::kDone;
  done.task = 9;
  SegmentOutput output;
  output.bytes = 188 * 16;
  output.begin_ticks = -3'000;
  output.duration_ticks = 360'000;
  output.frames = 120;
  output.damaged_frames = 2;
  output.codecs = "avc1.640028";
  output.i_frames = {{0, 564, 1'000}, {180'000, 5'000, 900}};
  done.outputs = {output, output};
  done.outputs[1].quality = Quality{0.975, 41.5};
  const auto again = parse_event(encode(done));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(encode(*again), encode(done));
  ASSERT_EQ(again->outputs.size(), 2u);
  EXPECT_EQ(again->outputs[1].i_frames[1].offset, 5'000u);
  EXPECT_FALSE(again->outputs[0].quality);
  EXPECT_EQ(again->outputs[1].quality->ssim, 0.975);
  EXPECT_EQ(again->outputs[1].quality->psnr_db, 41.5);

  WorkerEvent failed;
  failed.kind = WorkerEventKind::kFailed;
  failed.error = {ErrorCode::kUnsupported, "This file is not a video.", 0};
  const auto reason = parse_event(encode(failed));
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->error.code, ErrorCode::kUnsupported);
  EXPECT_EQ(reason->error.message, "This file is not a video.");

  EXPECT_EQ(encode(WorkerEvent{}), R"({"event":"ready"})");
}

TEST(Protocol, RefusesBrokenEvents) {
  const char* const cases[] = {
      "",
      "hello",
      R"({"event":"exploded","task":1})",
      R"({"event":"started"})",
      R"({"event":"done","task":1})",
      R"({"event":"done","task":1,"outputs":[{}]})",
      R"({"event":"done","task":1,"outputs":[{"bytes":-1,"begin":0,"duration":1,"frames":1,)"
      R"("damaged":0}]})",
      R"({"event":"done","task":1,"outputs":[{"bytes":1,"begin":0,"duration":-1,"frames":1,)"
      R"("damaged":0}]})",
      R"({"event":"done","task":1,"outputs":[{"bytes":1,"begin":0,"duration":1,"frames":1,)"
      R"("damaged":0,"i_frames":[[1,2]]}]})",
  };
  for (const char* line : cases) EXPECT_FALSE(parse_event(line)) << line;
}

TEST(Protocol, UnknownErrorCodesAreInternal) {
  const auto event = parse_event(R"({"event":"failed","task":1,"code":"new_word"})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->error.code, ErrorCode::kInternal);
  EXPECT_FALSE(event->error.message.empty());
}

TEST(Protocol, ProgressStaysBetweenNothingAndAll) {
  EXPECT_EQ(parse_event(R"({"event":"progress","task":1,"done":7})")->done, 1);
  EXPECT_EQ(parse_event(R"({"event":"progress","task":1,"done":-7})")->done, 0);
}

}  // namespace
}  // namespace sf::transcode

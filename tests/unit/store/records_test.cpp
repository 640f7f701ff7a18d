#include <gtest/gtest.h>
#include <streamforge/store/records.hpp>

#include "codec.hpp"
#include "fields.hpp"
#include "keys.hpp"
#include "names.hpp"

namespace sf::store {
namespace {

Video full_video() {
  Video video;
  video.id = "01jabcdefghjkmnpqrstvwxyz0";
  video.owner = "u";
  video.title = "Ünïcode \"quoted\"\n";
  video.description = std::string("nul \0 inside", 12);
  video.visibility = Visibility::kPrivate;
  video.status = VideoStatus::kProcessing;
  video.playable = true;
  video.created_at_ms = 1'700'000'000'000;
  video.deleted_at_ms = -1;
  video.duration_ms = UINT64_MAX;
  video.width = 1920;
  video.source.bytes = (std::uint64_t{1} << 63) + 1;
  video.source.container = "mp4";
  video.renditions = {{.name = "1080p", .segments_done = 3, .segments_total = 4},
                      {.name = "360p", .segments_done = 1, .segments_total = 4}};
  video.audio = {{.name = "0", .language = "de", .segments_done = 4, .segments_total = 4}};
  video.error = Failure{"truncated", "The file ends early.", "Upload it again.", true};
  video.warnings = {"one", "two"};
  video.revision = 7;
  return video;
}

TEST(Records, ProgressCountsAllTracks) {
  Video video = full_video();
  EXPECT_DOUBLE_EQ(video.progress(), 8.0 / 12.0);
  video.renditions[1].segments_done = 9;  // More than there are counts as all.
  EXPECT_DOUBLE_EQ(video.progress(), 11.0 / 12.0);
  video.status = VideoStatus::kReady;
  EXPECT_DOUBLE_EQ(video.progress(), 1.0);
  EXPECT_DOUBLE_EQ(Video().progress(), 0.0);
}

TEST(Records, NamesReadBack) {
  for (const auto name : kVideoStatusNames.names) EXPECT_EQ(name_of(*video_status(name)), name);
  for (const auto name : kVisibilityNames.names) EXPECT_EQ(name_of(*visibility(name)), name);
  for (const auto name : kJobStateNames.names) EXPECT_EQ(name_of(*job_state(name)), name);
  for (const auto name : kRoleNames.names) EXPECT_EQ(name_of(*role(name)), name);
  EXPECT_EQ(video_status("Ready"), std::nullopt);
}

TEST(Codec, StoredFormIsReadable) {
  const Job job{.video = "v", .state = JobState::kPaused, .attempts = 2, .priority = -5};
  EXPECT_EQ(encode(job), R"({"v":1,"video":"v","state":"paused","attempts":2,"priority":-5,)"
                         R"("queued_at_ms":0,"not_before_ms":0})");
  const Upload upload{.id = "u", .offset = 5};
  EXPECT_EQ(encode(upload),
            R"({"v":1,"id":"u","owner":"","length":null,"offset":5,"metadata":"","concat":"",)"
            R"("complete":false,"created_at_ms":0,"updated_at_ms":0,"expires_at_ms":0,)"
            R"("explicit_end":false,"end_refused":false,"repr_digest":"","want_digest":"",)"
            R"("group":"","parts":[],"tail":0,"into":"","at":0})");
}

TEST(Codec, EveryRecordReadsBack) {
  const auto same = [](const auto& record) {
    const std::string stored = encode(record);
    const auto back = decode<std::decay_t<decltype(record)>>(stored);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(encode(*back), stored);
  };
  same(full_video());
  same(Video());
  same(Upload{.id = "u", .owner = "o", .length = 0, .metadata = "filename YQ==,flag"});
  same(Segment{
      .video = "v", .track = "audio/0", .number = UINT32_MAX, .bytes = 9, .damaged_frames = 4});
  same(Job{.video = "v", .state = JobState::kFailed});
  same(User{.id = "i", .name = "n", .role = Role::kViewer, .password_hash = "$argon2id$…"});
  same(Token{.id = "i", .user = "u", .name = "n", .hash = "ab", .expires_at_ms = 5});
  same(Session{.hash = "ab", .user = "u", .created_at_ms = 1, .expires_at_ms = 2});
  EXPECT_EQ(decode<Video>(encode(full_video()))->description, full_video().description);
}

TEST(Codec, NeighbouringVersionsRead) {
  const auto job = decode<Job>(R"({"v":1,"video":"v","later":{"x":[1]},"state":"done"})");
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, JobState::kDone);
  EXPECT_EQ(job->attempts, 0u);
  const auto video = decode<Video>(R"({"v":1,"id":"x","error":null})");
  ASSERT_TRUE(video);
  EXPECT_EQ(video->fps_denominator, 1u);
  EXPECT_EQ(video->visibility, Visibility::kUnlisted);
  EXPECT_FALSE(video->error);
}

TEST(Codec, RefusesWhatItCannotRead) {
  struct Row {
    const char* stored;
    ErrorCode code;
    const char* says;
  };
  const Row rows[] = {
      {"", ErrorCode::kCorrupt, "JSON"},
      {"[]", ErrorCode::kCorrupt, "JSON"},
      {R"({"v":1,"video":"v")", ErrorCode::kCorrupt, "JSON"},
      {R"({"v":2,"video":"v"})", ErrorCode::kUnsupported, "schema 2"},
      {R"({"v":1,"video":7})", ErrorCode::kCorrupt, "\"video\""},
      {R"({"v":1,"state":"asleep"})", ErrorCode::kCorrupt, "\"state\""},
      {R"({"v":1,"attempts":-1})", ErrorCode::kCorrupt, "\"attempts\""},
      {R"({"v":1,"attempts":4294967296})", ErrorCode::kCorrupt, "\"attempts\""},
      {R"({"v":1,"priority":1.5})", ErrorCode::kCorrupt, "\"priority\""},
  };
  for (const auto& row : rows) {
    const auto job = decode<Job>(row.stored);
    ASSERT_FALSE(job) << row.stored;
    EXPECT_EQ(job.error().code, row.code) << row.stored;
    EXPECT_NE(job.error().message.find(row.says), std::string::npos) << job.error().message;
  }
  EXPECT_FALSE(decode<Video>(R"({"v":1,"renditions":[{"width":"wide"}]})"));
  EXPECT_FALSE(decode<Video>(R"({"v":1,"source":[]})"));
}

TEST(Keys, SegmentsSortByTrackThenNumber) {
  const std::string video = "01jabcdefghjkmnpqrstvwxyz0";
  EXPECT_LT(segment_key(video, "1080p", 255), segment_key(video, "1080p", 256));
  EXPECT_LT(segment_key(video, "1080p", UINT32_MAX), segment_key(video, "360p", 0));
  EXPECT_LT(segment_key(video, "a", UINT32_MAX), segment_key(video, "ab", 0));
  EXPECT_LT(segment_key(video, "z", UINT32_MAX), after_prefix(video));
  EXPECT_GT(segment_key("01jabcdefghjkmnpqrstvwxyz1", "a", 0), after_prefix(video));
}

TEST(Keys, TitlesSortWithoutCaseAndKeepTheId) {
  const std::string id = "01jabcdefghjkmnpqrstvwxyz0";
  EXPECT_LT(title_key("apple", id), title_key("Banana", id));
  EXPECT_LT(title_key("Zoo", id), title_key("zoo 2", id));
  EXPECT_EQ(id_of_title_key(title_key(std::string("a\0b", 3), id)), id);
  EXPECT_EQ(id_of_title_key(title_key(std::string(5000, 'x'), id)), id);
  EXPECT_EQ(id_of_title_key("short"), "");
}

}  // namespace
}  // namespace sf::store

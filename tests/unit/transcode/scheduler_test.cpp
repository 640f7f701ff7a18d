#include <streamforge/transcode/scheduler.hpp>

#include "fake_worker.hpp"
#include "support/eventually.hpp"
#include "unit/store/fixture.hpp"

#include <streamforge/base/metrics.hpp>
#include <streamforge/hls/presentation.hpp>
#include <streamforge/hls/subtitle_pack.hpp>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <map>

namespace sf::transcode {
namespace {

using store::JobState;
using store::VideoStatus;
using store::test::code_of;
using store::test::must;
using ::testing::HasSubstr;

/// The whole scheduler, its records and files, with fake workers.
class SchedulerTest : public store::test::CatalogueTest {
 protected:
  SchedulerTest() {
    workers_.workers = 2;
    workers_.urgent_workers = 1;
    workers_.idle_class = false;
    workers_.nice = 0;
    workers_.log_dir = dir_.file("log");
    begin();
  }
  ~SchedulerTest() override { end(); }

  void begin() {
    scheduler_ = std::make_unique<Scheduler>(reactor.reactor(), *catalogue, *blobs_, demand_,
                                             default_ladder(), workers_);
    must(reactor.wait(scheduler_->start()));
  }
  void end() {
    if (!scheduler_) return;
    reactor.wait(scheduler_->stop());
    scheduler_.reset();
  }

  /// A video whose upload is complete; its id ends in `behaviour`.
  std::string upload(std::string_view behaviour, const std::string& owner = "owner") {
    std::string id = make_id();
    id.replace(id.size() - behaviour.size(), behaviour.size(), behaviour);
    EXPECT_TRUE(is_id(id)) << id;
    store::Upload record = store::test::make_upload(4);
    record.id = id;
    record.owner = owner;
    store::Video video = store::test::make_video(id);
    video.owner = owner;
    video.source.bytes = 4;
    must(reactor.wait(catalogue->create_upload(record, video)));
    sf::test::write_file(dir_.path() / "data" / "raw" / id, "film");
    must(reactor.wait(catalogue->complete_upload(id)));
    return id;
  }
  store::Video until(const std::string& id, VideoStatus status) {
    store::Video now;
    EXPECT_TRUE(test::eventually([&] { return (now = video(id)).status == status; }))
        << id << " is still " << name_of(now.status);
    return now;
  }
  store::Video until_playable(const std::string& id) {
    EXPECT_TRUE(test::eventually([&] { return video(id).playable; }));
    return video(id);
  }
  /// A video whose upload has begun: `kWhole` bytes, a minute of film.
  static constexpr std::uint64_t kWhole = 60 * fake::kBytesPerSecond;
  std::string begin_upload(std::string_view behaviour) {
    std::string id = make_id();
    id.replace(id.size() - behaviour.size(), behaviour.size(), behaviour);
    store::Upload record = store::test::make_upload(kWhole);
    record.id = id;
    store::Video video = store::test::make_video(id);
    video.source.bytes = kWhole;
    must(reactor.wait(catalogue->create_upload(record, video)));
    must(reactor.wait(blobs_->create_upload(id, kWhole)));
    return id;
  }
  void arrives(const std::string& id, unsigned seconds) {
    must(reactor.wait(catalogue->advance_upload(id, seconds * fake::kBytesPerSecond)));
  }
  void completes(const std::string& id) {
    arrives(id, 60);
    must(reactor.wait(blobs_->promote_upload(id, kWhole)));
    must(reactor.wait(catalogue->complete_upload(id)));
  }
  store::Video until_listed(const std::string& id, std::uint64_t segments) {
    const auto listed = [&](const store::Video& now) {
      return now.playable && now.renditions.at(0).segments_total >= segments;
    };
    EXPECT_TRUE(test::eventually([&] { return listed(video(id)); }));
    return video(id);
  }
  JobState job_state(const std::string& id) {
    return must(reactor.wait(catalogue->job(id)))->state;
  }
  static std::uint64_t tasks_cancelled() {
    return metrics::counter("streamforge_transcode_tasks_total", "Worker tasks by how they ended",
                            {{"end", "cancelled"}})
        .value();
  }
  static std::uint64_t wishes_heard() {
    return metrics::counter("streamforge_transcode_wishes_total",
                            "Segments that viewers asked for before they existed")
        .value();
  }
  std::filesystem::path made(const std::string& id, const std::string& name) const {
    return dir_.path() / "data" / "processed" / id / name;
  }
  /// Inode and time of every segment that has its name.
  std::map<std::string, std::pair<ino_t, long>> segment_files(const std::string& id) const {
    std::map<std::string, std::pair<ino_t, long>> found;
    const auto root = made(id, "");
    if (!std::filesystem::exists(root)) return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".ts") continue;
      struct stat status{};
      ::stat(entry.path().c_str(), &status);
      found[entry.path().lexically_relative(root)] = {status.st_ino, status.st_mtim.tv_nsec};
    }
    return found;
  }
  /// Ends the server once some segments are made; gives those.
  auto end_in_the_middle(const std::string& id) {
    EXPECT_TRUE(test::eventually([&] { return segment_files(id).size() >= 2; }));
    end();
    return segment_files(id);
  }

  sf::test::TempDir dir_;
  std::unique_ptr<store::BlobStore> blobs_ = must(store::BlobStore::open(dir_.file("data"), pool));
  store::Demand demand_;
  WorkerOptions workers_;
  std::unique_ptr<Scheduler> scheduler_;
};
INSTANTIATE_TEST_SUITE_P(Backends, SchedulerTest,
                         ::testing::Values(io::BackendKind::kUring, io::BackendKind::kEpoll),
                         [](const auto& backend) { return std::string(name_of(backend.param)); });

TEST_P(SchedulerTest, MakesAVideoOfAnUpload) {
  const std::string id = upload("00");
  const store::Video ready = until(id, VideoStatus::kReady);
  EXPECT_TRUE(ready.playable);
  EXPECT_EQ(ready.duration_ms, 12'000u);
  EXPECT_EQ(ready.width, 854u);
  EXPECT_EQ(ready.height, 480u);
  EXPECT_EQ(ready.source.video_codec, "vp9");
  EXPECT_EQ(ready.progress(), 1.0);
  EXPECT_EQ(ready.eta_ms, 0u);
  ASSERT_EQ(ready.renditions.size(), 2u);
  EXPECT_EQ(ready.renditions[0].name, "480p");
  EXPECT_EQ(ready.renditions[0].segments_done, 5u);
  EXPECT_GT(ready.renditions[0].peak_bps, 0u);
  EXPECT_EQ(ready.renditions[0].codecs, "avc1.64001f");
  ASSERT_EQ(ready.audio.size(), 1u);
  EXPECT_EQ(ready.audio[0].segments_done, 5u);
  EXPECT_EQ(job_state(id), JobState::kDone);
  EXPECT_EQ(must(reactor.wait(catalogue->segments(id))).size(), 15u);
  EXPECT_EQ(sf::test::read_file(made(id, "360p/2.ts")), id + " 2 360p\n");
  EXPECT_THAT(sf::test::read_file(made(id, "master.m3u8")), HasSubstr("480p/index.m3u8"));
  EXPECT_THAT(sf::test::read_file(made(id, "audio/0/index.m3u8")), HasSubstr("2.ts"));
  EXPECT_GT(ready.renditions[0].i_frame_bps, 0u);
  EXPECT_THAT(sf::test::read_file(made(id, "360p/iframes.m3u8")), HasSubstr("BYTERANGE:9@1\n2.ts"));
  EXPECT_THAT(sf::test::read_file(made(id, "master.m3u8")), HasSubstr("360p/iframes.m3u8"));
  const auto shown = hls::parse_presentation(sf::test::read_file(made(id, "timeline")));
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->segment_count("360p"), 5u);
  EXPECT_EQ(scheduler_->queue_position(id), 0u);
}

TEST_P(SchedulerTest, SaysWhyAFileIsNoVideo) {
  const std::string id = upload("reject");
  const store::Video failed = until(id, VideoStatus::kFailed);
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code, "not_a_video");
  EXPECT_EQ(failed.error->message, "This file is not a video.");
  EXPECT_FALSE(failed.error->hint.empty());
  EXPECT_FALSE(failed.error->retryable);
  EXPECT_FALSE(failed.playable);
  EXPECT_EQ(job_state(id), JobState::kFailed);
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p", 0}, 5'000))), ErrorCode::kNotFound);
}

TEST_P(SchedulerTest, GivesUpAfterThreeCrashesAndHarmsNobodyElse) {
  const std::string bad = upload("crash1");
  const std::string good = upload("00");
  until(good, VideoStatus::kReady);
  const store::Video failed = until(bad, VideoStatus::kFailed);
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code, "decoder_crashed");
  EXPECT_THAT(failed.error->message, HasSubstr("segment 1"));
  EXPECT_THAT(failed.error->message, HasSubstr("tried 3 times"));
  EXPECT_TRUE(failed.error->retryable);
  EXPECT_TRUE(failed.playable) << "what was made is kept";
  EXPECT_EQ(failed.renditions[0].segments_done, 4u);
}

TEST_P(SchedulerTest, AWishIsServedFirst) {
  const std::string id = upload("drag");
  until_playable(id);
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p", 99}, 1'000))), ErrorCode::kNotFound);
  must(reactor.wait(demand_.want({id, "360p", 2}, 9'000)));
  EXPECT_TRUE(std::filesystem::exists(made(id, "360p/2.ts")));
  EXPECT_NE(video(id).status, VideoStatus::kReady);
  must(reactor.wait(demand_.want({id, "360p", 2}, 9'000)));
}

TEST_P(SchedulerTest, WhatAllHaveLeftMakesRoomForWhatIsAwaited) {
  const std::string id = upload("s10w");
  until_playable(id);
  const std::uint64_t cancelled = tasks_cancelled();
  const std::uint64_t wishes = wishes_heard();
  std::atomic<bool> gone = false;
  auto left = reactor.start(demand_.want({id, "360p", 4}, 60'000, [&] { return gone.load(); }));
  EXPECT_TRUE(test::eventually([&] { return wishes_heard() > wishes; }));
  auto stays = reactor.start(demand_.want({id, "480p", 3}, 60'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(tasks_cancelled(), cancelled) << "both are awaited";
  gone = true;
  must(stays.get());
  EXPECT_EQ(tasks_cancelled(), cancelled + 1);
  EXPECT_FALSE(std::filesystem::exists(made(id, "360p/4.ts")));
  end();
  EXPECT_EQ(code_of(left.get()), ErrorCode::kUnavailable);
}

TEST_P(SchedulerTest, WhatSomebodyCameBackToIsMade) {
  const std::string id = upload("s10w");
  until_playable(id);
  const store::Wish wish{id, "360p", 4};
  const std::uint64_t cancelled = tasks_cancelled();
  auto left = reactor.start(demand_.want(wish, 60'000, [] { return true; }));
  EXPECT_TRUE(test::eventually([&] { return demand_.wanted(wish); }));
  EXPECT_TRUE(test::eventually([&] { return !demand_.wanted(wish); }));
  auto back = reactor.start(demand_.want(wish, 60'000));
  auto another = reactor.start(demand_.want({id, "480p", 3}, 60'000));
  must(back.get());
  EXPECT_EQ(tasks_cancelled(), cancelled);
  must(left.get());
  end();
  EXPECT_EQ(code_of(another.get()), ErrorCode::kUnavailable);
}

TEST_P(SchedulerTest, AWishThatComesBeforeThePlanWaitsForIt) {
  const std::string id = upload("drag");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // The index pass takes 0.3 s.
  EXPECT_FALSE(video(id).playable);
  must(reactor.wait(demand_.want({id, "360p", 2}, 9'000)));
}

TEST_P(SchedulerTest, RestartGoesOnWithWhatIsMissing) {
  const std::string id = upload("drag");
  const auto before = end_in_the_middle(id);
  ASSERT_GE(before.size(), 2u);
  ASSERT_LT(before.size(), 15u);
  EXPECT_EQ(must(reactor.wait(catalogue->segments(id))).size(), before.size());
  begin();
  until(id, VideoStatus::kReady);
  const auto after = segment_files(id);
  EXPECT_EQ(after.size(), 15u);
  for (const auto& [name, identity] : before) {
    EXPECT_EQ(after.at(name), identity) << name << " was made again";
  }
}

TEST_P(SchedulerTest, APlanOfAnotherVersionIsMadeAnew) {
  const std::string id = upload("drag");
  const auto before = end_in_the_middle(id);
  ASSERT_GE(before.size(), 2u);
  std::string plan = sf::test::read_file(made(id, "plan"));
  plan[kPlanHeadBytes - 1] = '\1';
  sf::test::write_file(made(id, "plan"), plan);
  // Where the new plan says the same, equal files would stay.
  for (const auto& [name, identity] : before) {
    sf::test::write_file(made(id, name), "of the old plan");
  }
  std::filesystem::create_directories(made(id, "storyboard"));
  sf::test::write_file(made(id, "storyboard/0.jpg"), "of the old plan");
  begin();
  until(id, VideoStatus::kReady);
  const auto after = segment_files(id);
  EXPECT_EQ(after.size(), 15u);
  for (const auto& [name, identity] : before) {
    EXPECT_TRUE(after.contains(name));
    EXPECT_NE(sf::test::read_file(made(id, name)), "of the old plan") << name;
  }
  EXPECT_NE(sf::test::read_file(made(id, "storyboard/0.jpg")), "of the old plan");
}

TEST_P(SchedulerTest, CancelsAndTriesAgain) {
  const std::string id = upload("drag");
  until_playable(id);
  must(reactor.wait(scheduler_->cancel(id)));
  EXPECT_EQ(video(id).status, VideoStatus::kCancelled);
  EXPECT_EQ(code_of(reactor.wait(scheduler_->cancel(id))), ErrorCode::kConflict);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  const auto before = segment_files(id).size();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(segment_files(id).size(), before) << "nothing is made any more";
  must(reactor.wait(scheduler_->retry(id)));
  until(id, VideoStatus::kReady);
  EXPECT_EQ(code_of(reactor.wait(scheduler_->retry(id))), ErrorCode::kConflict);
}

TEST_P(SchedulerTest, PausesAndResumes) {
  const std::string id = upload("drag");
  until_playable(id);
  must(reactor.wait(scheduler_->pause(id)));
  EXPECT_TRUE(video(id).paused);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // What runs is finished.
  const auto before = segment_files(id).size();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(segment_files(id).size(), before);
  must(reactor.wait(scheduler_->resume(id)));
  EXPECT_FALSE(video(id).paused);
  until(id, VideoStatus::kReady);
}

TEST_P(SchedulerTest, ForgetsAVideoThatGoesAway) {
  const std::string id = upload("drag");
  until_playable(id);
  reactor.wait(scheduler_->forget(id));
  must(reactor.wait(catalogue->remove_video(id)));
  must(reactor.wait(blobs_->remove_video(id)));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_FALSE(std::filesystem::exists(made(id, ""))) << "nothing came after";
  const std::string next = upload("00");
  until(next, VideoStatus::kReady);
}

TEST_P(SchedulerTest, DrawsAPosterAndAStoryboard) {
  const std::string id = upload("00");
  const store::Video ready = until(id, VideoStatus::kReady);
  EXPECT_TRUE(ready.poster);
  EXPECT_TRUE(ready.storyboard);
  EXPECT_TRUE(std::filesystem::exists(made(id, "poster.jpg")));
  EXPECT_TRUE(std::filesystem::exists(made(id, "storyboard/0.jpg")));
  EXPECT_FALSE(std::filesystem::exists(made(id, "storyboard/1.jpg")));
  EXPECT_FALSE(std::filesystem::exists(made(id, "tiles"))) << "of no more use";
}

TEST_P(SchedulerTest, AVideoIsReadyWithoutPicturesThatCannotBeDrawn) {
  const std::string id = upload("b1ank");
  const store::Video ready = until(id, VideoStatus::kReady);
  EXPECT_FALSE(ready.poster);
  EXPECT_FALSE(ready.storyboard);
}

TEST_P(SchedulerTest, RestartGoesOnWithThePictures) {
  const std::string id = upload("drawn");
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::exists(made(id, "tiles")); }));
  EXPECT_TRUE(test::eventually([&] { return video(id).progress() == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(video(id).status, VideoStatus::kProcessing) << "its sheet is being drawn";
  const auto before = segment_files(id);
  end();
  EXPECT_EQ(video(id).status, VideoStatus::kProcessing);
  // As if another worker had drawn it.
  std::filesystem::create_directories(made(id, "storyboard"));
  sf::test::write_file(made(id, "storyboard/0.jpg"), "sheet");
  begin();
  EXPECT_TRUE(until(id, VideoStatus::kReady).storyboard);
  EXPECT_EQ(segment_files(id), before);
  EXPECT_EQ(sf::test::read_file(made(id, "storyboard/0.jpg")), "sheet");
}

TEST_P(SchedulerTest, ExtractsSubtitlesBeforeAVideoIsReady) {
  const std::string id = upload("texts");
  const store::Video ready = until(id, VideoStatus::kReady);
  ASSERT_EQ(ready.subtitles.size(), 2u);
  EXPECT_EQ(ready.subtitles[0].name, "0");
  EXPECT_EQ(ready.subtitles[0].language, "en");
  EXPECT_EQ(ready.subtitles[0].label, "English");
  EXPECT_TRUE(ready.subtitles[0].is_default);
  EXPECT_TRUE(ready.subtitles[0].ready);
  EXPECT_EQ(ready.subtitles[0].why, "");
  EXPECT_FALSE(ready.subtitles[1].ready);
  EXPECT_EQ(ready.subtitles[1].why, "it is made of pictures, not of text");
  const auto pack = sf::test::read_file(made(id, std::string(hls::kSubtitlePackBlob)));
  EXPECT_NE(must(hls::packed_segment(pack, 0, 0)).find("Hello"), std::string::npos);
}

TEST_P(SchedulerTest, AVideoIsReadyWithoutSubtitlesThatCannotBeRead) {
  const std::string failed = upload("textf");
  const std::string garbage = upload("textg");
  for (const std::string& id : {failed, garbage}) {
    const store::Video ready = until(id, VideoStatus::kReady);
    ASSERT_EQ(ready.subtitles.size(), 2u);
    EXPECT_FALSE(ready.subtitles[0].ready);
    EXPECT_TRUE(ready.subtitles[0].why.starts_with("it could not be read: "))
        << ready.subtitles[0].why;
  }
}

TEST_P(SchedulerTest, RestartGoesOnWithTheSubtitles) {
  const std::string id = upload("textw");
  until_playable(id);
  EXPECT_TRUE(test::eventually([&] { return video(id).progress() == 1; }));
  EXPECT_EQ(video(id).status, VideoStatus::kProcessing) << "its subtitles are being read";
  end();
  EXPECT_FALSE(video(id).subtitles.at(0).ready);
  EXPECT_EQ(video(id).subtitles.at(0).why, "") << "stopping is no fault of theirs";
  begin();
  EXPECT_TRUE(until(id, VideoStatus::kReady).subtitles.at(0).ready);
}

TEST_P(SchedulerTest, JoinsTheSegmentsOfAReadyVideo) {
  const std::string id = upload("00");
  until(id, VideoStatus::kReady);
  must(reactor.wait(demand_.want({id, "360p.mp4", 0}, 9'000)));
  std::string all;
  for (unsigned n = 0; n < 5; ++n) {
    all += concat("v ", id, ' ', n, " 360p\na ", id, ' ', n, " \n");
  }
  EXPECT_EQ(sf::test::read_file(made(id, "360p.mp4")), all) << "in the order of time";
  must(reactor.wait(demand_.want({id, "360p.mp4", 0}, 9'000)));
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "720p.mp4", 0}, 9'000))), ErrorCode::kNotFound);
  std::filesystem::remove(made(id, "480p/1.ts"));
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "480p.mp4", 0}, 9'000))), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(made(id, "480p.mp4")));
}

TEST_P(SchedulerTest, NothingIsJoinedBeforeAVideoIsReady) {
  const std::string id = upload("drag");
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p.mp4", 0}, 9'000))), ErrorCode::kNotFound)
      << "no rungs are known";
}

TEST_P(SchedulerTest, AJoinThatKillsItsWorkersIsGivenUp) {
  const std::string id = upload("j01ner");
  until(id, VideoStatus::kReady);
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p.mp4", 0}, 15'000))),
            ErrorCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(made(id, "360p.mp4")));
  EXPECT_EQ(video(id).status, VideoStatus::kReady);
  const std::string next = upload("00");
  until(next, VideoStatus::kReady);
  must(reactor.wait(demand_.want({next, "360p.mp4", 0}, 9'000)));
}

TEST_P(SchedulerTest, AVideoThatGoesAwayEndsItsJoin) {
  const std::string id = upload("jstay");
  until(id, VideoStatus::kReady);
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p.mp4", 0}, 300))), ErrorCode::kTimedOut);
  reactor.wait(scheduler_->forget(id));
  must(reactor.wait(catalogue->remove_video(id)));
  must(reactor.wait(blobs_->remove_video(id)));
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p.mp4", 0}, 9'000))), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(made(id, "")));
  const std::string next = upload("00");
  until(next, VideoStatus::kReady);
  must(reactor.wait(demand_.want({next, "360p.mp4", 0}, 9'000)));
}

TEST_P(SchedulerTest, AStopInAJoinIsInOrder) {
  const std::string id = upload("jstay");
  until(id, VideoStatus::kReady);
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p.mp4", 0}, 300))), ErrorCode::kTimedOut);
  end();
  EXPECT_FALSE(std::filesystem::exists(made(id, "360p.mp4")));
}

TEST_P(SchedulerTest, TellsPlacesInTheQueue) {
  // Three workers, three index passes that do not end.
  std::vector<std::string> stuck;
  for (int i = 0; i < 3; ++i) stuck.push_back(upload("hang"));
  const auto all_begun = [&] {
    return std::ranges::all_of(
        stuck, [&](const std::string& id) { return scheduler_->queue_position(id) == 0; });
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(test::eventually(all_begun));
  const std::string first = upload("00");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const std::string second = upload("11");
  EXPECT_TRUE(test::eventually([&] { return scheduler_->queue_position(second) > 0; }));
  EXPECT_EQ(scheduler_->queue_position(first), 1u);
  EXPECT_EQ(scheduler_->queue_position(second), 2u);
  must(reactor.wait(scheduler_->prioritise(second)));
  EXPECT_EQ(scheduler_->queue_position(second), 1u);
}

TEST_P(SchedulerTest, PlaysWhileItArrives) {
  const std::string id = begin_upload("part");
  arrives(id, 14);
  store::Video now = until_listed(id, 5);
  EXPECT_EQ(now.status, VideoStatus::kUploading);
  EXPECT_EQ(now.source.received_bytes, 14 * fake::kBytesPerSecond);
  EXPECT_EQ(now.duration_ms, 12'000u);
  auto shown = must(hls::parse_presentation(sf::test::read_file(made(id, "timeline"))));
  EXPECT_TRUE(shown.growing);
  must(reactor.wait(demand_.want({id, "360p", 4}, 9'000)));
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p", 5}, 9'000))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(reactor.wait(scheduler_->pause(id))), ErrorCode::kConflict);

  arrives(id, 40);
  now = until_listed(id, 11);
  EXPECT_EQ(now.duration_ms, 36'000u);
  EXPECT_EQ(now.renditions[0].peak_bps, 0u) << "what a part measures says nothing of the rest";
  EXPECT_EQ(scheduler_->queue_position(id), 0u);
  const auto before = segment_files(id);
  EXPECT_GE(before.size(), 1u);

  completes(id);
  now = until(id, VideoStatus::kReady);
  EXPECT_EQ(now.duration_ms, 60'000u);
  EXPECT_EQ(now.renditions[0].segments_done, 17u);
  EXPECT_GT(now.renditions[0].peak_bps, 0u);
  EXPECT_EQ(now.progress(), 1.0);
  shown = must(hls::parse_presentation(sf::test::read_file(made(id, "timeline"))));
  EXPECT_FALSE(shown.growing);
  EXPECT_EQ(shown.timeline.video.size(), 17u);
  const auto after = segment_files(id);
  EXPECT_EQ(after.size(), 51u);
  for (const auto& [name, identity] : before) {
    EXPECT_EQ(after.at(name), identity) << name << " was made again";
  }
}

// Planned once, from a table of contents; then only bytes are waited for.
TEST_P(SchedulerTest, ListsByATableWhatHasArrived) {
  const std::string id = begin_upload("mapped");
  arrives(id, 8);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  EXPECT_FALSE(video(id).playable) << "fewer than four segments are there";
  arrives(id, 14);
  store::Video now = until_listed(id, 5);
  EXPECT_EQ(now.status, VideoStatus::kUploading);
  EXPECT_EQ(now.duration_ms, 12'000u);
  EXPECT_EQ(now.expected_duration_ms, 60'000u);
  EXPECT_EQ(now.renditions[0].segments_total, 5u);
  const auto plan = sf::test::read_file(made(id, "plan"));
  EXPECT_EQ(must(parse_plan(plan)).timeline.video.size(), 17u) << "that of the whole";
  must(reactor.wait(demand_.want({id, "360p", 4}, 9'000)));
  EXPECT_EQ(code_of(reactor.wait(demand_.want({id, "360p", 5}, 9'000))), ErrorCode::kNotFound);

  arrives(id, 40);
  until_listed(id, 11);
  EXPECT_EQ(sf::test::read_file(made(id, "plan")), plan);
  end();
  const auto before = segment_files(id);
  begin();
  must(reactor.wait(demand_.want({id, "480p", 8}, 9'000)));
  arrives(id, 50);
  until_listed(id, 14);
  completes(id);
  now = until(id, VideoStatus::kReady);
  EXPECT_EQ(now.duration_ms, 60'000u);
  EXPECT_EQ(now.expected_duration_ms, 0u);
  EXPECT_EQ(now.renditions[0].segments_done, 17u);
  const auto after = segment_files(id);
  for (const auto& [name, identity] : before) {
    EXPECT_EQ(after.at(name), identity) << name << " was made again";
  }
}

// What is still to come cannot change the plan, so nothing is gained by waiting for it.
TEST_P(SchedulerTest, ListsByATableWhatWillBeThereInAMoment) {
  const std::string id = begin_upload("mapped");
  arrives(id, 14);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // It is followed from here on.
  arrives(id, 59);
  EXPECT_EQ(until_listed(id, 16).status, VideoStatus::kUploading);
  completes(id);
  EXPECT_EQ(until(id, VideoStatus::kReady).renditions[0].segments_done, 17u);
}

TEST_P(SchedulerTest, FollowsAGroupOnlyToItsFirstGap) {
  store::Upload whole = store::test::make_upload(kWhole);
  whole.id.replace(whole.id.size() - 4, 4, "part");
  whole.group = "group";
  must(reactor.wait(blobs_->create_upload(whole.id, kWhole)));
  const auto place = [&](std::uint64_t at, bool first) {
    store::Upload part = store::test::make_upload(kWhole / 2);
    part.group = whole.group;
    part.into = whole.id;
    part.at = at;
    std::optional<store::Upload> group;
    std::optional<store::Video> video;
    if (first) {
      group = whole;
      video = store::test::make_video(whole.id);
    }
    must(reactor.wait(catalogue->place_part(part, "", std::move(group), std::move(video))));
    return part.id;
  };
  const std::string tail = place(kWhole / 2, true);
  const std::string head = place(0, false);
  arrives(tail, 30);
  arrives(head, 20);
  const store::Video now = until_listed(whole.id, 6);
  EXPECT_EQ(now.source.received_bytes, 50 * fake::kBytesPerSecond);
  EXPECT_EQ(now.duration_ms, 16'000u);
}

TEST_P(SchedulerTest, RestartWhileItArrivesGoesOn) {
  const std::string id = begin_upload("part");
  arrives(id, 20);
  until_listed(id, 4);
  must(reactor.wait(demand_.want({id, "480p", 3}, 9'000)));
  end();
  const auto before = segment_files(id);
  begin();
  // The client has not come back yet, but what is there is served.
  must(reactor.wait(demand_.want({id, "360p", 2}, 9'000)));
  EXPECT_EQ(video(id).status, VideoStatus::kUploading);
  arrives(id, 40);
  until_listed(id, 11);
  end();
  completes(id);
  begin();
  const store::Video now = until(id, VideoStatus::kReady);
  EXPECT_EQ(now.renditions[0].segments_done, 17u);
  const auto after = segment_files(id);
  EXPECT_EQ(after.size(), 51u);
  for (const auto& [name, identity] : before) {
    EXPECT_EQ(after.at(name), identity) << name << " was made again";
  }
}

TEST_P(SchedulerTest, WhatCanOnlyBeReadWholeWaits) {
  const std::string id = begin_upload("tardy");
  arrives(id, 40);
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  EXPECT_FALSE(video(id).playable);
  EXPECT_EQ(video(id).status, VideoStatus::kUploading);
  completes(id);
  EXPECT_EQ(until(id, VideoStatus::kReady).duration_ms, 12'000u);
}

TEST_P(SchedulerTest, AFileThatIsNotWhatItPromisedIsMadeAnew) {
  const std::string id = begin_upload("faked");
  arrives(id, 20);
  until_listed(id, 4);
  completes(id);
  const store::Video now = until(id, VideoStatus::kReady);
  EXPECT_EQ(now.duration_ms, 12'000u) << "as an index of the whole says";
  EXPECT_EQ(now.renditions[0].segments_done, 5u);
}

TEST_P(SchedulerTest, ForgetsAVideoThatStillArrives) {
  const std::string id = begin_upload("part");
  arrives(id, 20);
  until_listed(id, 4);
  reactor.wait(scheduler_->forget(id));
  must(reactor.wait(catalogue->remove_video(id)));
  must(reactor.wait(blobs_->remove_video(id)));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_FALSE(std::filesystem::exists(made(id, ""))) << "nothing came after";
  const std::string next = begin_upload("part");
  arrives(next, 20);
  until_listed(next, 4);
}

}  // namespace
}  // namespace sf::transcode

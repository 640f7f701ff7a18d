#include <streamforge/store/catalogue.hpp>

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <mutex>
#include <vector>

#include "fixture.hpp"

namespace sf::store::test {
namespace {

SF_ON_BOTH_BACKENDS(CatalogueTest);

std::vector<std::string> kinds(const std::vector<Event>& events) {
  std::vector<std::string> names;
  for (const auto& event : events) names.emplace_back(name_of(event.kind));
  return names;
}

TEST_P(CatalogueTest, AnUploadBecomesAQueuedVideoWithAJob) {
  auto subscription = events.subscribe();
  std::vector<Job> told;
  catalogue->set_job_listener([&](const Job& job) { told.push_back(job); });

  std::vector<std::uint64_t> offsets;
  catalogue->watch_uploads([&](const Upload& moved) { offsets.push_back(moved.offset); });

  const Upload upload = make_upload(1000);
  must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
  EXPECT_EQ(video(upload.id).status, VideoStatus::kUploading);
  EXPECT_EQ(video(upload.id).source.bytes, 1000u);
  must(reactor.wait(catalogue->advance_upload(upload.id, 400)));
  EXPECT_EQ(must(reactor.wait(catalogue->upload(upload.id))).offset, 400u);
  EXPECT_EQ(video(upload.id).source.received_bytes, 400u);
  EXPECT_EQ(must(reactor.wait(catalogue->unfinished_uploads())).size(), 1u);

  must(reactor.wait(catalogue->complete_upload(upload.id)));
  must(reactor.wait(catalogue->complete_upload(upload.id)));
  const Upload done = must(reactor.wait(catalogue->upload(upload.id)));
  EXPECT_TRUE(done.complete);
  EXPECT_EQ(done.offset, 1000u);
  EXPECT_EQ(video(upload.id).status, VideoStatus::kQueued);
  EXPECT_EQ(video(upload.id).source.received_bytes, 1000u);
  EXPECT_TRUE(must(reactor.wait(catalogue->unfinished_uploads())).empty());

  EXPECT_EQ(offsets, std::vector<std::uint64_t>{400});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].state, JobState::kWaiting);
  EXPECT_EQ(must(reactor.wait(catalogue->job(upload.id)))->state, JobState::kWaiting);
  EXPECT_EQ(kinds(reactor.wait(subscription.next(1000))),
            (std::vector<std::string>{"video.created", "video.progress", "video.updated"}));
}

TEST_P(CatalogueTest, OffsetsNeverGoBackNorPastTheLength) {
  const std::string id = add_video();
  must(reactor.wait(catalogue->advance_upload(id, 500)));
  must(reactor.wait(catalogue->advance_upload(id, 300)));
  EXPECT_EQ(must(reactor.wait(catalogue->upload(id))).offset, 500u);
  EXPECT_EQ(code_of(reactor.wait(catalogue->advance_upload(id, 1001))),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(reactor.wait(catalogue->advance_upload(id, 600, 999))), ErrorCode::kConflict);
  EXPECT_EQ(code_of(reactor.wait(catalogue->advance_upload(make_id(), 1))), ErrorCode::kNotFound);
  EXPECT_EQ(must(reactor.wait(catalogue->upload(id))).offset, 500u);
}

TEST_P(CatalogueTest, ADeferredLengthIsDeclaredOnce) {
  const Upload upload = make_upload(std::nullopt);
  must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
  must(reactor.wait(catalogue->advance_upload(upload.id, 10)));
  EXPECT_EQ(code_of(reactor.wait(catalogue->complete_upload(upload.id))), ErrorCode::kConflict);
  EXPECT_EQ(code_of(reactor.wait(catalogue->advance_upload(upload.id, 10, 9))),
            ErrorCode::kInvalidArgument);
  must(reactor.wait(catalogue->advance_upload(upload.id, 10, 10)));
  EXPECT_EQ(must(reactor.wait(catalogue->upload(upload.id))).length, 10u);
  EXPECT_EQ(video(upload.id).source.bytes, 10u);
  must(reactor.wait(catalogue->complete_upload(upload.id)));
}

TEST_P(CatalogueTest, APartialHasNoVideo) {
  const Upload upload = make_upload(5);
  must(reactor.wait(catalogue->create_upload(upload, std::nullopt)));
  must(reactor.wait(catalogue->advance_upload(upload.id, 5)));
  must(reactor.wait(catalogue->complete_upload(upload.id)));
  EXPECT_EQ(code_of(reactor.wait(catalogue->video(upload.id))), ErrorCode::kNotFound);
  EXPECT_FALSE(must(reactor.wait(catalogue->job(upload.id))));
}

TEST_P(CatalogueTest, IdsAreTakenOnceAndMustBeIds) {
  const Upload upload = make_upload();
  must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
  EXPECT_EQ(code_of(reactor.wait(catalogue->create_upload(upload, std::nullopt))),
            ErrorCode::kConflict);
  Upload odd = make_upload();
  odd.id = "../x";
  EXPECT_EQ(code_of(reactor.wait(catalogue->create_upload(odd, std::nullopt))),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of(reactor.wait(catalogue->create_upload(make_upload(), make_video(make_id())))),
            ErrorCode::kInvalidArgument);
}

TEST_P(CatalogueTest, RemovingAnUnfinishedUploadRemovesItsVideo) {
  const std::string unfinished = add_video();
  must(reactor.wait(catalogue->remove_upload(unfinished)));
  EXPECT_EQ(code_of(reactor.wait(catalogue->video(unfinished))), ErrorCode::kNotFound);
  EXPECT_EQ(catalogue->cached_video(unfinished), nullptr);
  EXPECT_EQ(code_of(reactor.wait(catalogue->remove_upload(unfinished))), ErrorCode::kNotFound);

  const std::string finished = add_complete();
  must(reactor.wait(catalogue->remove_upload(finished)));
  EXPECT_EQ(video(finished).status, VideoStatus::kQueued);
}

TEST_P(CatalogueTest, UpdatesCountRevisionsAndRefuseOlderOnes) {
  const std::string id = add_video();
  const auto rename = [](Video& video) -> Result<> {
    video.title = "Better";
    return {};
  };
  const Video after = must(reactor.wait(catalogue->update_video(id, rename)));
  EXPECT_EQ(after.title, "Better");
  EXPECT_EQ(after.revision, 2u);
  EXPECT_EQ(catalogue->cached_video(id)->title, "Better");
  EXPECT_EQ(code_of(reactor.wait(
                catalogue->update_video(id, rename, EventKind::kUpdated, std::uint64_t{1}))),
            ErrorCode::kConflict);
  must(reactor.wait(catalogue->update_video(id, rename, EventKind::kUpdated, std::uint64_t{2})));

  const auto refuse = [](Video& video) -> Result<> {
    video.title = "Never";
    return fail(ErrorCode::kTooLarge, "no");
  };
  EXPECT_EQ(code_of(reactor.wait(catalogue->update_video(id, refuse))), ErrorCode::kTooLarge);
  const auto throws = [](Video&) -> Result<> { throw std::runtime_error("ours"); };
  EXPECT_EQ(code_of(reactor.wait(catalogue->update_video(id, throws))), ErrorCode::kInternal);
  EXPECT_EQ(video(id).title, "Better");
  EXPECT_EQ(video(id).revision, 3u);
  EXPECT_EQ(code_of(reactor.wait(catalogue->update_video(make_id(), rename))),
            ErrorCode::kNotFound);
}

TEST_P(CatalogueTest, ConcurrentUpdatesOfOneVideoAllCount) {
  const std::string id = add_video();
  ReactorThread other(GetParam());
  auto subscription = events.subscribe();
  std::vector<std::future<Result<Video>>> updates;
  for (int i = 0; i < 200; ++i) {
    auto& home = i % 2 ? reactor : other;
    updates.push_back(home.start(catalogue->update_video(id, [](Video& v) -> Result<> {
      ++v.eta_ms;
      return {};
    })));
  }
  for (auto& update : updates) must(update.get());
  EXPECT_EQ(video(id).eta_ms, 200u);
  EXPECT_EQ(video(id).revision, 201u);
  const auto seen = reactor.wait(subscription.next(1000));
  ASSERT_EQ(seen.size(), 200u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i].video->revision, i + 2);
}

TEST_P(CatalogueTest, JobsAndVideosChangeTogether) {
  const std::string first = add_complete("first");
  const std::string second = add_complete("second");
  const auto finish = [](Job& job, Video& video) -> Result<> {
    job.state = JobState::kDone;
    video.status = VideoStatus::kReady;
    return {};
  };
  EXPECT_EQ(must(reactor.wait(catalogue->open_jobs())).size(), 2u);
  const Video after = must(reactor.wait(catalogue->update_job(first, finish, EventKind::kReady)));
  EXPECT_EQ(after.status, VideoStatus::kReady);
  const auto open = must(reactor.wait(catalogue->open_jobs()));
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].video, second);
  EXPECT_EQ(code_of(reactor.wait(catalogue->update_job(add_video(), finish))),
            ErrorCode::kNotFound);
}

TEST_P(CatalogueTest, SegmentsAreOrderedAndGoWithTheirVideo) {
  const std::string id = add_complete();
  const std::string other = add_complete();
  const auto segment = [](const std::string& video, const char* track, std::uint32_t number) {
    return Segment{.video = video, .track = track, .number = number, .bytes = 10};
  };
  const auto count = [](Video& v) -> Result<> {
    v.eta_ms += 1;
    return {};
  };
  for (const std::uint32_t number : {300u, 2u}) {
    must(reactor.wait(catalogue->commit_segments(
        id, {segment(id, "audio/0", number), segment(id, "360p", number)}, count)));
  }
  must(reactor.wait(catalogue->commit_segments(other, {segment(other, "360p", 0)}, count)));
  const auto segments = must(reactor.wait(catalogue->segments(id)));
  std::string order;
  for (const auto& s : segments) order += concat(s.track, ':', s.number, ' ');
  EXPECT_EQ(order, "360p:2 360p:300 audio/0:2 audio/0:300 ");
  EXPECT_EQ(video(id).eta_ms, 2u);

  EXPECT_EQ(
      code_of(reactor.wait(catalogue->commit_segments(id, {segment(other, "360p", 0)}, count))),
      ErrorCode::kInvalidArgument);
  must(reactor.wait(catalogue->remove_video(id)));
  EXPECT_TRUE(must(reactor.wait(catalogue->segments(id))).empty());
  EXPECT_EQ(code_of(reactor.wait(catalogue->commit_segments(id, {segment(id, "360p", 0)}, count))),
            ErrorCode::kNotFound);
  EXPECT_EQ(must(reactor.wait(catalogue->segments(other))).size(), 1u);
  must(reactor.wait(catalogue->remove_segments(other)));
  EXPECT_TRUE(must(reactor.wait(catalogue->segments(other))).empty());
}

TEST_P(CatalogueTest, TrashIsWhatWasDeletedLongAgo) {
  const std::string old = add_video();
  const std::string fresh = add_video();
  add_video();
  const auto deleted_at = [](std::int64_t ms) {
    return [ms](Video& v) -> Result<> {
      v.deleted_at_ms = ms;
      return {};
    };
  };
  must(reactor.wait(catalogue->update_video(old, deleted_at(100))));
  must(reactor.wait(catalogue->update_video(fresh, deleted_at(200))));
  EXPECT_EQ(must(reactor.wait(catalogue->trash_before(200))), std::vector<std::string>{old});
}

TEST_P(CatalogueTest, ManyReactorsAdvanceManyUploads) {
  constexpr int kUploads = 40;
  constexpr std::uint64_t kSteps = 25;
  ReactorThread other(GetParam());
  std::vector<std::string> ids;
  for (int i = 0; i < kUploads; ++i) ids.push_back(add_video());
  std::vector<std::future<Result<>>> advances;
  for (std::uint64_t step = 1; step <= kSteps; ++step) {
    for (int i = 0; i < kUploads; ++i) {
      auto& home = (i + static_cast<int>(step)) % 2 ? reactor : other;
      advances.push_back(home.start(catalogue->advance_upload(ids[i], step * 10)));
    }
  }
  for (auto& advance : advances) must(advance.get());
  for (const auto& id : ids) {
    EXPECT_EQ(must(reactor.wait(catalogue->upload(id))).offset, kSteps * 10);
    EXPECT_EQ(video(id).source.received_bytes, kSteps * 10);
  }
}

}  // namespace
}  // namespace sf::store::test

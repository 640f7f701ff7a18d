#include <streamforge/store/reconcile.hpp>

#include <filesystem>

#include "fixture.hpp"

namespace sf::store::test {
namespace {

namespace fs = std::filesystem;
constexpr io::BackendKind kEither = io::BackendKind::kEpoll;

/// A store whose parts are broken by hand, as crashes would.
class ReconcileTest : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path at(const std::string& name) const { return dir.path() / name; }
  Reconciled settle() {
    const auto done = must(reconcile(*catalogue, *blobs));
    EXPECT_EQ(must(reconcile(*catalogue, *blobs)), Reconciled{}) << "not settled the first time";
    return done;
  }
  /// An upload of five bytes with a file and a video.
  std::string start(std::optional<std::uint64_t> length = 5) {
    const Upload upload = make_upload(length);
    must(reactor.wait(blobs->create_upload(upload.id, length)));
    must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
    return upload.id;
  }
  std::string finish() {
    const std::string id = start();
    must(reactor.wait(blobs->promote_upload(id, 5)));
    must(reactor.wait(catalogue->complete_upload(id)));
    return id;
  }
  /// With two segments of three, and running.
  std::string process(VideoStatus status = VideoStatus::kProcessing) {
    const std::string id = finish();
    std::vector<Segment> segments;
    for (const std::uint32_t number : {0u, 1u}) {
      const std::string name = "360p/" + std::to_string(number) + ".ts";
      must(reactor.wait(blobs->write_small(id, name, "segment")));
      segments.push_back({id, "360p", number, 7, 360'000, id + "/" + name, 1});
    }
    must(reactor.wait(catalogue->commit_segments(id, segments, [](Video& v) -> Result<> {
      v.renditions = {{.name = "360p", .segments_done = 2, .segments_total = 3, .bytes = 14}};
      return {};
    })));
    must(reactor.wait(catalogue->update_job(id, [status](Job& job, Video& v) -> Result<> {
      job.state = status == VideoStatus::kReady ? JobState::kDone : JobState::kRunning;
      v.status = status;
      return {};
    })));
    return id;
  }
  Video video(const std::string& id) { return must(reactor.wait(catalogue->video(id))); }
  Upload upload(const std::string& id) { return must(reactor.wait(catalogue->upload(id))); }
  bool has_video(const std::string& id) { return reactor.wait(catalogue->video(id)).has_value(); }
  JobState job(const std::string& id) {
    return must(reactor.wait(catalogue->job(id))).value().state;
  }

  sf::test::TempDir dir;
  io::OffloadPool pool{4, "pool"};
  EventBus events;
  std::unique_ptr<BlobStore> blobs = must(BlobStore::open(dir.path().string(), pool));
  std::unique_ptr<Catalogue> catalogue = must(Catalogue::open("/meta", pool, events, true));
  ReactorThread reactor{kEither};
};

TEST_F(ReconcileTest, WhatIsInOrderStays) {
  const std::string under_way = start();
  must(reactor.wait(catalogue->advance_upload(under_way, 3)));
  const std::string ready = process(VideoStatus::kReady);
  EXPECT_EQ(settle(), Reconciled{});
  EXPECT_EQ(upload(under_way).offset, 3u);
  EXPECT_EQ(video(ready).status, VideoStatus::kReady);
  EXPECT_TRUE(fs::exists(at("temp") / under_way));
}

TEST_F(ReconcileTest, LastBytesCommittedButNotRenamed) {
  const std::string id = start();
  must(reactor.wait(catalogue->advance_upload(id, 5)));
  EXPECT_EQ(settle().uploads_completed, 1u);
  EXPECT_TRUE(upload(id).complete);
  EXPECT_EQ(fs::file_size(at("raw") / id), 5u);
  EXPECT_EQ(video(id).status, VideoStatus::kQueued);
  EXPECT_EQ(job(id), JobState::kWaiting);
}

TEST_F(ReconcileTest, RenamedButNotCommitted) {
  const std::string id = start();
  must(reactor.wait(catalogue->advance_upload(id, 2)));
  must(reactor.wait(blobs->promote_upload(id, 5)));
  EXPECT_EQ(settle().uploads_completed, 1u);
  EXPECT_EQ(upload(id).offset, 5u);
  EXPECT_EQ(video(id).status, VideoStatus::kQueued);
}

TEST_F(ReconcileTest, RenamedBeforeItsLengthWasCommitted) {
  const std::string id = start(std::nullopt);
  sf::test::write_file(at("temp") / id, "seven b");
  must(reactor.wait(blobs->promote_upload(id, 7)));
  EXPECT_EQ(settle().uploads_completed, 1u);
  EXPECT_EQ(upload(id).length, 7u);
  EXPECT_EQ(video(id).source.bytes, 7u);
}

TEST_F(ReconcileTest, ARecordWhoseFileWasNeverMade) {
  const Upload never = make_upload();
  must(reactor.wait(catalogue->create_upload(never, make_video(never.id))));
  EXPECT_EQ(settle().uploads_removed, 1u);
  EXPECT_FALSE(has_video(never.id));
}

TEST_F(ReconcileTest, AcknowledgedBytesThatAreGone) {
  const std::string id = start();
  must(reactor.wait(catalogue->advance_upload(id, 3)));
  fs::remove(at("temp") / id);
  const std::string cut = start();
  must(reactor.wait(catalogue->advance_upload(cut, 3)));
  fs::resize_file(at("temp") / cut, 2);
  const std::string master = finish();
  fs::remove(at("raw") / master);

  const auto done = settle();
  EXPECT_EQ(done.uploads_removed, 2u);
  EXPECT_EQ(done.videos_failed, 3u);
  EXPECT_EQ(done.files_removed, 1u);
  for (const auto& each : {id, cut, master}) {
    EXPECT_EQ(video(each).status, VideoStatus::kFailed);
    EXPECT_EQ(video(each).error.value().code, "source_missing");
  }
  EXPECT_EQ(job(master), JobState::kFailed);
}

TEST_F(ReconcileTest, FilesAndFoldersOfNobody) {
  const std::string kept = process(VideoStatus::kReady);
  const std::string stray = make_id();
  must(reactor.wait(blobs->create_upload(stray, 10)));
  const std::string master = make_id();
  must(reactor.wait(blobs->create_upload(master, 10)));
  must(reactor.wait(blobs->promote_upload(master, 10)));
  const std::string folder = make_id();
  must(reactor.wait(blobs->write_small(folder, "360p/0.ts", "x")));
  sf::test::write_file(at("raw") / "README", "not ours");

  const auto done = settle();
  EXPECT_EQ(done.files_removed, 2u);
  EXPECT_EQ(done.folders_removed, 1u);
  EXPECT_FALSE(fs::exists(at("temp") / stray));
  EXPECT_FALSE(fs::exists(at("raw") / master));
  EXPECT_FALSE(fs::exists(at("processed") / folder));
  EXPECT_TRUE(fs::exists(at("raw") / kept));
  EXPECT_TRUE(fs::exists(at("raw") / "README"));
}

TEST_F(ReconcileTest, PartsAreKeptForTheirUploadAndElseRemoved) {
  const std::string part = make_id();
  must(reactor.wait(blobs->create_upload(part, 5)));
  Upload final_one = make_upload(5);
  final_one.offset = 5;
  final_one.explicit_end = true;
  // As on a filesystem that preallocates nothing.
  must(reactor.wait(blobs->create_upload(final_one.id, std::nullopt)));
  must(reactor.wait(blobs->link_parts(final_one.id, {{part, 5}})));
  must(reactor.wait(catalogue->create_upload(final_one, make_video(final_one.id))));
  const std::string stray = make_id();
  must(reactor.wait(blobs->link_parts(stray, {{part, 5}})));

  EXPECT_EQ(settle().files_removed, 2u) << "the part itself, which has no record, and the stray";
  EXPECT_EQ(video(final_one.id).status, VideoStatus::kUploading);
  EXPECT_TRUE(fs::exists(at("temp") / (final_one.id + ".0")));
  EXPECT_FALSE(fs::exists(at("temp") / (stray + ".0")));
}

TEST_F(ReconcileTest, RunningJobsWaitAgainAndKeepTheirSegments) {
  const std::string id = process();
  EXPECT_EQ(settle().jobs_requeued, 1u);
  EXPECT_EQ(job(id), JobState::kWaiting);
  EXPECT_EQ(video(id).status, VideoStatus::kQueued);
  EXPECT_EQ(video(id).renditions[0].segments_done, 2u);
  EXPECT_EQ(must(reactor.wait(catalogue->segments(id))).size(), 2u);
}

TEST_F(ReconcileTest, SegmentsWithoutBlobAreDropped) {
  const std::string id = process();
  fs::remove(at("processed") / id / "360p" / "0.ts");
  EXPECT_EQ(settle().segments_dropped, 1u);
  EXPECT_EQ(video(id).renditions[0].segments_done, 1u);
  EXPECT_EQ(video(id).renditions[0].bytes, 7u);
  const auto left = must(reactor.wait(catalogue->segments(id)));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].number, 1u);
}

TEST_F(ReconcileTest, AReadyVideoWithoutItsFolderIsMadeAgain) {
  const std::string id = process(VideoStatus::kReady);
  fs::remove_all(at("processed") / id);
  EXPECT_EQ(settle().segments_dropped, 2u);
  EXPECT_EQ(video(id).status, VideoStatus::kQueued);
  EXPECT_EQ(job(id), JobState::kWaiting);

  const std::string lost = process(VideoStatus::kReady);
  fs::remove_all(at("processed") / lost);
  fs::remove(at("raw") / lost);
  EXPECT_EQ(settle().videos_failed, 1u);
  EXPECT_EQ(video(lost).error.value().code, "segments_missing");
}

TEST_F(ReconcileTest, AReadyVideoMayDoWithoutItsMaster) {
  const std::string id = process(VideoStatus::kReady);
  fs::remove(at("raw") / id);
  EXPECT_EQ(settle().videos_failed, 0u);
  EXPECT_EQ(video(id).status, VideoStatus::kReady);
}

}  // namespace
}  // namespace sf::store::test

/// What is left after a restart, a power cut, a full disk and kill -9.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "catalogue_impl.hpp"
#include "database.hpp"
#include "faulty_disk.hpp"
#include "fixture.hpp"
#include "schema.hpp"
#include "support/eventually.hpp"
#include "support/process.hpp"

namespace sf::store::test {
namespace {

constexpr io::BackendKind kEither = io::BackendKind::kEpoll;

/// A catalogue on a real folder, over a disk that can fail.
class DiskTest : public ::testing::Test {
 protected:
  void open() {
    catalogue = std::make_unique<Catalogue>(must(Database::open(path, faulty.env)), pool, events);
  }
  void reopen() {
    catalogue.reset();
    open();
  }
  std::string add_video() {
    const Upload upload = make_upload(std::nullopt);
    must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
    return upload.id;
  }

  sf::test::TempDir dir;
  const std::string path = dir.file("meta");
  FaultyEnv faulty;
  FaultyDisk& disk = *faulty.disk;
  io::OffloadPool pool{4, "pool"};
  EventBus events;
  std::unique_ptr<Catalogue> catalogue;
  ReactorThread reactor{kEither};
};

TEST_F(DiskTest, EverythingIsThereAfterReopening) {
  std::filesystem::create_directory(path);
  open();
  const std::string id = add_video();
  must(reactor.wait(catalogue->advance_upload(id, 77)));
  const Video before = must(reactor.wait(catalogue->video(id)));
  reopen();
  EXPECT_EQ(catalogue->cached_video(id), nullptr);
  EXPECT_EQ(encode(must(reactor.wait(catalogue->video(id)))), encode(before));
  EXPECT_NE(catalogue->cached_video(id), nullptr);
  EXPECT_EQ(must(reactor.wait(catalogue->upload(id))).offset, 77u);
}

TEST_F(DiskTest, ConcurrentCommitsShareLogSyncs) {
  std::filesystem::create_directory(path);
  open();
  constexpr int kUploads = 64;
  constexpr std::uint64_t kRounds = 10;
  std::vector<std::string> ids;
  for (int i = 0; i < kUploads; ++i) ids.push_back(add_video());
  const auto before = disk.log_syncs();
  const auto began_ns = mono_ns();
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    std::vector<std::future<Result<>>> advances;
    for (const auto& id : ids)
      advances.push_back(reactor.start(catalogue->advance_upload(id, round)));
    for (auto& advance : advances) must(advance.get());
  }
  const auto syncs = disk.log_syncs() - before;
  RecordProperty("log_syncs", std::to_string(syncs));
  std::printf("%llu advances, %llu log syncs, %.1f ms\n",
              static_cast<unsigned long long>(kUploads * kRounds),
              static_cast<unsigned long long>(syncs), double(mono_ns() - began_ns) / 1e6);
  EXPECT_GE(syncs, kRounds);
  EXPECT_LE(syncs, kUploads * kRounds / 8);
}

TEST_F(DiskTest, APowerCutLosesNothingThatWasAcknowledged) {
  std::filesystem::create_directory(path);
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int cut = 0; cut < 8; ++cut) {
    open();
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i) ids.push_back(add_video());
    std::vector<std::uint64_t> acknowledged(ids.size(), 0);
    const auto rounds = random() % 20;
    std::vector<std::future<Result<>>> flying;
    for (std::uint64_t offset = 1; offset <= rounds; ++offset) {
      flying.clear();
      for (const auto& id : ids)
        flying.push_back(reactor.start(catalogue->advance_upload(id, offset)));
      for (std::size_t i = 0; i < ids.size(); ++i) {
        if (flying[i].get()) acknowledged[i] = offset;
      }
    }
    // The last round is cut short.
    flying.clear();
    for (const auto& id : ids)
      flying.push_back(reactor.start(catalogue->advance_upload(id, rounds + 1)));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    disk.cut_power();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (flying[i].get()) acknowledged[i] = rounds + 1;
    }
    catalogue.reset();
    disk.lose_unsynced();

    open();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Upload upload = must(reactor.wait(catalogue->upload(ids[i])));
      EXPECT_GE(upload.offset, acknowledged[i]) << "seed " << seed;
      EXPECT_LE(upload.offset, rounds + 1);
      EXPECT_EQ(must(reactor.wait(catalogue->video(ids[i]))).source.received_bytes, upload.offset)
          << "half a batch, seed " << seed;
    }
    catalogue.reset();
  }
}

TEST_F(DiskTest, TheFaultyDiskDoesLoseWhatWasNotSynced) {
  std::filesystem::create_directory(path);
  {
    auto database = must(Database::open(path, faulty.env));
    rocksdb::WriteOptions unsynced;
    ASSERT_TRUE(database->db().Put(unsynced, database->handle(Family::kMeta), "k", "v").ok());
    disk.cut_power();
  }
  disk.lose_unsynced();
  auto database = must(Database::open(path, faulty.env));
  EXPECT_EQ(must(database->get(Family::kMeta, "k")), std::nullopt);
  EXPECT_EQ(must(database->get(Family::kMeta, kSchemaKey)), concat(kSchema));
}

TEST_F(DiskTest, AFullDiskRefusesWritesKeepsReadsAndRecovers) {
  std::filesystem::create_directory(path);
  open();
  const std::string id = add_video();
  must(reactor.wait(catalogue->advance_upload(id, 5)));
  auto subscription = events.subscribe();

  disk.set_full(true);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(code_of(reactor.wait(catalogue->advance_upload(id, 9))), ErrorCode::kNoSpace);
  }
  EXPECT_EQ(must(reactor.wait(catalogue->upload(id))).offset, 5u);
  EXPECT_EQ(catalogue->cached_video(id)->source.received_bytes, 5u);
  EXPECT_TRUE(reactor.wait(subscription.next(0)).empty()) << "told of what was not committed";

  disk.set_full(false);
  Result<> advanced;
  ASSERT_TRUE(sf::test::eventually([&] {
    advanced = reactor.wait(catalogue->advance_upload(id, 9));
    return advanced.has_value();
  })) << advanced.error().message;
  reopen();
  EXPECT_EQ(must(reactor.wait(catalogue->upload(id))).offset, 9u);
}

TEST_F(DiskTest, ANewerSchemaIsRefusedUntouched) {
  {
    auto database = must(Database::open(path));
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(database->handle(Family::kMeta), "schema", "2").ok());
    must(database->write(batch));
  }
  const auto files = [&] {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(path)) ++count;
    return count;
  };
  const auto before = files();
  const auto opened = Catalogue::open(path, pool, events);
  ASSERT_EQ(code_of(opened), ErrorCode::kUnsupported);
  EXPECT_NE(opened.error().message.find("newer StreamForge (schema 2"), std::string::npos)
      << opened.error().message;
  EXPECT_EQ(files(), before);
}

Result<> add_note(Database& database, std::string_view key) {
  rocksdb::WriteBatch batch;
  if (!batch.Put(database.handle(Family::kMeta), slice(key), "done").ok()) std::abort();
  return database.write(batch);
}

TEST_F(DiskTest, AnOlderSchemaTakesTheStepsItLacks) {
  auto database = must(Database::open(path));
  const UpgradeStep steps[] = {
      {1, [](Database& d) { return add_note(d, "one"); }},
      {2, [](Database& d) { return add_note(d, "two"); }},
      {3, [](Database& d) { return add_note(d, "three"); }},
      {4, [](Database&) -> Result<> { return fail(ErrorCode::kIo, "stops here"); }},
  };
  EXPECT_EQ(code_of(upgrade(*database, 1, steps, 4)), ErrorCode::kIo);
  EXPECT_EQ(must(database->get(Family::kMeta, "one")), std::nullopt);
  EXPECT_EQ(must(database->get(Family::kMeta, "two")), "done");
  EXPECT_EQ(must(database->get(Family::kMeta, "three")), "done");
  EXPECT_EQ(must(database->get(Family::kMeta, kSchemaKey)), "3") << "goes on at the step it lacks";
}

TEST_F(DiskTest, FamiliesOfANeighbourAreLeftAlone) {
  {
    auto database = must(Database::open(path));
    rocksdb::ColumnFamilyHandle* added = nullptr;
    ASSERT_TRUE(database->db().CreateColumnFamily({}, "captions", &added).ok());
    ASSERT_TRUE(database->db().DestroyColumnFamilyHandle(added).ok());
  }
  EXPECT_TRUE(Database::open(path));
  EXPECT_TRUE(Database::open(path));
}

TEST_F(DiskTest, ASecondProcessIsRefused) {
  auto first = must(Database::open(path));
  const auto second = Database::open(path);
  EXPECT_EQ(code_of(second), ErrorCode::kConflict) << second.error().message;
}

TEST_F(DiskTest, ABackupOpensAsACatalogue) {
  std::filesystem::create_directory(path);
  open();
  const std::string id = add_video();
  must(reactor.wait(catalogue->advance_upload(id, 3)));
  must(reactor.wait(catalogue->backup(dir.file("copy"))));
  must(reactor.wait(catalogue->advance_upload(id, 4)));
  auto copy = must(Catalogue::open(dir.file("copy"), pool, events));
  EXPECT_EQ(must(reactor.wait(copy->upload(id))).offset, 3u);
  EXPECT_FALSE(reactor.wait(catalogue->backup(dir.file("copy")))) << "over another one";
}

TEST_F(DiskTest, TheFolderIsForItsOwnerOnly) {
  auto database = must(Database::open(path));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

// --- kill -9. The test starts this very program again; the child commits until it is killed, and
// says in a file, mapped by both, what was acknowledged.

constexpr const char* kChildDir = "SF_STORE_COMMIT_LOOP_DIR";
constexpr std::size_t kLoopUploads = 16;

struct Acknowledged {
  std::atomic<std::uint64_t> offsets[kLoopUploads];
  std::atomic<std::uint64_t> segments;
};

Acknowledged& map_acknowledged(const std::string& dir) {
  const UniqueFd file(::open(concat(dir, "/acknowledged").c_str(), O_RDWR | O_CREAT, 0600));
  if (::ftruncate(file.get(), sizeof(Acknowledged)) != 0) std::abort();
  void* mapped =
      ::mmap(nullptr, sizeof(Acknowledged), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) std::abort();
  return *static_cast<Acknowledged*>(mapped);
}

/// The same ids in parent and child.
std::string loop_id(std::size_t index) {
  return concat("01jabcdefghjkmnpqrstvwxy", char('0' + index / 8), char('0' + index % 8));
}

io::Task<void> commit_for_ever(Catalogue& catalogue, Acknowledged& acknowledged,
                               std::size_t index) {
  const std::string id = loop_id(index);
  std::uint64_t offset = acknowledged.offsets[index];
  for (;;) {
    ++offset;
    auto advance = catalogue.advance_upload(id, offset);
    const auto advanced = co_await advance;
    if (!advanced) std::abort();
    acknowledged.offsets[index] = offset;
  }
}

io::Task<void> add_segments_for_ever(Catalogue& catalogue, Acknowledged& acknowledged) {
  const std::string id = loop_id(0);
  for (;;) {
    const std::uint64_t number = acknowledged.segments;
    Segment segment;
    segment.video = id;
    segment.track = "360p";
    segment.number = static_cast<std::uint32_t>(number);
    std::vector<Segment> segments(1, segment);
    std::function<Result<>(Video&)> count = [number](Video& video) -> Result<> {
      video.eta_ms = number + 1;
      return {};
    };
    auto commit = catalogue.commit_segments(id, std::move(segments), std::move(count));
    const auto committed = co_await commit;
    if (!committed) std::abort();
    acknowledged.segments = number + 1;
  }
}

TEST(CommitLoop, RunsForTheKillTest) {
  const char* dir = std::getenv(kChildDir);
  if (dir == nullptr) return;
  Acknowledged& acknowledged = map_acknowledged(dir);
  io::OffloadPool pool(4, "pool");
  EventBus events;
  auto catalogue = must(Catalogue::open(concat(dir, "/meta"), pool, events));
  ReactorThread reactor(kEither);
  for (std::size_t i = 0; i < kLoopUploads; ++i) {
    Upload upload = make_upload(std::nullopt);
    upload.id = loop_id(i);
    (void)reactor.wait(catalogue->create_upload(upload, make_video(upload.id)));
  }
  std::vector<std::future<void>> loops;
  for (std::size_t i = 0; i < kLoopUploads; ++i) {
    loops.push_back(reactor.start(commit_for_ever(*catalogue, acknowledged, i)));
  }
  reactor.wait(add_segments_for_ever(*catalogue, acknowledged));
}

TEST(KillTest, WhatWasAcknowledgedSurvivesKillNine) {
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const sf::test::TempDir dir;
  const std::string path = dir.path().string();
  Acknowledged& acknowledged = map_acknowledged(path);
  std::uint64_t last_total = 0;
  for (int kill = 0; kill < 6; ++kill) {
    {
      sf::test::Process child({"/proc/self/exe", "--gtest_filter=CommitLoop.*", "--gtest_brief=1"},
                              {}, {{kChildDir, path}});
      ASSERT_TRUE(sf::test::eventually([&] { return acknowledged.offsets[0] > last_total; }))
          << "the child commits nothing";
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 200'000));
      child.signal(SIGKILL);
      ASSERT_TRUE(child.wait(10'000));
    }
    io::OffloadPool pool(2, "pool");
    EventBus events;
    auto catalogue = must(Catalogue::open(concat(path, "/meta"), pool, events));
    ReactorThread reactor(kEither);
    for (std::size_t i = 0; i < kLoopUploads; ++i) {
      const auto upload = must(reactor.wait(catalogue->upload(loop_id(i))));
      EXPECT_GE(upload.offset, acknowledged.offsets[i]) << "seed " << seed;
      EXPECT_LE(upload.offset, acknowledged.offsets[i] + 1) << "seed " << seed;
      EXPECT_EQ(must(reactor.wait(catalogue->video(upload.id))).source.received_bytes,
                upload.offset)
          << "half a batch, seed " << seed;
      acknowledged.offsets[i] = upload.offset;
    }
    const auto segments = must(reactor.wait(catalogue->segments(loop_id(0))));
    EXPECT_GE(segments.size(), acknowledged.segments) << "seed " << seed;
    EXPECT_EQ(must(reactor.wait(catalogue->video(loop_id(0)))).eta_ms, segments.size())
        << "half a batch, seed " << seed;
    acknowledged.segments = segments.size();
    last_total = acknowledged.offsets[0];
  }
  EXPECT_GT(acknowledged.segments, 0u);
}

}  // namespace
}  // namespace sf::store::test

#include <streamforge/store/blobs.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "fixture.hpp"

namespace sf::store::test {
namespace {

namespace fs = std::filesystem;

class BlobsTest : public ::testing::TestWithParam<io::BackendKind> {
 protected:
  [[nodiscard]] fs::path at(const std::string& name) const { return dir.path() / name; }
  void write_temp(const std::string& id, const std::string& bytes) {
    UniqueFd file = must(reactor.wait(blobs->open_upload(id, false)));
    ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0), ssize_t(bytes.size()));
  }

  sf::test::TempDir dir;
  io::OffloadPool pool{4, "pool"};
  std::unique_ptr<BlobStore> blobs = must(BlobStore::open(dir.path().string(), pool));
  ReactorThread reactor{GetParam()};
};
SF_ON_BOTH_BACKENDS(BlobsTest);

TEST_P(BlobsTest, ASecondServerIsRefusedWithThePidOfTheFirst) {
  const auto second = BlobStore::open(dir.path().string(), pool);
  ASSERT_EQ(code_of(second), ErrorCode::kConflict);
  EXPECT_NE(second.error().message.find(concat("process ", ::getpid())), std::string::npos)
      << second.error().message;
  EXPECT_NE(second.error().message.find(dir.path().string()), std::string::npos);
  blobs.reset();
  EXPECT_TRUE(BlobStore::open(dir.path().string(), pool));
}

TEST_P(BlobsTest, AnUnusableFolderIsSaidInOneLine) {
  sf::test::write_file(at("file"), "");
  const auto opened = BlobStore::open(at("file").string(), pool);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find(at("file").string()), std::string::npos);
  EXPECT_EQ(opened.error().message.find('\n'), std::string::npos);
}

TEST_P(BlobsTest, UploadsArePreallocatedAndPromotedOnce) {
  const std::string id = make_id();
  must(reactor.wait(blobs->create_upload(id, 10'000)));
  EXPECT_EQ(fs::file_size(at("temp") / id), 10'000u);
  EXPECT_EQ(code_of(reactor.wait(blobs->create_upload(id, 10))), ErrorCode::kConflict);
  EXPECT_EQ(fs::file_size(at("temp") / id), 10'000u);
  write_temp(id, std::string(12'288, 'x'));  // The last block is written padded.

  EXPECT_FALSE(must(reactor.wait(blobs->promoted(id))));
  must(reactor.wait(blobs->promote_upload(id, 10'000)));
  EXPECT_TRUE(must(reactor.wait(blobs->promoted(id))));
  EXPECT_FALSE(fs::exists(at("temp") / id));
  EXPECT_EQ(sf::test::read_file(at("raw") / id), std::string(10'000, 'x'));
  must(reactor.wait(blobs->promote_upload(id, 10'000)));
  EXPECT_EQ(code_of(reactor.wait(blobs->promote_upload(id, 9'999))), ErrorCode::kConflict);
  EXPECT_EQ(code_of(reactor.wait(blobs->promote_upload(make_id(), 1))), ErrorCode::kNotFound);
  // Found where it is now, for reading and for writing.
  EXPECT_TRUE(reactor.wait(blobs->open_source(id)));
  EXPECT_TRUE(reactor.wait(blobs->open_upload(id, false)));
}

TEST_P(BlobsTest, PromotionMakesNoBytesUp) {
  const std::string id = make_id();
  must(reactor.wait(blobs->create_upload(id, std::nullopt)));
  write_temp(id, "short");
  EXPECT_EQ(code_of(reactor.wait(blobs->promote_upload(id, 6))), ErrorCode::kCorrupt);
  must(reactor.wait(blobs->promote_upload(id, 5)));
}

TEST_P(BlobsTest, EmptyUploads) {
  const std::string id = make_id();
  must(reactor.wait(blobs->create_upload(id, 0)));
  must(reactor.wait(blobs->promote_upload(id, 0)));
  EXPECT_EQ(fs::file_size(at("raw") / id), 0u);
}

TEST_P(BlobsTest, DirectIoWritesAlignedBlocks) {
  if (!blobs->direct_io()) GTEST_SKIP() << "this filesystem takes no O_DIRECT";
  const std::string id = make_id();
  must(reactor.wait(blobs->create_upload(id, 4096)));
  const UniqueFd file = must(reactor.wait(blobs->open_upload(id, true)));
  alignas(4096) static char block[4096];
  EXPECT_EQ(::pwrite(file.get(), block, sizeof block, 0), ssize_t(sizeof block));
  EXPECT_EQ(::pwrite(file.get(), block, 100, 0), -1) << "not opened with O_DIRECT";
}

TEST_P(BlobsTest, WhatDoesNotFitLeavesNothingBehind) {
  const std::string id = make_id();
  EXPECT_EQ(code_of(reactor.wait(blobs->create_upload(id, std::uint64_t{1} << 60))),
            ErrorCode::kNoSpace);
  EXPECT_FALSE(fs::exists(at("temp") / id));
}

TEST_P(BlobsTest, PublishedBlobsAppearWholeAndReplaceEachOther) {
  const std::string id = make_id();
  for (const std::string content : {"first", "second, longer"}) {
    UniqueFd file = must(reactor.wait(blobs->make_unnamed(id)));
    ASSERT_EQ(::write(file.get(), content.data(), content.size()), ssize_t(content.size()));
    EXPECT_EQ(blobs->inventory()->processed.size(), content == "first" ? 0u : 1u);
    must(reactor.wait(blobs->publish(id, file.get(), "1080p/0.ts")));
    must(reactor.wait(blobs->publish(id, file.get(), "1080p/0.ts")));  // Asked again.
    EXPECT_EQ(must(reactor.wait(blobs->read_small(id, "1080p/0.ts", 100))), content);
    EXPECT_TRUE(reactor.wait(blobs->open_blob(id, "1080p/0.ts")));
  }
  const auto entries = fs::recursive_directory_iterator(at("processed"));
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 3) << "id, 1080p, 0.ts and nothing else";
}

TEST_P(BlobsTest, TheSameBytesPublishedAgainLeaveTheFileAsItIs) {
  const std::string id = make_id();
  const auto publish = [&](const std::string& content) {
    const UniqueFd file = must(reactor.wait(blobs->make_unnamed(id)));
    EXPECT_EQ(::write(file.get(), content.data(), content.size()), ssize_t(content.size()));
    must(reactor.wait(blobs->publish(id, file.get(), "1080p/0.ts")));
    struct stat info{};
    EXPECT_EQ(::stat((at("processed") / id / "1080p/0.ts").c_str(), &info), 0);
    return info.st_ino;
  };
  std::string content(200'000, 'a');
  const auto first = publish(content);
  EXPECT_EQ(publish(content), first);
  content.back() = 'b';
  const auto second = publish(content);
  EXPECT_NE(second, first);
  content.pop_back();
  EXPECT_NE(publish(content), second);
  EXPECT_EQ(must(reactor.wait(blobs->read_small(id, "1080p/0.ts", 300'000))), content);
}

TEST_P(BlobsTest, SmallBlobs) {
  const std::string id = make_id();
  must(reactor.wait(blobs->write_small(id, "plan", "one")));
  must(reactor.wait(blobs->write_small(id, "plan", std::string(5000, 'x'))));
  EXPECT_EQ(must(reactor.wait(blobs->read_small(id, "plan", 5000))).size(), 5000u);
  EXPECT_EQ(code_of(reactor.wait(blobs->read_small(id, "plan", 4999))), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(reactor.wait(blobs->read_small(id, "none", 10))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(reactor.wait(blobs->write_small(id, "../x", "y"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(reactor.wait(blobs->open_blob("../../etc", "passwd"))), ErrorCode::kNotFound);
}

TEST_P(BlobsTest, ScratchKeepsWhatItHoldsUntilItIsRemoved) {
  const std::string id = make_id();
  {
    const UniqueFd file = must(reactor.wait(blobs->open_scratch(id, "tiles")));
    ASSERT_EQ(::pwrite(file.get(), "tile", 4, 100), 4);
  }
  const UniqueFd again = must(reactor.wait(blobs->open_scratch(id, "tiles")));
  char text[5] = {};
  EXPECT_EQ(::pread(again.get(), text, 4, 100), 4);
  EXPECT_STREQ(text, "tile");
  must(reactor.wait(blobs->remove_blob(id, "tiles")));
  must(reactor.wait(blobs->remove_blob(id, "tiles")));
  EXPECT_FALSE(fs::exists(at("processed") / id / "tiles"));
  EXPECT_EQ(code_of(reactor.wait(blobs->open_scratch(id, "../x"))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(reactor.wait(blobs->remove_blob("..", "x"))), ErrorCode::kNotFound);
}

TEST_P(BlobsTest, ALinkInTheWayIsNotFollowed) {
  const std::string id = make_id();
  fs::create_directories(at("processed") / id);
  fs::create_symlink("/etc/passwd", at("processed") / id / "plan");
  EXPECT_FALSE(reactor.wait(blobs->open_blob(id, "plan")));
  EXPECT_FALSE(reactor.wait(blobs->read_small(id, "plan", 100'000)));
}

TEST_P(BlobsTest, RemovingAVideoRemovesAllOfIt) {
  const std::string id = make_id();
  const std::string other = make_id();
  for (const auto& each : {id, other}) {
    must(reactor.wait(blobs->create_upload(each, 5)));
    must(reactor.wait(blobs->promote_upload(each, 5)));
    must(reactor.wait(blobs->write_small(each, "a/b/c", "x")));
    must(reactor.wait(blobs->write_small(each, "plan", "x")));
  }
  must(reactor.wait(blobs->remove_video(id)));
  must(reactor.wait(blobs->remove_video(id)));
  const auto left = must(blobs->inventory());
  EXPECT_TRUE(left.temp.empty());
  ASSERT_EQ(left.raw.size(), 1u);
  EXPECT_EQ(left.raw[0], (std::pair<std::string, std::uint64_t>(other, 5)));
  EXPECT_EQ(left.processed, std::vector<std::string>{other});
}

TEST_P(BlobsTest, RemovingAnUploadRemovesAPromotedPartialToo) {
  const std::string id = make_id();
  must(reactor.wait(blobs->create_upload(id, 5)));
  must(reactor.wait(blobs->promote_upload(id, 5)));
  must(reactor.wait(blobs->remove_upload(id)));
  must(reactor.wait(blobs->remove_upload(id)));
  EXPECT_TRUE(blobs->inventory()->raw.empty());
}

TEST_P(BlobsTest, HalfMadeFilesAreSweptAtTheNextStart) {
  sf::test::write_file(at("processed") / ".tmp-leftover", "x");
  blobs.reset();
  blobs = must(BlobStore::open(dir.path().string(), pool));
  EXPECT_FALSE(fs::exists(at("processed") / ".tmp-leftover"));
}

/// A filesystem of its own, for filling it.
class SmallDisk {
 public:
  explicit SmallDisk(const fs::path& at) : at_(at.string()) {
    fs::create_directories(at);
    mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=8m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string at_;
  bool mounted_ = false;
};

TEST_P(BlobsTest, AFullDiskRefusesAndRecovers) {
  const SmallDisk disk(at("small"));
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
  auto small = must(BlobStore::open(at("small").string(), pool));
  const auto room = small->free_bytes();
  EXPECT_LT(room, 8 * limits::kMiB) << "a little is kept for the catalogue";

  const std::string first = make_id();
  must(reactor.wait(small->create_upload(first, 6 * limits::kMiB)));
  const std::string second = make_id();
  EXPECT_EQ(code_of(reactor.wait(small->create_upload(second, 4 * limits::kMiB))),
            ErrorCode::kNoSpace);
  EXPECT_EQ(small->inventory()->temp.size(), 1u);
  EXPECT_EQ(
      code_of(reactor.wait(small->write_small(first, "plan", std::string(4 * limits::kMiB, 'x')))),
      ErrorCode::kNoSpace);
  must(reactor.wait(small->remove_video(first)));
  must(reactor.wait(small->create_upload(second, 4 * limits::kMiB)));
}

}  // namespace
}  // namespace sf::store::test

/// The power fails in the middle of an upload, hundreds of times: what a client was told is there
/// afterwards, byte for byte, and the upload goes on from it to the right end.

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <stdexcept>
#include <string>

#include "rig.hpp"

namespace sf::tus {
namespace {

constexpr std::uint64_t kLength = 300'000;
constexpr int kCutsEach = 3;
constexpr std::uint64_t kOperationsMax = 60;

/// One upload's life with power cuts in it, all of it decided by the seed.
class Story {
 public:
  explicit Story(std::uint64_t seed)
      : seed_(seed), random_(seed), rig_(seed), content_(noise(kLength, seed)) {}

  void tell() {
    SCOPED_TRACE(testing::Message() << "seed " << seed_);
    rig_.disk().set_short_moves(true);
    if (seed_ % 2 == 1) rig_.options().service.upload_io = UploadIo::kSplice;
    rig_.start();
    for (int cut = 0; cut < kCutsEach && !testing::Test::HasFailure(); ++cut) {
      rig_.cut_after(random_() % kOperationsMax);
      upload(static_cast<int>(1 + random_() % 8));
      rig_.cut_power_and_restart();
      check();
    }
    if (testing::Test::HasFailure()) return;
    upload(1'000);
    EXPECT_EQ(told_, kLength);
    EXPECT_TRUE(rig_.blob("raw", id_) == content_) << "the finished file differs";
  }

 private:
  /// At most so many requests, until the server fails or all is there.
  void upload(int requests) {
    for (; requests > 0 && told_ < kLength; --requests) {
      try {
        const bool done = id_.empty() ? create() : append();
        if (!done && rig_.disk().dead()) return;
      } catch (const std::runtime_error&) {
        return;  // The server left without an answer, so nothing was told.
      }
    }
  }
  bool create() {
    Fields fields{{"Upload-Length", std::to_string(kLength)}};
    const auto answer = rig_.fetch("POST", "/files", fields);
    if (answer.status != 201) return false;
    id_ = answer["Location"].substr(std::string("/files/").size());
    return true;
  }
  bool append() {
    const auto bytes = std::min<std::uint64_t>(1 + random_() % 120'000, kLength - told_);
    Fields fields{{"Upload-Offset", std::to_string(told_)},
                  {"Content-Type", "application/offset+octet-stream"}};
    const auto answer = rig_.fetch("PATCH", "/files/" + id_, fields,
                                   std::string_view(content_).substr(told_, bytes));
    note(answer);
    return answer.status == 204;
  }
  /// What any answer says of the offset is a promise.
  void note(const test::HttpResponse& answer) {
    if (answer["Upload-Offset"].empty()) return;
    const auto offset = std::stoull(answer["Upload-Offset"]);
    EXPECT_GE(offset, told_) << "an offset went back";
    told_ = std::max<std::uint64_t>(told_, offset);
  }
  void check() {
    if (id_.empty()) return;
    const auto answer = rig_.fetch("HEAD", "/files/" + id_);
    ASSERT_EQ(answer.status, 200);
    note(answer);
    const std::string temp = rig_.blob("temp", id_);
    const std::string& bytes = temp.empty() && told_ > 0 ? rig_.blob("raw", id_) : temp;
    ASSERT_GE(bytes.size(), told_) << "more was told than is there";
    EXPECT_TRUE(bytes.compare(0, told_, content_, 0, told_) == 0) << "acknowledged bytes differ";
  }

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  Rig rig_;
  const std::string content_;
  std::string id_;
  std::uint64_t told_ = 0;
};

class PowerCut : public testing::TestWithParam<int> {};

/// Each parameter is a batch of seeds, so that batches run side by side.
TEST_P(PowerCut, NothingThatWasToldIsLost) {
  constexpr std::uint64_t kSeeds = 25;
  const auto first = static_cast<std::uint64_t>(GetParam()) * kSeeds;
  for (std::uint64_t seed = first; seed < first + kSeeds && !HasFailure(); ++seed) {
    Story(seed).tell();
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, PowerCut, testing::Range(0, 8));

// What all of the above rests on: without a sync every sector is the old or the new one.
TEST(SimDisk, LosesWhatWasNotSynced) {
  const test::TempDir dir;
  const UniqueFd file(::open(dir.file("x").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  test::SimDisk disk(1);
  std::string bytes(100'000, 'a');
  io::Op write;
  write.kind = io::OpKind::kWriteAt;
  write.fd = file.get();
  write.data = bytes.data();
  write.size = bytes.size();
  ASSERT_EQ(disk.perform(write), 100'000);
  io::Op sync;
  sync.kind = io::OpKind::kSyncData;
  sync.fd = file.get();
  ASSERT_EQ(disk.end_sync(sync, disk.begin_sync(file.get())), 0);
  bytes.assign(bytes.size(), 'b');
  const auto too_early = disk.begin_sync(file.get());
  ASSERT_EQ(disk.perform(write), 100'000);
  ASSERT_EQ(disk.end_sync(sync, too_early), 0);
  disk.cut_power();
  EXPECT_EQ(disk.perform(write), -EIO);
  disk.lose_unsynced();
  const std::string left = test::read_file(dir.path() / "x");
  EXPECT_EQ(left.size(), bytes.size());
  EXPECT_NE(left.find('a'), std::string::npos);
  EXPECT_NE(left.find('b'), std::string::npos);
  EXPECT_EQ(left.find_first_not_of("ab"), std::string::npos);
}

}  // namespace
}  // namespace sf::tus

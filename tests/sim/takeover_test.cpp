/// Taking an upload over costs one sync, however long that takes and wherever the old request runs.
/// Said in syncs, not in milliseconds: a loaded machine changes only these.

#include "rig.hpp"

namespace sf::tus {
namespace {

constexpr std::uint32_t kSyncMs = 30;
constexpr std::uint64_t kLength = 4'000'000;
constexpr std::size_t kSent = 1'500'000;
/// What has come is synced once; a checkpoint may just have begun.
constexpr std::uint64_t kSyncsMax = 2;

struct Case {
  const char* method;
  unsigned reactor;
  UploadIo upload_io = UploadIo::kAuto;
};

class Takeover : public testing::TestWithParam<Case> {
 protected:
  /// A PATCH on the first reactor that hangs in the middle of its body; gives its connection.
  test::RawHttp hang() {
    id_ = rig_.create(kLength);
    test::RawHttp client(rig_.port());
    EXPECT_TRUE(client.send(patch_head(id_, 0, concat("Content-Length: ", kLength))));
    EXPECT_TRUE(client.send(std::string_view(content_).substr(0, kSent)));
    // Until the first whole buffer is in the file: then the rest is received or about to be.
    while (rig_.blob("temp", id_).compare(0, limits::kMiB, content_, 0, limits::kMiB) != 0) {
      std::this_thread::yield();
    }
    return client;
  }

  Rig rig_{7, 2};
  const std::string content_ = noise(kLength);
  std::string id_;
};

TEST_P(Takeover, CostsOneSync) {
  rig_.options().service.upload_io = GetParam().upload_io;
  rig_.start();
  rig_.disk().set_sync_ms(kSyncMs);
  auto old = hang();
  const std::uint64_t before = rig_.disk().syncs();
  const auto answer =
      std::string_view(GetParam().method) == "PATCH"
          ? rig_.patch(id_, kLength, "", GetParam().reactor)  // A wrong offset: 409 tells it.
          : rig_.fetch(GetParam().method, "/files/" + id_, {}, {}, GetParam().reactor);
  EXPECT_LE(rig_.disk().syncs() - before, kSyncsMax);
  EXPECT_EQ(old.read_response().status, 423);
  if (std::string_view(GetParam().method) == "DELETE") {
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(rig_.blob("temp", id_), "");
    return;
  }
  const std::uint64_t offset = std::stoull(answer["Upload-Offset"]);
  EXPECT_GE(offset, limits::kMiB);
  EXPECT_LE(offset, kSent);
  ASSERT_EQ(rig_.patch(id_, offset, std::string_view(content_).substr(offset)).status, 204);
  EXPECT_TRUE(rig_.blob("raw", id_) == content_);
}
INSTANTIATE_TEST_SUITE_P(Verbs, Takeover,
                         testing::Values(Case{"HEAD", 0}, Case{"HEAD", 1}, Case{"PATCH", 0},
                                         Case{"PATCH", 1}, Case{"DELETE", 0}, Case{"DELETE", 1},
                                         Case{"HEAD", 0, UploadIo::kSplice},
                                         Case{"PATCH", 1, UploadIo::kSplice}),
                         [](const auto& run) {
                           return concat(run.param.method, run.param.reactor == 0 ? "" : "Across",
                                         run.param.upload_io == UploadIo::kSplice ? "Spliced" : "");
                         });

class FullDisk : public testing::TestWithParam<UploadIo> {};

TEST_P(FullDisk, APatchThatMeetsItKeepsWhatFitted) {
  Rig rig(3);
  rig.options().service.upload_io = GetParam();
  rig.start();
  const std::string content = noise(3'000'000);
  const std::string id = rig.create(content.size());
  rig.disk().set_space(2 * limits::kMiB + 100'000);
  const auto full = rig.patch(id, 0, content);
  EXPECT_EQ(full.status, 507);
  const std::uint64_t offset = std::stoull(rig.fetch("HEAD", "/files/" + id)["Upload-Offset"]);
  EXPECT_EQ(full["Upload-Offset"], std::to_string(offset));
  EXPECT_GE(offset, limits::kMiB) << "a buffer and what came before it fitted";
  EXPECT_TRUE(rig.blob("temp", id).compare(0, offset, content, 0, offset) == 0);
  rig.disk().set_space(UINT64_MAX);
  ASSERT_EQ(rig.patch(id, offset, std::string_view(content).substr(offset)).status, 204);
  EXPECT_TRUE(rig.blob("raw", id) == content);
}
INSTANTIATE_TEST_SUITE_P(Ways, FullDisk, testing::Values(UploadIo::kAuto, UploadIo::kSplice),
                         [](const auto& run) { return std::string(name_of(run.param)); });

}  // namespace
}  // namespace sf::tus

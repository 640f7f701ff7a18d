#include <streamforge/base/digest.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/hasher.hpp>

#include <filesystem>
#include <optional>

#include "fixture.hpp"
#include "support/eventually.hpp"

namespace sf::store::test {
namespace {

class HasherTest : public ::testing::TestWithParam<io::BackendKind> {
 protected:
  void SetUp() override {
    blobs = must(BlobStore::open(dir.path().string(), pool));
    catalogue = must(Catalogue::open(dir.file("meta"), pool, events, /*in_memory=*/true));
  }
  void begin() {
    hasher.emplace(reactor.reactor(), *catalogue, *blobs, events);
    reactor.wait(started(*hasher));
  }
  void end() {
    reactor.wait(hasher->stop());
    hasher.reset();
  }
  static io::Task<void> started(Hasher& hasher) {
    hasher.start();
    co_return;
  }
  /// A finished upload of `bytes`.
  std::string finish_upload(const std::string& bytes) {
    const Upload upload = make_upload(bytes.size());
    must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
    sf::test::write_file(dir.path() / "raw" / upload.id, bytes);
    must(reactor.wait(catalogue->advance_upload(upload.id, bytes.size())));
    must(reactor.wait(catalogue->complete_upload(upload.id)));
    return upload.id;
  }
  /// The digest in the record, once it is there.
  std::string digest_of(const std::string& id) {
    std::string digest;
    EXPECT_TRUE(sf::test::eventually([&] {
      digest = must(reactor.wait(catalogue->video(id))).source.sha256;
      return !digest.empty();
    }));
    return digest;
  }
  static std::string noise(std::size_t bytes) {
    std::string out(bytes, '\0');
    for (std::size_t n = 0; n < bytes; ++n) out[n] = static_cast<char>(n * n >> 3);
    return out;
  }

  sf::test::TempDir dir;
  io::OffloadPool pool{2, "pool"};
  EventBus events;
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<Catalogue> catalogue;
  ReactorThread reactor{GetParam()};
  std::optional<Hasher> hasher;
};
INSTANTIATE_TEST_SUITE_P(Io, HasherTest,
                         testing::Values(io::BackendKind::kUring, io::BackendKind::kEpoll),
                         sf::test::backend_name);

TEST_P(HasherTest, TakesTheDigestOfWhatIsFinishedWhileItRuns) {
  begin();
  // Within a block, on its edge, over several steps.
  for (const std::size_t bytes : {std::size_t{5}, std::size_t{8'192}, std::size_t{20'000'001}}) {
    const std::string content = noise(bytes);
    EXPECT_EQ(digest_of(finish_upload(content)), sha256_hex(as_bytes(content))) << bytes;
  }
  end();
}

TEST_P(HasherTest, TakesWhatWasFinishedBeforeAStart) {
  const std::string content = noise(70'000);
  const std::string first = finish_upload(content);
  const std::string second = finish_upload("other");
  begin();
  EXPECT_EQ(digest_of(first), sha256_hex(as_bytes(content)));
  EXPECT_EQ(digest_of(second), sha256_hex(as_bytes(std::string_view("other"))));
  end();
}

TEST_P(HasherTest, LeavesUnfinishedUploadsAndTakenDigestsAlone) {
  const Upload upload = make_upload(10);
  must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id))));
  sf::test::write_file(dir.path() / "temp" / upload.id, "0123456789");
  const std::string done = finish_upload("done");
  begin();
  (void)digest_of(done);
  const auto revision = must(reactor.wait(catalogue->video(done))).revision;
  EXPECT_EQ(digest_of(finish_upload("next")), sha256_hex(as_bytes(std::string_view("next"))));
  end();
  EXPECT_EQ(must(reactor.wait(catalogue->video(upload.id))).source.sha256, "");
  begin();
  EXPECT_EQ(digest_of(finish_upload("last")), sha256_hex(as_bytes(std::string_view("last"))));
  end();
  EXPECT_EQ(must(reactor.wait(catalogue->video(done))).revision, revision);
}

TEST_P(HasherTest, AMissingMasterIsPassedOver) {
  const std::string gone = finish_upload("gone");
  std::filesystem::remove(dir.path() / "raw" / gone);
  begin();
  EXPECT_EQ(digest_of(finish_upload("here")), sha256_hex(as_bytes(std::string_view("here"))));
  end();
  EXPECT_EQ(must(reactor.wait(catalogue->video(gone))).source.sha256, "");
}

TEST_P(HasherTest, StopsInTheMiddleOfAMaster) {
  const std::string id = finish_upload(std::string(200'000'000, 'x'));
  begin();
  end();  // As it happens, before, in or after the digest.
  begin();
  EXPECT_EQ(digest_of(id).size(), 64u);
  end();
}

}  // namespace
}  // namespace sf::store::test

/// The parts that need neither disk nor reactor: cache, login limiter, fates, blob names.

#include <gtest/gtest.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>

#include "blob_files.hpp"
#include "login_limiter.hpp"
#include "upload_fate.hpp"
#include "video_cache.hpp"

namespace sf::store {
namespace {

std::shared_ptr<const Video> video(const std::string& id, std::uint64_t revision) {
  auto made = std::make_shared<Video>();
  made->id = id;
  made->revision = revision;
  return made;
}

TEST(VideoCache, AReaderCannotBringBackAnOlderState) {
  VideoCache cache;
  const auto before = cache.generation("a");
  cache.committed(video("a", 2));
  cache.add_read(video("a", 1), before);
  EXPECT_EQ(cache.find("a")->revision, 2u);

  const auto earlier = cache.generation("a");
  cache.removed("a");
  cache.add_read(video("a", 2), earlier);
  EXPECT_EQ(cache.find("a"), nullptr);

  cache.add_read(video("a", 3), cache.generation("a"));
  EXPECT_EQ(cache.find("a")->revision, 3u);
}

TEST(VideoCache, KeepsWhatIsUsed) {
  VideoCache cache;
  cache.committed(video("kept", 1));
  for (unsigned i = 0; i < 4 * limits::kVideoCacheItems; ++i) {
    cache.committed(video(concat("v", i), 1));
    ASSERT_NE(cache.find("kept"), nullptr);
  }
  EXPECT_EQ(cache.find("v0"), nullptr);
}

TEST(LoginLimiter, StopsANameAndAnAddress) {
  LoginLimiter limiter;
  for (unsigned i = 0; i < limits::kLoginFailuresMax; ++i) {
    EXPECT_TRUE(limiter.charge("Ann", concat("host", i), 1000));
  }
  EXPECT_FALSE(limiter.charge("ann", "elsewhere", 1000)) << "names count without case";
  EXPECT_EQ(limiter.wait_ms("ann", "elsewhere", 1000), limits::kLoginWindowMs);
  EXPECT_TRUE(limiter.charge("bob", "host1", 1000));
  EXPECT_TRUE(limiter.charge("ann", "elsewhere", 1000 + limits::kLoginWindowMs));

  for (unsigned i = 0; i < limits::kLoginFailuresMax; ++i) {
    EXPECT_TRUE(limiter.charge(concat("name", i), "bad", 1000));
  }
  EXPECT_FALSE(limiter.charge("fresh", "bad", 1000));
  EXPECT_TRUE(limiter.charge("fresh", "good", 1000));
}

TEST(LoginLimiter, SuccessIsNoFailure) {
  LoginLimiter limiter;
  for (unsigned i = 0; i < 5 * limits::kLoginFailuresMax; ++i) {
    ASSERT_TRUE(limiter.charge("ann", "home", 0));
    limiter.refund("ann", "home");
    limiter.forget("ann");
  }
}

TEST(LoginLimiter, AFloodOfNamesTakesBoundedMemoryAndForgetsNoAddress) {
  LoginLimiter limiter;
  for (unsigned i = 0; i < limits::kLoginFailuresMax; ++i) (void)limiter.charge("x", "bad", 0);
  for (unsigned i = 0; i < 3 * limits::kLoginSubjectsMax; ++i) {
    (void)limiter.charge(concat("n", i), concat("h", i % 100), 0);
  }
  EXPECT_FALSE(limiter.charge("y", "bad", 0));
}

TEST(UploadFate, ByTheTable) {
  using enum UploadFate;
  constexpr auto kNone = std::nullopt;
  struct Row {
    const char* state;
    bool complete;
    bool explicit_end;
    std::optional<std::uint64_t> length;
    std::uint64_t offset;
    std::optional<std::uint64_t> temp;
    std::optional<std::uint64_t> raw;
    UploadFate fate;
  };
  const Row rows[] = {
      {"fresh", false, false, 100, 0, 100, kNone, kKeep},
      {"under way", false, false, 100, 50, 100, kNone, kKeep},
      {"length deferred", false, false, kNone, 50, 50, kNone, kKeep},
      {"deferred, more written than committed", false, false, kNone, 50, 80, kNone, kKeep},
      {"last bytes committed, not renamed", false, false, 100, 100, 4096, kNone, kPromote},
      {"empty file", false, false, 0, 0, 0, kNone, kPromote},
      {"all bytes, the client has not said so", false, true, 100, 100, 100, kNone, kKeep},
      {"renamed, not committed", false, false, 100, 100, kNone, 100, kComplete},
      {"renamed, last offset not committed", false, false, 100, 40, kNone, 100, kComplete},
      {"renamed, length never committed", false, false, kNone, 40, kNone, 100, kComplete},
      {"renamed with another size", false, false, 100, 40, kNone, 99, kLost},
      {"done", true, false, 100, 100, kNone, 100, kKeep},
      {"done, file still in temp", true, false, 100, 100, 100, kNone, kPromote},
      {"done, file gone", true, false, 100, 100, kNone, kNone, kLost},
      {"created, file never made", false, false, 100, 0, kNone, kNone, kForget},
      {"file gone", false, false, 100, 50, kNone, kNone, kLost},
      {"file cut", false, false, 100, 50, 49, kNone, kLost},
  };
  Upload refused{.length = 100, .offset = 100, .end_refused = true};
  EXPECT_EQ(fate_of(refused, 100, kNone), kKeep) << "only one who may can complete it";
  EXPECT_EQ(fate_of(refused, kNone, 100), kComplete) << "one who may has";
  Upload joining;
  joining.length = joining.offset = 100;
  joining.explicit_end = true;
  EXPECT_EQ(fate_of(joining, 30, kNone, /*parts=*/true), kKeep) << "its bytes are in its parts";
  EXPECT_EQ(fate_of(joining, 30, kNone, /*parts=*/false), kLost);
  for (const auto& row : rows) {
    Upload upload;
    upload.complete = row.complete;
    upload.explicit_end = row.explicit_end;
    upload.length = row.length;
    upload.offset = row.offset;
    EXPECT_EQ(fate_of(upload, row.temp, row.raw), row.fate) << row.state;
  }
}

TEST(BlobNames, StayBelowTheirFolder) {
  for (const char* good : {"plan", "1080p/0.ts", "audio/0/12.ts", "a/b/c/d/e/f/g/h"}) {
    EXPECT_TRUE(is_blob_name(good)) << good;
  }
  for (const char* bad : {"", "/", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", ".hidden",
                          "a/.tmp-x", "a/b/c/d/e/f/g/h/i"}) {
    EXPECT_FALSE(is_blob_name(bad)) << bad;
  }
  EXPECT_FALSE(is_blob_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_blob_name(std::string(256, 'x')));
}

}  // namespace
}  // namespace sf::store

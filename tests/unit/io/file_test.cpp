#include "support/on_reactor.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/staging.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

namespace sf::io {
namespace {

class FileTest : public test::OnReactor {
 protected:
  test::TempDir dir_;
};
SF_ON_BOTH_BACKENDS(FileTest);

std::vector<std::byte> pattern(std::size_t bytes) {
  std::vector<std::byte> out(bytes);
  for (std::size_t n = 0; n < bytes; ++n) out[n] = static_cast<std::byte>(n * 131 + n / 251);
  return out;
}

Task<void> round_trip(Reactor& reactor, std::string path) {
  Result<UniqueFd> file = co_await reactor.open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  EXPECT_TRUE(file);
  if (!file) co_return;
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(co_await reactor.allocate(file->get(), 0, 3 * limits::kMiB));
  struct ::stat status{};
  EXPECT_EQ(::fstat(file->get(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<::off_t>(3 * limits::kMiB));
  EXPECT_EQ(status.st_mode & 0777u, 0600u);

  const std::vector<std::byte> wanted = pattern(2 * limits::kMiB + 17);
  EXPECT_TRUE(co_await reactor.write_all_at(file->get(), wanted, 5));
  EXPECT_TRUE(co_await reactor.sync_data(file->get()));
  EXPECT_TRUE(co_await reactor.sync_file(file->get()));
  std::vector<std::byte> got(wanted.size());
  EXPECT_TRUE(co_await reactor.read_exactly_at(file->get(), got, 5));
  EXPECT_EQ(got, wanted);
}

TEST_P(FileTest, WritesSyncsAndReadsBack) {
  run([&](Reactor& reactor) { return round_trip(reactor, dir_.file("a")); });
}

Task<void> reading_the_end(Reactor& reactor, std::string path) {
  Result<UniqueFd> file = co_await reactor.open_at(AT_FDCWD, path, O_RDONLY);
  EXPECT_TRUE(file);
  if (!file) co_return;
  std::vector<std::byte> buffer(64);
  Result<std::size_t> count = co_await reactor.read_at(file->get(), buffer, 0);
  EXPECT_EQ(count.value_or(99), 10u);
  count = co_await reactor.read_at(file->get(), buffer, 4);
  EXPECT_EQ(count.value_or(99), 6u);
  count = co_await reactor.read_at(file->get(), buffer, 10);
  EXPECT_EQ(count.value_or(99), 0u);
  count = co_await reactor.read_at(file->get(), buffer, 5000);
  EXPECT_EQ(count.value_or(99), 0u);
  Result<> all = co_await reactor.read_exactly_at(file->get(), buffer, 0);
  EXPECT_EQ(test::outcome(all), "corrupt");
  // The wrong way round: an error with its errno.
  const Result<std::size_t> written = co_await reactor.write_at(file->get(), buffer, 0);
  EXPECT_EQ(written ? 0 : written.error().sys, EBADF);
}

TEST_P(FileTest, ReadsAreShortAtTheEndOnly) {
  test::write_file(dir_.file("short"), "0123456789");
  run([&](Reactor& reactor) { return reading_the_end(reactor, dir_.file("short")); });
}

Task<void> opening_beneath(Reactor& reactor, std::string root) {
  Result<UniqueFd> dir = co_await reactor.open_at(AT_FDCWD, root, O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(dir);
  if (!dir) co_return;
  const Result<UniqueFd> inside =
      co_await reactor.open_at(dir->get(), std::string("sub/file"), O_RDONLY, 0, true);
  EXPECT_TRUE(inside);
  for (const char* path : {"../outside", "sub/../../outside", "/etc/passwd", "link"}) {
    std::string outside = path;
    const Result<UniqueFd> refused =
        co_await reactor.open_at(dir->get(), outside, O_RDONLY, 0, true);
    EXPECT_FALSE(refused) << path;
  }
  const Result<UniqueFd> missing =
      co_await reactor.open_at(dir->get(), std::string("nowhere"), O_RDONLY, 0, true);
  EXPECT_EQ(test::outcome(missing), "not_found");
  const Result<UniqueFd> unnamed =
      co_await reactor.open_at(dir->get(), std::string("."), O_RDWR | O_TMPFILE, 0600);
  EXPECT_TRUE(unnamed);
}

TEST_P(FileTest, OpensBeneathADirectoryAndNotOutside) {
  std::filesystem::create_directories(dir_.path() / "root/sub");
  test::write_file(dir_.path() / "root/sub/file", "in");
  test::write_file(dir_.path() / "outside", "out");
  std::filesystem::create_symlink("../outside", dir_.path() / "root/link");
  run([&](Reactor& reactor) { return opening_beneath(reactor, dir_.file("root")); });
}

Task<void> direct_from_staging(Reactor& reactor, std::string path) {
  Result<UniqueFd> file =
      co_await reactor.open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_DIRECT, 0600);
  if (!file && file.error().sys == EINVAL) {  // A filesystem without O_DIRECT: still registered.
    file = co_await reactor.open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  }
  EXPECT_TRUE(file);
  if (!file) co_return;
  const std::vector<std::byte> wanted = pattern(limits::kStagingBufferBytes);
  StagingBuffer first = co_await reactor.staging().acquire();
  StagingBuffer second = co_await reactor.staging().acquire();
  std::memcpy(first.bytes().data(), wanted.data(), wanted.size());
  EXPECT_TRUE(co_await reactor.write_all_at(file->get(), first.bytes(), 0));
  EXPECT_TRUE(
      co_await reactor.write_all_at(file->get(), first.bytes().subspan(4096, 8192), limits::kMiB));
  std::memset(second.bytes().data(), 0, second.bytes().size());
  EXPECT_TRUE(co_await reactor.read_exactly_at(file->get(), second.bytes(), 0));
  EXPECT_EQ(std::memcmp(second.bytes().data(), wanted.data(), wanted.size()), 0);
  const MutableByteSpan part = second.bytes().first(8192);
  EXPECT_TRUE(co_await reactor.read_exactly_at(file->get(), part, limits::kMiB));
  EXPECT_EQ(std::memcmp(part.data(), wanted.data() + 4096, part.size()), 0);
}

TEST_P(FileTest, MovesStagingBuffersDirectly) {
  run([&](Reactor& reactor) { return direct_from_staging(reactor, dir_.file("direct")); },
      2 * limits::kStagingBufferBytes);
}

Task<void> read_one(Reactor& reactor, int fd, const std::vector<std::byte>& all,
                    std::uint64_t offset, int& right) {
  std::vector<std::byte> got(4096);
  const Result<> read = co_await reactor.read_exactly_at(fd, got, offset);
  right += read && std::memcmp(got.data(), all.data() + offset, got.size()) == 0;
}

Task<void> reading_much(Reactor& reactor, std::string path, int& right) {
  Result<UniqueFd> file = co_await reactor.open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
  EXPECT_TRUE(file);
  if (!file) co_return;
  const std::vector<std::byte> all = pattern(64 * 4096);
  EXPECT_TRUE(co_await reactor.write_all_at(file->get(), all, 0));
  EXPECT_TRUE(co_await reactor.sync_data(file->get()));
  ::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);  // Half of them will wait for the disk.
  for (int n = 0; n < 2000; ++n) {
    reactor.spawn(
        read_one(reactor, file->get(), all, static_cast<std::uint64_t>(n % 64) * 4096, right));
  }
  for (int waits = 0; right < 2000 && waits < 5000; ++waits) co_await reactor.sleep_ms(1);
}

// More in flight than the submission queue has entries.
TEST_P(FileTest, CarriesThousandsOfReadsAtOnce) {
  int right = 0;
  run([&](Reactor& reactor) { return reading_much(reactor, dir_.file("many"), right); });
  EXPECT_EQ(right, 2000);
}

}  // namespace
}  // namespace sf::io

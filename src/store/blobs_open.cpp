#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/store/blobs.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "blob_files.hpp"
#include "blobs_impl.hpp"

namespace sf::store {
namespace {

/// Kept free for the catalogue, so that a disk full of uploads can still be tidied: at most 64 MiB,
/// and at most a 64th of a small disk.
constexpr std::uint64_t kReservedBytesMax = 64 * limits::kMiB;
constexpr std::uint64_t kReservedShare = 64;

std::unexpected<Error> unusable(const std::string& dir, Error error) {
  error.message = concat("cannot use the data directory ", dir, " (", error.message,
                         "): make it writable for this user or choose another");
  return fail(std::move(error));
}

/// The lock, with our pid in it for whoever finds it taken.
Result<UniqueFd> take_lock(const std::string& dir) {
  const std::string path = concat(dir, "/lock");
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!lock) return unusable(dir, error_from_errno(errno, "open lock"));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return unusable(dir, error_from_errno(errno, "lock"));
    char text[32] = {};
    const auto bytes = ::pread(lock.get(), text, sizeof text - 1, 0);
    const auto pid = parse_decimal(trim(std::string_view(text, bytes > 0 ? bytes : 0)));
    return fail(ErrorCode::kConflict,
                concat("the data directory ", dir, " is in use by another StreamForge",
                       pid ? concat(" (process ", *pid, ')') : std::string(),
                       ": stop it or choose another directory"));
  }
  const std::string pid = concat(static_cast<std::int64_t>(::getpid()));
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return unusable(dir, error_from_errno(errno, "write lock"));
  }
  return lock;
}

/// Whether one aligned block can be written past the page cache.
bool probe_direct_io(int folder) {
  const auto file = make_unnamed_file(folder, O_DIRECT);
  if (!file) return false;
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  const std::unique_ptr<void, Free> block(
      std::aligned_alloc(limits::kDirectIoAlignment, limits::kDirectIoAlignment));
  std::fill_n(static_cast<char*>(block.get()), limits::kDirectIoAlignment, '\0');
  const auto written = ::pwrite(file->get(), block.get(), limits::kDirectIoAlignment, 0);
  drop_unnamed_file(file->get(), folder);
  return written == static_cast<ssize_t>(limits::kDirectIoAlignment);
}

Result<> check_one_filesystem(const std::string& dir, std::initializer_list<int> folders) {
  struct stat first{};
  for (const int folder : folders) {
    struct stat info{};
    if (::fstat(folder, &info) != 0) return fail_errno(errno, concat("stat ", dir));
    if (first.st_ino == 0) first = info;
    if (info.st_dev != first.st_dev) {
      return fail(ErrorCode::kUnsupported,
                  concat("temp, raw and processed in ", dir, " must be on one filesystem"));
    }
  }
  return {};
}

Result<> list_files(int folder, std::vector<std::pair<std::string, std::uint64_t>>& into) {
  return each_entry(folder, [&](const char* name) -> Result<> {
    if (!is_id(name)) return {};
    auto size = size_of(folder, name);
    if (!size) return fail(std::move(size.error()));
    if (*size) into.emplace_back(name, **size);
    return {};
  });
}

}  // namespace

BlobStore::BlobStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlobStore::~BlobStore() = default;

Result<std::unique_ptr<BlobStore>> BlobStore::open(const std::string& dir, io::OffloadPool& pool) {
  std::error_code made;
  std::filesystem::create_directories(dir, made);
  if (made) return unusable(dir, error_from_errno(made.value(), "make it"));
  auto lock = take_lock(dir);
  if (!lock) return fail(std::move(lock.error()));
  const UniqueFd root(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return unusable(dir, error_from_errno(errno, "open"));

  std::unique_ptr<Impl> impl(new Impl{dir, std::move(*lock), {}, {}, {}, false, pool});
  const std::pair<const char*, UniqueFd*> folders[] = {
      {"temp", &impl->temp}, {"raw", &impl->raw}, {"processed", &impl->processed}};
  for (const auto& [name, into] : folders) {
    auto folder = open_folder(root.get(), name);
    if (!folder) return unusable(dir, std::move(folder.error()));
    *into = std::move(*folder);
  }
  const int processed = impl->processed.get();
  auto one = check_one_filesystem(dir, {impl->temp.get(), impl->raw.get(), processed});
  if (!one) return fail(std::move(one.error()));

  // What a crash left half-made where there are no unnamed files. The lock says it is nobody's.
  auto swept = each_entry(processed, [processed](const char* name) -> Result<> {
    return std::string_view(name).starts_with(kHiddenPrefix) ? unlink_if_exists(processed, name)
                                                             : Result<>();
  });
  if (!swept) return unusable(dir, std::move(swept.error()));
  impl->direct_io = probe_direct_io(impl->temp.get());
  return std::unique_ptr<BlobStore>(new BlobStore(std::move(impl)));
}

Result<BlobStore::Inventory> BlobStore::inventory() const {
  Inventory found;
  if (auto done = list_files(temp_dir(), found.temp); !done) return fail(std::move(done.error()));
  if (auto done = list_files(raw_dir(), found.raw); !done) return fail(std::move(done.error()));
  auto done = each_entry(processed_dir(), [&](const char* name) -> Result<> {
    if (is_id(name)) found.processed.emplace_back(name);
    return {};
  });
  if (!done) return fail(std::move(done.error()));
  return found;
}

std::uint64_t BlobStore::free_bytes() const noexcept {
  struct statvfs info{};
  if (::fstatvfs(temp_dir(), &info) != 0) return 0;
  const std::uint64_t free = info.f_bavail * info.f_frsize;
  const std::uint64_t total = info.f_blocks * info.f_frsize;
  const std::uint64_t reserved = std::min(kReservedBytesMax, total / kReservedShare);
  return free > reserved ? free - reserved : 0;
}

}  // namespace sf::store

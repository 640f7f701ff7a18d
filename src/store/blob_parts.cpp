// An upload made of others: its parts get second names, temp/{id}.{n}, so that whoever removes a
// part takes nothing from it, and are then copied behind one another into temp/{id}.

#include <streamforge/store/blobs.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <cerrno>

#include "blob_files.hpp"
#include "blobs_impl.hpp"

namespace sf::store {
namespace {

/// One step of copying on a pool thread, which others wait for too.
constexpr std::size_t kStepBytes = 32 * limits::kMiB;

/// Exactly `bytes` long: a write past the page cache may have padded the last block.
Result<> trim_part(int folder, const std::string& part, std::uint64_t bytes) {
  const UniqueFd file(::openat(folder, part.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return fail_errno(errno, concat("open temp/", part));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, concat("stat temp/", part));
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size == bytes) return {};
  if (size < bytes) return fail(ErrorCode::kCorrupt, concat("temp/", part, " is too short"));
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 || ::fsync(file.get()) != 0) {
    return fail_errno(errno, concat("truncate temp/", part));
  }
  return {};
}

Result<> unlink_all(int folder, const std::string& id, std::size_t count) {
  // From the last one down, so that what a crash leaves still begins at 0.
  while (count > 0) {
    if (auto gone = unlink_if_exists(folder, part_name(id, --count)); !gone) return gone;
  }
  return {};
}

/// Sizes of temp/{id}.0, .1, … up to the first that is not there.
Result<std::vector<std::uint64_t>> part_sizes(int folder, const std::string& id) {
  std::vector<std::uint64_t> sizes;
  for (;;) {
    auto size = size_of(folder, part_name(id, sizes.size()));
    if (!size) return fail(std::move(size.error()));
    if (!*size) return sizes;
    sizes.push_back(**size);
  }
}

/// Some of the range; the kernel shares extents instead of copying where the filesystem can.
Result<std::size_t> copy_some(int from, std::uint64_t from_at, int to, std::uint64_t to_at,
                              std::uint64_t bytes) {
  auto in = static_cast<loff_t>(from_at);
  auto out = static_cast<loff_t>(to_at);
  const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kStepBytes));
  const auto copied = ::copy_file_range(from, &in, to, &out, step, 0);
  if (copied < 0) return fail_errno(errno, "join parts");
  if (copied == 0) return fail(ErrorCode::kCorrupt, "a part is shorter than it was");
  return static_cast<std::size_t>(copied);
}

}  // namespace

io::Task<Result<>> BlobStore::link_parts(std::string id, std::vector<UploadPart> parts) const {
  for (const auto& part : parts) {
    if (!is_id(part.id)) co_return fail(ErrorCode::kNotFound, "not an id");
  }
  auto link = io::offload(impl_->pool, [this, &id, &parts]() -> Result<> {
    for (std::size_t n = 0; n < parts.size(); ++n) {
      const auto& part = parts[n];
      auto linked = trim_part(temp_dir(), part.id, part.bytes);
      if (linked &&
          ::linkat(temp_dir(), part.id.c_str(), temp_dir(), part_name(id, n).c_str(), 0) != 0) {
        linked = fail_errno(errno, concat("link temp/", part.id));
      }
      if (!linked) {
        (void)unlink_all(temp_dir(), id, n);
        return linked;
      }
    }
    return sync_folder(temp_dir(), id);
  });
  co_return co_await link;
}

io::Task<Result<>> BlobStore::join_parts(std::string id, std::uint64_t bytes,
                                         std::function<bool()> go_on) const {
  auto look = io::offload(impl_->pool, [this, &id] { return part_sizes(temp_dir(), id); });
  const auto sizes = co_await look;
  if (!sizes) co_return fail(sizes.error());
  std::uint64_t sum = 0;
  for (const std::uint64_t size : *sizes) sum += size;
  // Fewer: they were joined before, and a crash came while their names were being removed.
  if (sum != bytes) co_return {};

  io::Reactor& reactor = io::Reactor::current();
  auto whole = co_await reactor.open_at(temp_dir(), id, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (!whole) co_return fail(std::move(whole.error()));
  const int to = whole->get();
  std::uint64_t at = 0;
  for (std::size_t n = 0; n < sizes->size(); ++n) {
    auto part =
        co_await reactor.open_at(temp_dir(), part_name(id, n), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (!part) co_return fail(std::move(part.error()));
    const int from = part->get();
    for (std::uint64_t done = 0; done < (*sizes)[n];) {
      if (!go_on()) co_return fail(ErrorCode::kCancelled, "joining was broken off");
      const std::uint64_t left = (*sizes)[n] - done;
      auto copy = io::offload(
          impl_->pool, [from, done, to, at, left] { return copy_some(from, done, to, at, left); });
      const auto copied = co_await copy;
      if (!copied) co_return fail(copied.error());
      done += *copied;
      at += *copied;
    }
  }
  const auto synced = co_await reactor.sync_file(to);
  if (!synced) co_return fail(synced.error());
  co_return {};
}

io::Task<Result<>> BlobStore::unlink_parts(std::string id) const {
  if (!is_id(id)) co_return fail(ErrorCode::kNotFound, "not an id");
  auto unlink = io::offload(impl_->pool, [this, &id]() -> Result<> {
    auto sizes = part_sizes(temp_dir(), id);
    if (!sizes) return fail(std::move(sizes.error()));
    return unlink_all(temp_dir(), id, sizes->size());
  });
  co_return co_await unlink;
}

}  // namespace sf::store

#include <streamforge/store/blobs.hpp>

#include <fcntl.h>
#include <unistd.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/write_whole.hpp>

#include <cerrno>

#include "blob_files.hpp"
#include "blobs_impl.hpp"

namespace sf::store {
namespace {

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
constexpr int kWriteFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
constexpr unsigned kFileMode = 0640;

Result<> check_id(std::string_view id) {
  if (is_id(id)) return {};
  return fail(ErrorCode::kNotFound, "not an id");
}
Result<> check_name(std::string_view id, std::string_view name) {
  if (is_id(id) && is_blob_name(name)) return {};
  return fail(ErrorCode::kNotFound, "not the name of a blob");
}

bool is_missing(const Result<UniqueFd>& opened) {
  return !opened && opened.error().code == ErrorCode::kNotFound;
}

/// Opens `id` in `first`, else in `second`. A file that is renamed from the one to the other
/// between the two tries is found by the third.
io::Task<Result<UniqueFd>> open_either(int first, int second, std::string id, int flags) {
  io::Reactor& reactor = io::Reactor::current();
  auto opened = co_await reactor.open_at(first, id, flags);
  if (is_missing(opened)) opened = co_await reactor.open_at(second, id, flags);
  if (is_missing(opened)) opened = co_await reactor.open_at(first, id, flags);
  co_return opened;
}

}  // namespace

int BlobStore::temp_dir() const noexcept { return impl_->temp.get(); }
int BlobStore::raw_dir() const noexcept { return impl_->raw.get(); }
int BlobStore::processed_dir() const noexcept { return impl_->processed.get(); }
const std::string& BlobStore::path() const noexcept { return impl_->path; }
bool BlobStore::direct_io() const noexcept { return impl_->direct_io; }

// --- Uploads.

io::Task<Result<>> BlobStore::create_upload(std::string id,
                                            std::optional<std::uint64_t> bytes) const {
  if (auto good = check_id(id); !good) co_return good;
  // Numbers the filesystem keeps in memory: asking does not wait.
  if (bytes && *bytes > free_bytes()) {
    co_return fail(ErrorCode::kNoSpace, "the disk has no room for this upload");
  }
  io::Reactor& reactor = io::Reactor::current();
  auto file = co_await reactor.open_at(temp_dir(), id, kWriteFlags | O_CREAT | O_EXCL, kFileMode);
  if (!file) co_return fail(std::move(file.error()));
  Result<> made;
  if (bytes && *bytes > 0) {
    auto allocated = co_await reactor.allocate(file->get(), 0, *bytes);
    if (!allocated) made = allocation_result(std::move(allocated.error()));
  }
  if (made) made = co_await impl_->temp_names.sync();
  if (!made) {
    auto undo = io::offload(impl_->pool, [this, &id] { return unlink_if_exists(temp_dir(), id); });
    // Should this fail too, the next start removes the file: it has no record.
    (void)co_await undo;
  }
  co_return made;
}

io::Task<Result<UniqueFd>> BlobStore::open_upload(std::string id, bool direct) const {
  if (auto good = check_id(id); !good) co_return fail(std::move(good.error()));
  const int flags = kWriteFlags | (direct ? O_DIRECT : 0);
  co_return co_await open_either(temp_dir(), raw_dir(), std::move(id), flags);
}

io::Task<Result<bool>> BlobStore::promoted(std::string id) const {
  if (auto good = check_id(id); !good) co_return fail(std::move(good.error()));
  auto look = io::offload(impl_->pool, [this, &id] { return size_of(raw_dir(), id); });
  auto size = co_await look;
  if (!size) co_return fail(std::move(size.error()));
  co_return size->has_value();
}

io::Task<Result<>> BlobStore::promote_upload(std::string id, std::uint64_t bytes) const {
  if (auto good = check_id(id); !good) co_return good;
  // The long part, the bytes, is waited for in the ring; a pool thread then only moves names.
  io::Reactor& reactor = io::Reactor::current();
  auto file = co_await reactor.open_at(temp_dir(), id, kWriteFlags);
  if (!file && !is_missing(file)) co_return fail(std::move(file.error()));
  if (file) {
    auto synced = co_await reactor.sync_data(file->get());
    if (!synced) co_return fail(std::move(synced.error()));
  }
  auto rename = io::offload(impl_->pool, [this, &id, bytes] {
    return promote_file(temp_dir(), raw_dir(), id, bytes, /*synced=*/true);
  });
  if (auto renamed = co_await rename; !renamed) co_return renamed;
  if (auto named = co_await impl_->raw_names.sync(); !named) co_return named;
  co_return co_await impl_->temp_names.sync();
}

io::Task<Result<>> BlobStore::remove_upload(std::string id) const {
  if (auto good = check_id(id); !good) co_return good;
  auto remove = io::offload(impl_->pool, [this, &id]() -> Result<> {
    if (auto gone = unlink_if_exists(temp_dir(), id); !gone) return gone;
    return unlink_if_exists(raw_dir(), id);
  });
  co_return co_await remove;
}

// --- Masters and what was made of them.

io::Task<Result<UniqueFd>> BlobStore::open_source(std::string id) const {
  if (auto good = check_id(id); !good) co_return fail(std::move(good.error()));
  co_return co_await open_either(raw_dir(), temp_dir(), std::move(id), kReadFlags);
}

io::Task<Result<UniqueFd>> BlobStore::make_unnamed(std::string id) const {
  if (auto good = check_id(id); !good) co_return fail(std::move(good.error()));
  auto make = io::offload(impl_->pool, [this] { return make_unnamed_file(processed_dir(), 0); });
  co_return co_await make;
}

io::Task<Result<>> BlobStore::publish(std::string id, int file, std::string name) const {
  if (auto good = check_name(id, name); !good) co_return good;
  // The bytes are on disk before there is a name for them.
  auto synced = co_await io::Reactor::current().sync_file(file);
  if (!synced) co_return fail(std::move(synced.error()));
  auto link = io::offload(impl_->pool, [this, &id, file, &name] {
    return name_file(file, processed_dir(), concat(id, '/', name));
  });
  co_return co_await link;
}

io::Task<Result<UniqueFd>> BlobStore::open_scratch(std::string id, std::string name) const {
  if (auto good = check_name(id, name); !good) co_return fail(std::move(good.error()));
  auto make = io::offload(impl_->pool, [this, &id, &name]() -> Result<UniqueFd> {
    const std::string path = concat(id, '/', name);
    auto folder = open_folder_of(processed_dir(), path);
    if (!folder) return folder;
    const std::string last = path.substr(path.rfind('/') + 1);
    UniqueFd file(::openat(folder->get(), last.c_str(), kWriteFlags | O_CREAT, kFileMode));
    if (!file) return fail_errno(errno, concat("make ", path));
    return file;
  });
  co_return co_await make;
}

io::Task<Result<>> BlobStore::remove_blob(std::string id, std::string name) const {
  if (auto good = check_name(id, name); !good) co_return good;
  auto remove = io::offload(impl_->pool, [this, &id, &name] {
    return unlink_if_exists(processed_dir(), concat(id, '/', name));
  });
  co_return co_await remove;
}

io::Task<Result<>> BlobStore::write_small(std::string id, std::string name,
                                          std::string bytes) const {
  if (auto good = check_name(id, name); !good) co_return good;
  auto write = io::offload(impl_->pool, [this, &id, &name, &bytes]() -> Result<> {
    auto file = make_unnamed_file(processed_dir(), 0);
    if (!file) return fail(std::move(file.error()));
    Result<> written = write_whole(file->get(), as_bytes(bytes));
    if (written && ::fsync(file->get()) != 0) written = fail_errno(errno, concat("sync ", name));
    if (written) written = name_file(file->get(), processed_dir(), concat(id, '/', name));
    if (!written) drop_unnamed_file(file->get(), processed_dir());
    return written;
  });
  co_return co_await write;
}

io::Task<Result<std::string>> BlobStore::read_small(std::string id, std::string name,
                                                    std::size_t bytes_max) const {
  if (auto good = check_name(id, name); !good) co_return fail(std::move(good.error()));
  auto read = io::offload(impl_->pool, [this, &id, &name, bytes_max] {
    return read_file(processed_dir(), concat(id, '/', name), bytes_max);
  });
  co_return co_await read;
}

io::Task<Result<UniqueFd>> BlobStore::open_blob(std::string id, std::string name) const {
  if (auto good = check_name(id, name); !good) co_return fail(std::move(good.error()));
  co_return co_await io::Reactor::current().open_at(processed_dir(), concat(id, '/', name),
                                                    kReadFlags, 0, /*beneath=*/true);
}

io::Task<Result<>> BlobStore::remove_video(std::string id) const {
  if (auto good = check_id(id); !good) co_return good;
  auto remove = io::offload(impl_->pool, [this, &id]() -> Result<> {
    if (auto gone = unlink_if_exists(temp_dir(), id); !gone) return gone;
    if (auto gone = unlink_if_exists(raw_dir(), id); !gone) return gone;
    return remove_tree(processed_dir(), id, limits::kPathDepthMax);
  });
  co_return co_await remove;
}

}  // namespace sf::store

#include "sim_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "file_pool.hpp"

namespace sf::test {
namespace {

constexpr std::size_t kBlockBytes = 4096;  ///< O_DIRECT moves whole ones.

struct stat stat_of(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) std::abort();
  return info;
}

std::string path_of(int fd) {
  char path[4096];
  const auto bytes = ::readlink(concat("/proc/self/fd/", fd).c_str(), path, sizeof path);
  return {path, static_cast<std::size_t>(std::max<::ssize_t>(bytes, 0))};
}

}  // namespace

void SimDisk::cut_power() {
  const auto on_cut = locked([&] {
    dead_ = true;
    return std::exchange(on_cut_, nullptr);
  });
  if (on_cut) on_cut();
}

/// Counts an operation; true from the one on at which the power fails.
bool SimDisk::fails_now() {
  const bool cut = locked([&] {
    ++operations_;
    return !dead_ && left_ != UINT64_MAX && left_-- == 0;
  });
  if (cut) cut_power();
  return dead();
}

/// What is known of an open file. It is opened a second time, for the plain reads and writes here.
SimDisk::File* SimDisk::file_of(int fd) {
  const struct stat info = stat_of(fd);
  if (!S_ISREG(info.st_mode)) return nullptr;
  const auto [found, is_new] = files_.try_emplace(Key{info.st_dev, info.st_ino});
  File& file = found->second;
  if (is_new) {
    file.fd = UniqueFd(::open(concat("/proc/self/fd/", fd).c_str(), O_RDWR | O_CLOEXEC));
    if (!file.fd) std::abort();
    file.synced_bytes = static_cast<std::uint64_t>(info.st_size);
  }
  return &file;
}

SimDisk::Sector SimDisk::read_sector(const File& file, std::uint64_t number) {
  Sector sector{};  // Past the end: zeroes.
  const auto got = ::pread(file.fd.get(), sector.data(), sector.size(),
                           static_cast<off_t>(number * kSectorBytes));
  if (got < 0) std::abort();
  return sector;
}

std::int32_t SimDisk::perform(io::Op& op) {
  if (fails_now()) return -EIO;
  switch (op.kind) {
    case io::OpKind::kReadAt:
      return read(op);
    case io::OpKind::kWriteAt:
    case io::OpKind::kSpliceAt:
      return write(op);
    case io::OpKind::kOpen:
      return open(op);
    case io::OpKind::kAllocate: {
      const std::lock_guard lock(mutex_);
      if (op.size > space_bytes_) return -ENOSPC;
      if (file_of(op.fd) == nullptr) return -EBADF;
      return io::FilePool::perform(op);
    }
    default:
      return io::FilePool::perform(op);
  }
}

std::int32_t SimDisk::read(io::Op& op) {
  const std::size_t size = op.size;
  if (locked([&] { return short_moves_; }) && size > kBlockBytes && pick(4) == 0) {
    op.size = (1 + pick(size / kBlockBytes - 1)) * kBlockBytes;
  }
  const auto result = io::FilePool::perform(op);
  op.size = size;
  return result;
}

std::int32_t SimDisk::write(io::Op& op) {
  const std::lock_guard lock(mutex_);
  File* file = file_of(op.fd);
  if (file == nullptr) return -EBADF;
  const std::size_t size = op.size;
  const bool direct = (::fcntl(op.fd, F_GETFL) & O_DIRECT) != 0;
  if (space_bytes_ < op.size) op.size = space_bytes_ / kBlockBytes * kBlockBytes;
  if (op.size == 0 && size > 0) {
    op.size = size;
    return -ENOSPC;
  }
  if (short_moves_ && op.size > kBlockBytes && random_() % 4 == 0) {
    op.size = direct ? (1 + random_() % (op.size / kBlockBytes)) * kBlockBytes
                     : 1 + random_() % (op.size - 1);
  }
  ++writes_;
  const std::uint64_t last = (op.offset + op.size + kSectorBytes - 1) / kSectorBytes;
  for (std::uint64_t n = op.offset / kSectorBytes; n < last; ++n) {
    const auto [found, is_new] = file->dirty.try_emplace(n);
    if (is_new) found->second.before = read_sector(*file, n);
    found->second.write = writes_;
  }
  const auto result = io::FilePool::perform(op);
  if (result > 0 && space_bytes_ != UINT64_MAX) {
    space_bytes_ -= static_cast<std::uint64_t>(result);
  }
  op.size = size;
  return result;
}

std::int32_t SimDisk::open(io::Op& op) {
  const std::int32_t fd = io::FilePool::perform(op);
  if (fd < 0) return fd;
  const auto flags = reinterpret_cast<const std::uint64_t*>(op.how)[0];  // open_how begins with it.
  const std::lock_guard lock(mutex_);
  if ((flags & O_ACCMODE) == O_RDONLY) return fd;
  File* file = file_of(fd);
  if (file != nullptr && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
    file->made_in = path_of(op.fd);
    file->made_as = static_cast<const char*>(op.data);
    file->synced_bytes = 0;
  }
  return fd;
}

std::shared_ptr<SimDisk::Sync> SimDisk::begin_sync(int fd) {
  auto sync = std::make_shared<Sync>();
  const struct stat info = stat_of(fd);
  const std::lock_guard lock(mutex_);
  sync->key = {info.st_dev, info.st_ino};
  if (S_ISDIR(info.st_mode)) {
    sync->folder = true;
    ++folder_syncs_;
    const std::string path = path_of(fd);
    for (const auto& [key, file] : files_) {
      if (file.made_in == path) sync->names.push_back(key);
    }
    return sync;
  }
  ++syncs_;
  sync->write = writes_;
  sync->bytes = static_cast<std::uint64_t>(info.st_size);
  if (const File* file = file_of(fd)) {
    for (const auto& [number, dirty] : file->dirty) {
      sync->content[number] = read_sector(*file, number);
    }
  }
  return sync;
}

std::int32_t SimDisk::end_sync(io::Op& op, const std::shared_ptr<Sync>& sync) {
  if (fails_now()) return -EIO;
  // Not for real: the test's machine does not lose its power, and its disk is shared.
  op.result = 0;
  const std::lock_guard lock(mutex_);
  if (sync->folder) {
    for (const Key& key : sync->names) {
      if (const auto named = files_.find(key); named != files_.end()) named->second.made_in.clear();
    }
    return 0;
  }
  const auto found = files_.find(sync->key);
  if (found == files_.end()) return 0;
  File& file = found->second;
  file.synced_bytes = std::max(file.synced_bytes, sync->bytes);
  for (const auto& [number, content] : sync->content) {
    const auto dirty = file.dirty.find(number);
    if (dirty == file.dirty.end()) continue;
    if (dirty->second.write <= sync->write) {
      file.dirty.erase(dirty);
    } else {
      dirty->second.before = content;  // It was written again meanwhile.
    }
  }
  return 0;
}

void SimDisk::lose_unsynced() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, file] : files_) {
    if (!file.made_in.empty() && random_() % 2 == 0) {
      ::unlink(concat(file.made_in, "/", file.made_as).c_str());
      continue;
    }
    for (const auto& [number, dirty] : file.dirty) {
      if (random_() % 2 == 0) continue;
      const auto at = static_cast<off_t>(number * kSectorBytes);
      if (::pwrite(file.fd.get(), dirty.before.data(), kSectorBytes, at) < 0) std::abort();
    }
    const struct stat info = stat_of(file.fd.get());
    const auto bytes = static_cast<std::uint64_t>(info.st_size);
    const bool grew = bytes > file.synced_bytes;
    if (grew && random_() % 2 == 0 &&
        ::ftruncate(file.fd.get(), static_cast<off_t>(file.synced_bytes)) != 0) {
      std::abort();
    }
  }
  files_.clear();
  dead_ = false;
  left_ = UINT64_MAX;
}

}  // namespace sf::test

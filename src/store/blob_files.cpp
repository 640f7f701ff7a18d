#include "blob_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

namespace sf::store {
namespace {

constexpr mode_t kFolderMode = 0750;
constexpr mode_t kFileMode = 0640;
constexpr std::size_t kCompareBytes = 64 << 10;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string proc_path(int file) { return concat("/proc/self/fd/", file); }

/// The hidden name of a file that is not unnamed, empty when it is.
std::string hidden_name(int file) {
  char target[4096];
  const auto bytes = ::readlink(proc_path(file).c_str(), target, sizeof target);
  if (bytes <= 0) return {};
  std::string_view path(target, static_cast<std::size_t>(bytes));
  path.remove_prefix(path.rfind('/') + 1);
  return path.starts_with(kHiddenPrefix) ? std::string(path) : std::string();
}

Result<> link_as(int file, int folder, const std::string& name) {
  if (::linkat(AT_FDCWD, proc_path(file).c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return {};
  }
  return fail_errno(errno, concat("link ", name));
}

/// Whether `name` in `folder` holds just the bytes of `file`.
bool is_there_already(int file, int folder, const std::string& name) {
  const UniqueFd there(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat ours{};
  struct stat theirs{};
  if (!there || ::fstat(file, &ours) != 0 || ::fstat(there.get(), &theirs) != 0) return false;
  if (!S_ISREG(theirs.st_mode) || ours.st_size != theirs.st_size) return false;
  std::vector<char> one(kCompareBytes);
  std::vector<char> other(kCompareBytes);
  for (off_t at = 0; at < ours.st_size;) {
    const auto got = ::pread(file, one.data(), one.size(), at);
    if (got <= 0) return false;
    const auto bytes = static_cast<std::size_t>(got);
    if (::pread(there.get(), other.data(), bytes, at) != got) return false;
    if (std::memcmp(one.data(), other.data(), bytes) != 0) return false;
    at += got;
  }
  return true;
}

/// kNotFound when temp/ does not hold the file, or no longer.
Result<> move_to_raw(int temp, int raw, const std::string& id, std::uint64_t bytes, bool synced) {
  auto size = size_of(temp, id);
  if (!size) return fail(std::move(size.error()));
  if (!*size) return fail(ErrorCode::kNotFound, concat("no file of upload ", id));
  // Growing would make up bytes that nobody sent.
  if (**size < bytes) return fail(ErrorCode::kCorrupt, concat("temp/", id, " is too short"));
  if (**size > bytes || !synced) {
    const UniqueFd file(::openat(temp, id.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return fail_errno(errno, concat("open temp/", id));
    if (**size > bytes && ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
      return fail_errno(errno, concat("truncate temp/", id));
    }
    if (::fsync(file.get()) != 0) return fail_errno(errno, concat("sync temp/", id));
  }
  if (::renameat(temp, id.c_str(), raw, id.c_str()) != 0) {
    return fail_errno(errno, concat("rename temp/", id, " to raw/"));
  }
  return {};
}

}  // namespace

bool is_blob_name(std::string_view name) noexcept {
  unsigned depth = 0;
  while (true) {
    const auto part = name.substr(0, name.find('/'));
    if (part.empty() || part.front() == '.' || part.size() > 255) return false;
    if (part.find('\0') != std::string_view::npos || ++depth > limits::kPathDepthMax) return false;
    if (part.size() == name.size()) return true;
    name.remove_prefix(part.size() + 1);
  }
}

std::string part_name(std::string_view id, std::size_t n) { return concat(id, '.', n); }

Result<UniqueFd> open_folder(int parent, const std::string& name) {
  // Who finds a folder that another thread has just made must not go on before that one has synced
  // the name: what is put inside would be durable below a folder that is not.
  static std::mutex making;
  const std::lock_guard lock(making);
  const bool made = ::mkdirat(parent, name.c_str(), kFolderMode) == 0;
  if (!made && errno != EEXIST) return fail_errno(errno, concat("make folder ", name));
  UniqueFd folder(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder) return fail_errno(errno, concat("open folder ", name));
  if (made) {
    if (auto synced = sync_folder(parent, name); !synced) return fail(std::move(synced.error()));
  }
  return folder;
}

Result<UniqueFd> open_folder_of(int parent, std::string_view path) {
  UniqueFd folder(::openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail_errno(errno, "open folder");
  for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    auto below = open_folder(folder.get(), std::string(path.substr(0, slash)));
    if (!below) return below;
    folder = std::move(*below);
    path.remove_prefix(slash + 1);
  }
  return folder;
}

Result<> sync_folder(int folder, std::string_view name) {
  if (::fsync(folder) == 0) return {};
  return fail_errno(errno, concat("sync the folder of ", name));
}

Result<> unlink_if_exists(int folder, const std::string& name) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, concat("remove ", name));
}

Result<> each_entry(int folder, const std::function<Result<>(const char* name)>& visit) {
  // A descriptor of its own: the position of a folder belongs to the open description.
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "open folder");
  const std::unique_ptr<DIR, CloseFolder> entries(::fdopendir(fd));
  if (!entries) {
    const int sys = errno;
    ::close(fd);
    return fail_errno(sys, "read folder");
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) return errno == 0 ? Result<>() : fail_errno(errno, "read folder");
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    if (auto visited = visit(entry->d_name); !visited) return visited;
  }
}

Result<> remove_tree(int parent, const std::string& name, unsigned depth_max) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail_errno(errno, concat("remove ", name));
  if (depth_max == 0) return fail(ErrorCode::kTooLarge, concat("folders too deep: ", name));
  const UniqueFd folder(
      ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!folder) {
    return errno == ENOENT ? Result<>() : fail_errno(errno, concat("open folder ", name));
  }
  auto emptied = each_entry(folder.get(), [&](const char* entry) {
    return remove_tree(folder.get(), entry, depth_max - 1);
  });
  if (!emptied) return emptied;
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, concat("remove folder ", name));
}

Result<std::optional<std::uint64_t>> size_of(int folder, const std::string& name) {
  struct stat info{};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return fail_errno(errno, concat("stat ", name));
  }
  if (!S_ISREG(info.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

Result<UniqueFd> make_unnamed_file(int folder, int flags) {
  UniqueFd file(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | flags, kFileMode));
  if (file) return file;
  // Old overlay, NFS and FUSE filesystems have no unnamed files.
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) {
    return fail_errno(errno, "make an unnamed file");
  }
  const std::string name = concat(kHiddenPrefix, make_id());
  file = UniqueFd(
      ::openat(folder, name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | flags, kFileMode));
  if (!file) return fail_errno(errno, concat("make ", name));
  return file;
}

void drop_unnamed_file(int file, int folder) noexcept {
  const std::string hidden = hidden_name(file);
  if (!hidden.empty()) ::unlinkat(folder, hidden.c_str(), 0);
}

Result<> name_file(int file, int parent, std::string_view path) {
  auto folder = open_folder_of(parent, path);
  if (!folder) return fail(std::move(folder.error()));
  const std::string name(path.substr(path.rfind('/') + 1));

  const std::string hidden = hidden_name(file);
  if (!hidden.empty()) {
    if (is_there_already(file, folder->get(), name)) {
      drop_unnamed_file(file, parent);
      return sync_folder(folder->get(), path);
    }
    if (::renameat(parent, hidden.c_str(), folder->get(), name.c_str()) != 0) {
      return fail_errno(errno, concat("rename to ", path));
    }
    return sync_folder(folder->get(), path);
  }
  auto linked = link_as(file, folder->get(), name);
  if (!linked && linked.error().sys == EEXIST) {
    if (is_there_already(file, folder->get(), name)) return sync_folder(folder->get(), path);
    const std::string aside = concat(kHiddenPrefix, make_id());
    linked = link_as(file, folder->get(), aside);
    if (!linked) return linked;
    const bool renamed = ::renameat(folder->get(), aside.c_str(), folder->get(), name.c_str()) == 0;
    const int sys = errno;
    // Renaming one name of a file to another of the same file does nothing and succeeds.
    if (auto gone = unlink_if_exists(folder->get(), aside); !gone) return gone;
    if (!renamed) return fail_errno(sys, concat("rename to ", path));
  }
  if (!linked) return linked;
  return sync_folder(folder->get(), path);
}

Result<std::string> read_file(int parent, const std::string& path, std::size_t bytes_max) {
  const UniqueFd file(::openat(parent, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return fail_errno(errno, concat("open ", path));
  std::string bytes(bytes_max + 1, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, concat("read ", path));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled > bytes_max) return fail(ErrorCode::kTooLarge, concat(path, " is too large"));
  bytes.resize(filled);
  return bytes;
}

Result<> allocation_result(Error error) {
  if (error.sys == EOPNOTSUPP || error.sys == ENOSYS) return {};
  return fail(std::move(error));
}

Result<> promote_file(int temp, int raw, const std::string& id, std::uint64_t bytes, bool synced) {
  auto moved = move_to_raw(temp, raw, id, bytes, synced);
  if (moved || moved.error().code != ErrorCode::kNotFound) return moved;
  // It was moved before, or just now by another: parts of a group may end together.
  auto promoted = size_of(raw, id);
  if (!promoted) return fail(std::move(promoted.error()));
  if (*promoted == bytes) return {};
  if (!*promoted) return moved;
  return fail(ErrorCode::kConflict, concat("raw/", id, " has another size"));
}

}  // namespace sf::store

#include "command_files.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/write_whole.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace sf::transcode {
namespace {

constexpr std::string_view kHiddenPrefix = ".part-";
constexpr const char* kManifest = "manifest.jsonl";
constexpr std::size_t kManifestBytesMax = std::size_t{256} << 20;

Result<std::string> read_all(int fd, std::size_t bytes_max, std::string_view what) {
  struct stat status{};
  if (::fstat(fd, &status) < 0) return fail_errno(errno, concat("read ", what));
  if (static_cast<std::uint64_t>(status.st_size) > bytes_max) {
    return fail(ErrorCode::kTooLarge, concat(what, " is too large"));
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, concat("read ", what));
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  text.resize(at);
  return text;
}

Result<> make_parents(int dir, const std::string& name) {
  for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    if (::mkdirat(dir, name.substr(0, slash).c_str(), 0777) < 0 && errno != EEXIST) {
      return fail_errno(errno, concat("make the folder ", name.substr(0, slash)));
    }
  }
  return {};
}

std::string hidden_name() { return concat(kHiddenPrefix, make_id()); }

}  // namespace

Result<OutputDir> OutputDir::open(const std::string& path) {
  OutputDir out;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail_errno(error.value(), concat("make the folder ", path));
  out.path_ = path;
  out.dir_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.dir_) return fail_errno(errno, concat("open the folder ", path));
  struct stat status{};
  const bool begun = ::fstatat(out.dir_.get(), kManifest, &status, 0) == 0;
  if (!begun && ::fstatat(out.dir_.get(), "master.m3u8", &status, 0) == 0) {
    return fail(ErrorCode::kConflict,
                concat(path,
                       " holds a stream that this program did not begin: choose another "
                       "folder with --out"));
  }
  out.manifest_ =
      UniqueFd(::openat(out.dir_.get(), kManifest, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!out.manifest_) return fail_errno(errno, concat("write in the folder ", path));
  if (::flock(out.manifest_.get(), LOCK_EX | LOCK_NB) < 0) {
    return fail(ErrorCode::kConflict, concat("another run is at work in ", path));
  }
  out.remove_leftovers();
  return out;
}

// Files without a proper name, of a run that was killed where there are no unnamed ones.
void OutputDir::remove_leftovers() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kHiddenPrefix)) remove(name);
  }
}

Result<std::string> OutputDir::manifest() const {
  return read_all(manifest_.get(), kManifestBytesMax, kManifest);
}

Result<> OutputDir::append_manifest(std::string_view line) const {
  return write_whole(manifest_.get(), as_bytes(line), concat("write ", kManifest));
}

Result<> OutputDir::clear_manifest() const {
  if (::ftruncate(manifest_.get(), 0) < 0) return fail_errno(errno, "clear the manifest");
  return {};
}

Result<Unnamed> OutputDir::make_unnamed() const {
  Unnamed out;
  out.file = UniqueFd(::openat(dir_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (out.file) return out;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    return fail_errno(errno, concat("make a file in ", path_));
  }
  out.hidden = hidden_name();
  out.file = UniqueFd(
      ::openat(dir_.get(), out.hidden.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!out.file) return fail_errno(errno, concat("make a file in ", path_));
  return out;
}

Result<> OutputDir::publish(const Unnamed& unnamed, const std::string& name) const {
  if (auto made = make_parents(dir_.get(), name); !made) return made;
  if (::fdatasync(unnamed.file.get()) < 0) return fail_errno(errno, concat("sync ", name));
  // Named in two steps, because a link does not replace what is there.
  std::string hidden = unnamed.hidden;
  if (hidden.empty()) {
    hidden = hidden_name();
    const std::string self = concat("/proc/self/fd/", unnamed.file.get());
    if (::linkat(AT_FDCWD, self.c_str(), dir_.get(), hidden.c_str(), AT_SYMLINK_FOLLOW) < 0) {
      return fail_errno(errno, concat("name ", name));
    }
  }
  if (::renameat(dir_.get(), hidden.c_str(), dir_.get(), name.c_str()) < 0) {
    return fail_errno(errno, concat("name ", name));
  }
  return {};
}

Result<> OutputDir::write(const std::string& name, std::string_view text) const {
  auto unnamed = make_unnamed();
  if (!unnamed) return fail(std::move(unnamed.error()));
  auto wrote = write_whole(unnamed->file.get(), as_bytes(text), concat("write ", name));
  if (!wrote) return wrote;
  return publish(*unnamed, name);
}

Result<UniqueFd> OutputDir::open_file(const std::string& name, int flags) const {
  UniqueFd file(::openat(dir_.get(), name.c_str(), flags | O_CLOEXEC, 0666));
  if (!file) return fail_errno(errno, concat("open ", path_, '/', name));
  return file;
}

Result<std::string> OutputDir::read(const std::string& name, std::size_t bytes_max) const {
  auto file = open_file(name, O_RDONLY);
  if (!file) return fail(std::move(file.error()));
  return read_all(file->get(), bytes_max, name);
}

Result<std::uint64_t> OutputDir::size(const std::string& name) const {
  struct stat status{};
  if (::fstatat(dir_.get(), name.c_str(), &status, 0) < 0) return fail_errno(errno, name);
  return static_cast<std::uint64_t>(status.st_size);
}

void OutputDir::remove(const std::string& name) const { ::unlinkat(dir_.get(), name.c_str(), 0); }

void OutputDir::remove_tree(const std::string& name) const {
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(path_) / name, ignored);
}

}  // namespace sf::transcode

#include "log_file.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/write_whole.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace sf::log {

namespace {

UniqueFd open_to_append(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

}  // namespace

Result<LogFile> LogFile::open(std::string path) {
  LogFile made(std::move(path));
  made.fd_ = open_to_append(made.path_);
  struct stat found{};
  if (!made.fd_ || ::fstat(made.fd_.get(), &found) != 0) {
    return fail_errno(errno, concat("cannot open the log ", made.path_));
  }
  made.bytes_ = static_cast<std::uint64_t>(found.st_size);
  return made;
}

bool LogFile::write(std::string_view lines) {
  if (bytes_ > 0 && bytes_ + lines.size() > kBytesMax) rotate();
  bytes_ += lines.size();
  return write_whole(fd_.get(), as_bytes(lines)).has_value();
}

/// x.log, x.1.log, …: the larger the number, the older.
std::string LogFile::name(unsigned age) const {
  if (age == 0) return path_;
  const std::filesystem::path path(path_);
  return concat((path.parent_path() / path.stem()).string(), '.', age, path.extension().string());
}

/// Where the next one cannot be opened, this one goes on.
void LogFile::rotate() {
  for (unsigned age = kKept; age > 0; --age) {
    (void)std::rename(name(age - 1).c_str(), name(age).c_str());  // There may be none yet.
  }
  if (UniqueFd next = open_to_append(path_)) fd_ = std::move(next);
  bytes_ = 0;
}

}  // namespace sf::log

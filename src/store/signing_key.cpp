#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/base/write_whole.hpp>
#include <streamforge/store/signing_key.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "blob_files.hpp"

namespace sf::store {

namespace {
constexpr const char* kName = "signing.key";
constexpr const char* kNewName = ".signing.key.new";
constexpr std::size_t kBytesMin = 32;
constexpr std::size_t kBytesMax = 4096;
}  // namespace

Result<std::string> open_signing_key(const std::string& dir) {
  const UniqueFd folder(::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail_errno(errno, concat("open ", dir));
  auto kept = read_file(folder.get(), kName, kBytesMax);
  if (kept && kept->size() >= kBytesMin) return kept;
  if (kept) return fail(ErrorCode::kCorrupt, concat(dir, '/', kName, " is too short; remove it"));
  if (kept.error().code != ErrorCode::kNotFound) return kept;

  // Whole or not at all: written under another name first.
  std::string key = make_secret();
  const UniqueFd file(
      ::openat(folder.get(), kNewName, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return fail_errno(errno, concat("create ", dir, '/', kName));
  if (auto written = write_whole(file.get(), as_bytes(key)); !written) {
    return fail(std::move(written.error()));
  }
  if (::fsync(file.get()) != 0 || ::renameat(folder.get(), kNewName, folder.get(), kName) != 0) {
    return fail_errno(errno, concat("write ", dir, '/', kName));
  }
  return key;
}

}  // namespace sf::store

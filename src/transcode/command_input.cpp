#include "command_input.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/write_whole.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>

namespace sf::transcode {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr int kLookUpMs = 200;  // How soon an interrupt is seen while nothing arrives.

// Gives every byte of standard input to `take`, in order.
Result<> read_standard_input(const std::atomic<bool>& interrupted,
                             const std::function<Result<>(ByteSpan)>& take) {
  if (::isatty(STDIN_FILENO) == 1) {
    return fail(ErrorCode::kInvalidArgument,
                "standard input is a terminal: pipe a film into it, or name a file");
  }
  std::vector<std::byte> chunk(kChunkBytes);
  for (;;) {
    if (interrupted) return fail(ErrorCode::kCancelled, "interrupted");
    struct pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, kLookUpMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return fail_errno(errno, "read standard input");
    if (got == 0) return {};
    if (auto taken = take(ByteSpan(chunk).first(static_cast<std::size_t>(got))); !taken) {
      return taken;
    }
  }
}

}  // namespace

Result<Input> open_input(const std::string& path) {
  Input input;
  input.file = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!input.file) return fail_errno(errno, concat("open ", path));
  struct stat status{};
  if (::fstat(input.file.get(), &status) < 0) return fail_errno(errno, concat("stat ", path));
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, concat(path, " is a folder, not a film"));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInvalidArgument,
                concat(path, " is no plain file: give it on standard input, with -"));
  }
  if (status.st_size == 0) return fail(ErrorCode::kUnsupported, concat(path, " is empty"));
  input.bytes = static_cast<std::uint64_t>(status.st_size);
  input.modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  std::error_code ignored;
  input.name = std::filesystem::canonical(path, ignored).string();
  if (input.name.empty()) input.name = path;
  return input;
}

Result<ManifestSpool> spool_input(const OutputDir& out, const std::atomic<bool>& interrupted,
                                  std::atomic<std::uint64_t>& bytes_so_far) {
  auto unnamed = out.make_unnamed();
  if (!unnamed) return fail(std::move(unnamed.error()));
  Digest digest(DigestAlgorithm::kSha256);
  ManifestSpool spool;
  const std::function<Result<>(ByteSpan)> take = [&](ByteSpan bytes) -> Result<> {
    digest.update(bytes);
    spool.bytes += bytes.size();
    auto wrote =
        write_whole(unnamed->file.get(), bytes, concat("copy standard input to ", out.path()));
    if (!wrote) return wrote;
    bytes_so_far = spool.bytes;
    return {};
  };
  auto read = read_standard_input(interrupted, take);
  if (read && spool.bytes == 0) read = fail(ErrorCode::kUnsupported, "standard input is empty");
  if (read) read = out.publish(*unnamed, kSpoolName);
  if (!read) {
    if (!unnamed->hidden.empty()) out.remove(unnamed->hidden);
    return fail(std::move(read.error()));
  }
  spool.sha256 = to_hex(digest.finish());
  return spool;
}

Result<> compare_input(const ManifestSpool& spool, const std::atomic<bool>& interrupted) {
  Digest digest(DigestAlgorithm::kSha256);
  std::uint64_t bytes = 0;
  const std::function<Result<>(ByteSpan)> take = [&](ByteSpan piece) -> Result<> {
    digest.update(piece);
    bytes += piece.size();
    return {};
  };
  if (::isatty(STDIN_FILENO) == 1) return {};
  if (auto read = read_standard_input(interrupted, take); !read) return read;
  if (bytes == 0) return {};
  if (bytes == spool.bytes && to_hex(digest.finish()) == spool.sha256) return {};
  return fail(ErrorCode::kConflict, "the folder was begun from another film");
}

Result<Input> open_spool(const OutputDir& out, const ManifestSpool& spool) {
  auto file = out.open_file(kSpoolName, O_RDONLY);
  if (!file) return fail(std::move(file.error()));
  Input input;
  input.file = std::move(*file);
  input.bytes = spool.bytes;
  input.name = std::string("-");
  return input;
}

}  // namespace sf::transcode

#include <streamforge/base/write_whole.hpp>

#include <unistd.h>

#include <cerrno>

namespace sf {

namespace {

/// `write` takes a first part of what it is given.
template <class Write>
Result<> write_on(ByteSpan bytes, std::string_view what, const Write& write) {
  while (!bytes.empty()) {
    const ssize_t written = write(bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail_errno(written < 0 ? errno : EIO, what);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<> write_whole(int fd, ByteSpan bytes, std::string_view what) {
  return write_on(bytes, what,
                  [fd](ByteSpan left) { return ::write(fd, left.data(), left.size()); });
}

Result<> write_whole_at(int fd, std::uint64_t offset, ByteSpan bytes, std::string_view what) {
  const std::size_t end = bytes.size();
  return write_on(bytes, what, [=](ByteSpan left) {
    return ::pwrite(fd, left.data(), left.size(), static_cast<off_t>(offset + end - left.size()));
  });
}

}  // namespace sf

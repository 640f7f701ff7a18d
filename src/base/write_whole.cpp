#include <streamforge/base/write_whole.hpp>

#include <unistd.h>

#include <cerrno>

namespace sf {

Result<> write_whole(int fd, ByteSpan bytes, std::string_view what) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, what);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace sf

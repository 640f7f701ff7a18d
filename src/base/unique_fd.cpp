#include <streamforge/base/unique_fd.hpp>

#include <unistd.h>

namespace sf {

void UniqueFd::reset() noexcept {
  // Linux frees the descriptor even when close() reports EINTR or EIO, so it is never repeated.
  if (const int fd = std::exchange(fd_, -1); fd >= 0) (void)::close(fd);
}

}  // namespace sf

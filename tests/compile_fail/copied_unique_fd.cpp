// Two owners of one descriptor would close another file.
// expect: deleted
#include <streamforge/base/unique_fd.hpp>

sf::UniqueFd take(sf::UniqueFd& fd) {
#ifdef SF_CORRECT
  return std::move(fd);
#else
  return fd;
#endif
}

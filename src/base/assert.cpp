#include <streamforge/base/assert.hpp>

#include <streamforge/base/log.hpp>

#include <cstdlib>

namespace sf {

void assert_failed(const char* expression, const char* file, int line) noexcept {
  // The queue's thread may never run again: stop() writes out what is there, and the line below
  // then goes straight to stderr.
  log::stop();
  log::error("base", "assertion failed",
             {{"expression", expression}, {"file", file}, {"line", line}});
  std::abort();
}

}  // namespace sf

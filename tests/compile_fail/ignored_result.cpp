// An error that nobody looks at must not compile.
// expect: nodiscard
#include <streamforge/base/log.hpp>

void start_log() {
#ifdef SF_CORRECT
  if (!sf::log::start({})) sf::log::error("app", "no log");
#else
  sf::log::start({});
#endif
}

// A task that is not awaited never runs: making one and dropping it must not compile.
// expect: nodiscard
#include <streamforge/io/task.hpp>

sf::io::Task<void> step();

sf::io::Task<void> walk() {
#ifdef SF_CORRECT
  co_await step();
#else
  step();
  co_return;
#endif
}

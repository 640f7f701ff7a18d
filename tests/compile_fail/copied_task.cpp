// Two owners of one coroutine frame would destroy it twice.
// expect: deleted
#include <streamforge/io/task.hpp>

sf::io::Task<int> pass_on(sf::io::Task<int>& task) {
#ifdef SF_CORRECT
  return std::move(task);
#else
  return task;
#endif
}

// A plain number must not become an owner by accident: it would be closed.
// expect: (conversion|convert|no matching)
#include <streamforge/base/unique_fd.hpp>

void keep(sf::UniqueFd fd);

void lend(int number) {
#ifdef SF_CORRECT
  keep(sf::UniqueFd(number));
#else
  keep(number);
#endif
}

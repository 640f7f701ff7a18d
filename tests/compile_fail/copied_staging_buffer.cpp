// Two owners of one staging buffer would give it back twice.
// expect: deleted
#include <streamforge/io/staging.hpp>

sf::io::StagingBuffer take(sf::io::StagingBuffer& buffer) {
#ifdef SF_CORRECT
  return std::move(buffer);
#else
  return buffer;
#endif
}

#include <streamforge/net/spread.hpp>

namespace sf::net {

namespace {

/// Of the fewest, what a reactor may have more: moving costs a message, and a small difference does
/// not matter among many.
constexpr unsigned kToleratedShare = 16;

}  // namespace

unsigned Spread::enter(unsigned here) noexcept {
  const auto count = static_cast<unsigned>(loads_.size());
  unsigned fewest = loads_[here].connections.load(std::memory_order_relaxed);
  const unsigned mine = fewest;
  unsigned least = here;
  for (unsigned i = 1; i < count && fewest > 0; ++i) {
    const unsigned other = (here + i) % count;  // The next ones first, so that ties are dealt out.
    const unsigned has = loads_[other].connections.load(std::memory_order_relaxed);
    if (has < fewest) {
      fewest = has;
      least = other;
    }
  }
  if (mine <= fewest + fewest / kToleratedShare) least = here;
  loads_[least].connections.fetch_add(1, std::memory_order_relaxed);
  return least;
}

void Spread::leave(unsigned reactor) noexcept {
  loads_[reactor].connections.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sf::net

#pragma once

/// Which reactor a new connection goes to. The kernel deals connections out to the reactors'
/// sockets by a hash of their addresses, blind to how many each has: of 32 one may get 22 and the
/// other 10, for as long as they live. So a reactor that has accepted more than its share gives it
/// away. Any thread, without a lock: asked once a connection. docs/decisions/0036 has the why.

#include <atomic>
#include <vector>

namespace sf::net {

class Spread {
 public:
  explicit Spread(unsigned reactors) : loads_(reactors) {}
  Spread(const Spread&) = delete;

  /// Where a connection that reactor `here` has accepted is to live: here, unless another has
  /// clearly fewer. Counted there until `leave`.
  [[nodiscard]] unsigned enter(unsigned here) noexcept;
  void leave(unsigned reactor) noexcept;

 private:
  struct alignas(64) Load {
    std::atomic<unsigned> connections{0};
  };
  std::vector<Load> loads_;
};

}  // namespace sf::net

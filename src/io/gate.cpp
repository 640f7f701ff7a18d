#include <streamforge/io/gate.hpp>
#include <streamforge/io/reactor.hpp>

#include <utility>

namespace sf::io {

void Gate::leave() noexcept {
  SF_ASSERT(count_ > 0);
  if (--count_ > 0 || !waiter_) return;
  // The last pass often dies with a coroutine's frame; the waiter may destroy what that frame's
  // remaining members refer to, so it goes on in the next turn.
  const std::coroutine_handle<> waiter = std::exchange(waiter_, nullptr);
  if (Reactor* reactor = Reactor::current_or_null()) {
    reactor->post([waiter] { waiter.resume(); });
  } else {
    waiter.resume();
  }
}

}  // namespace sf::io

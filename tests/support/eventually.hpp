#pragma once

#include <chrono>
#include <thread>

namespace sf::test {

/// Waits for what another thread or process does: whether `condition` comes true within a minute.
/// That bounds what hangs and measures nothing; a machine that others use too has slow moments, its
/// disk above all.
template <class Condition>
[[nodiscard]] bool eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace sf::test

#include "framing_guard.hpp"

#include "characters.hpp"

namespace sf::http {

bool FramingGuard::accept(std::span<const char> framing) noexcept {
  run_ += framing.size();
  for (const char c : framing) {
    if (after_cr_) {
      if (c != '\n') return false;
      after_cr_ = false;
      at_line_start_ = true;
      continue;
    }
    if (c == '\r') {
      after_cr_ = true;
      continue;
    }
    if (!is_of(c, kValueChar)) return false;
    if (at_line_start_ && (c == ' ' || c == '\t')) return false;
    at_line_start_ = false;
  }
  return true;
}

}  // namespace sf::http

#pragma once

/// The character classes of RFC 9110 and 9112, as one table.

#include <array>
#include <cstdint>
#include <string_view>

namespace sf::http {

enum CharacterClass : std::uint8_t {
  kTokenChar = 1,   ///< RFC 9110 section 5.6.2.
  kValueChar = 2,   ///< Field values: HTAB, SP, VCHAR and obs-text, RFC 9110 section 5.5.
  kTargetChar = 4,  ///< Visible ASCII: what a request target may hold.
};

inline constexpr std::array<std::uint8_t, 256> kCharacterClasses = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0x20; c < 256; ++c) {
    if (c != 0x7f) table[c] |= kValueChar;
    if (c > 0x20 && c < 0x7f) table[c] |= kTargetChar;
  }
  table['\t'] |= kValueChar;
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] |= kTokenChar;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] |= kTokenChar;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] |= kTokenChar;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] |= kTokenChar;
  }
  return table;
}();

[[nodiscard]] constexpr bool is_of(char c, CharacterClass wanted) noexcept {
  return (kCharacterClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}
[[nodiscard]] constexpr bool all_of_class(std::string_view text, CharacterClass wanted) noexcept {
  for (const char c : text) {
    if (!is_of(c, wanted)) return false;
  }
  return true;
}

}  // namespace sf::http

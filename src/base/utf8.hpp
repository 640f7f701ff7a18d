#pragma once

/// One step of a strict UTF-8 reader (Unicode 15, table 3-7: no overlong forms, no surrogates).

#include <cstddef>
#include <string_view>

namespace sf {

/// Bytes of the well-formed character that begins at `at`, 0 when none does. `at` < text.size().
[[nodiscard]] inline std::size_t utf8_length_at(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const auto within = [](unsigned value, unsigned low, unsigned high) {
    return value >= low && value <= high;
  };
  const unsigned first = byte(0);
  const bool tail1 = within(byte(1), 0x80, 0xBF);
  const bool tail2 = within(byte(2), 0x80, 0xBF);
  const bool tail3 = within(byte(3), 0x80, 0xBF);
  if (first < 0x80) return 1;
  if (within(first, 0xC2, 0xDF)) return tail1 ? 2 : 0;
  if (first == 0xE0) return within(byte(1), 0xA0, 0xBF) && tail2 ? 3 : 0;
  if (first == 0xED) return within(byte(1), 0x80, 0x9F) && tail2 ? 3 : 0;
  if (within(first, 0xE1, 0xEF)) return tail1 && tail2 ? 3 : 0;
  if (first == 0xF0) return within(byte(1), 0x90, 0xBF) && tail2 && tail3 ? 4 : 0;
  if (first == 0xF4) return within(byte(1), 0x80, 0x8F) && tail2 && tail3 ? 4 : 0;
  if (within(first, 0xF1, 0xF3)) return tail1 && tail2 && tail3 ? 4 : 0;
  return 0;
}

}  // namespace sf

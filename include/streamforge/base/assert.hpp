#pragma once

/// SF_ASSERT stays on in release and is for our own bugs only, never for what a peer, a disk or a
/// media file may cause. It logs expression, file and line, and aborts.

namespace sf {
[[noreturn]] void assert_failed(const char* expression, const char* file, int line) noexcept;
}

#define SF_ASSERT(expression)                    \
  (__builtin_expect(!!(expression), 1) ? (void)0 \
                                       : ::sf::assert_failed(#expression, __FILE__, __LINE__))

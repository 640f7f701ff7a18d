#pragma once

#include <string>
#include <string_view>

namespace sf {

/// A fresh id: 26 characters of lower-case Crockford base32; 48 bits of milliseconds since 1970
/// first, so that ids sort by age, then 80 bits from the kernel's random source, so that they
/// cannot be guessed. Safe in URLs and file names. Any thread.
[[nodiscard]] std::string make_id();

/// Whether `text` has the shape of an id. Everything that becomes a path is asked this first.
[[nodiscard]] bool is_id(std::string_view text) noexcept;

/// `bytes` random bytes as lower-case base32: for tokens, session keys and one-time links.
[[nodiscard]] std::string make_secret(unsigned bytes = 32);

}  // namespace sf

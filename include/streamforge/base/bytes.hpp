#pragma once

/// Bytes and text: strict conversions, no locale, no exceptions. All functions are pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sf {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

[[nodiscard]] inline ByteSpan as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// ASCII digits only, no sign, no spaces, at least one, at most `max`; anything else is nullopt.
/// tus integers and HTTP lengths are read with this (`max` 2^63-1).
[[nodiscard]] std::optional<std::uint64_t> parse_decimal(
    std::string_view text, std::uint64_t max = (std::uint64_t{1} << 63) - 1) noexcept;

[[nodiscard]] std::string to_hex(ByteSpan bytes);
/// Lower or upper case, even length; else nullopt.
[[nodiscard]] std::optional<std::vector<std::byte>> from_hex(std::string_view text);

/// RFC 4648 section 4, with padding. Decoding is strict: right length, padding and alphabet.
[[nodiscard]] std::string to_base64(ByteSpan bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

/// RFC 3986 percent-decoding; a broken escape is nullopt. `plus_is_space` for query strings.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text,
                                                        bool plus_is_space = false);
/// Encodes everything but unreserved characters (RFC 3986 section 2.3).
[[nodiscard]] std::string percent_encode(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] std::string to_lower(std::string_view text);
/// Without leading and trailing spaces and tabs.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// Pieces between separators, empty ones included.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// Same length and bytes, in time that does not depend on where they differ. For secrets.
[[nodiscard]] bool equals_in_constant_time(std::string_view a, std::string_view b) noexcept;

namespace detail {
void append(std::string& out, std::string_view text);
void append(std::string& out, std::uint64_t value);
void append(std::string& out, std::int64_t value);
void append(std::string& out, double value);
inline void append(std::string& out, const char* text) { append(out, std::string_view(text)); }
inline void append(std::string& out, const std::string& text) {
  append(out, std::string_view(text));
}
inline void append(std::string& out, char c) { out.push_back(c); }
inline void append(std::string& out, int value) { append(out, std::int64_t{value}); }
inline void append(std::string& out, unsigned value) { append(out, std::uint64_t{value}); }
inline void append(std::string& out, unsigned long long value) {
  append(out, static_cast<std::uint64_t>(value));
}
inline void append(std::string& out, long long value) {
  append(out, static_cast<std::int64_t>(value));
}
}  // namespace detail

/// Text from pieces: strings, characters and numbers, in order. `concat("offset ", n, '/', size)`.
template <class... Pieces>
[[nodiscard]] std::string concat(const Pieces&... pieces) {
  std::string out;
  (detail::append(out, pieces), ...);
  return out;
}

}  // namespace sf

#include <streamforge/base/id.hpp>

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace sf {

namespace {

/// Crockford's: digits and letters without i, l, o, u, so that sorting text sorts numbers.
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kIdChars = 26;
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kTimeBytes = 6;

void fill_random(MutableByteSpan out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    SF_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) out = out.subspan(static_cast<std::size_t>(got));
  }
}

/// `bytes` as one big-endian number in base32, most significant digit first. The first digit holds
/// what is left over: of 128 bits 3, so that an id begins with 0 to 7.
std::string to_base32(ByteSpan bytes) {
  const std::size_t chars = (bytes.size() * 8 + 4) / 5;
  std::string out;
  out.reserve(chars);
  unsigned pending = 0;
  std::size_t pending_bits = chars * 5 - bytes.size() * 8;
  for (const std::byte b : bytes) {
    pending = (pending << 8 | std::to_integer<unsigned>(b)) & 0xFFFF;
    pending_bits += 8;
    while (pending_bits >= 5) {
      pending_bits -= 5;
      out.push_back(kAlphabet[pending >> pending_bits & 31]);
    }
  }
  return out;
}

}  // namespace

std::string make_id() {
  std::array<std::byte, kIdBytes> bytes;
  const auto now_ms = static_cast<std::uint64_t>(wall_ms());
  for (std::size_t i = 0; i < kTimeBytes; ++i) {
    bytes[i] = static_cast<std::byte>(now_ms >> (8 * (kTimeBytes - 1 - i)) & 0xFF);
  }
  fill_random(MutableByteSpan(bytes).subspan(kTimeBytes));
  return to_base32(bytes);
}

bool is_id(std::string_view text) noexcept {
  return text.size() == kIdChars && text.front() <= '7' && std::ranges::all_of(text, [](char c) {
           return kAlphabet.find(c) != std::string_view::npos;
         });
}

std::string make_secret(unsigned bytes) {
  std::string random(bytes, '\0');
  fill_random(std::as_writable_bytes(std::span(random)));
  return to_base32(as_bytes(random));
}

}  // namespace sf

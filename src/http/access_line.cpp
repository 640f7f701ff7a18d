#include "access_line.hpp"

#include <array>
#include <charconv>
#include <cstring>

namespace sf::http {

namespace {

constexpr std::size_t kFixedBytesMax = 512;  // Keys, numbers, time, and names of ours.
constexpr std::size_t kNumberCharsMax = 20;
constexpr std::size_t kQuotedCharMax = 6;  // \u0000

template <std::size_t N>
char* put(char* out, const char (&literal)[N]) noexcept {
  std::memcpy(out, literal, N - 1);
  return out + N - 1;
}

char* put(char* out, std::string_view text) noexcept {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put(char* out, std::uint64_t number) noexcept {
  return std::to_chars(out, out + kNumberCharsMax, number).ptr;
}

char* put_status(char* out, int status) noexcept {
  return put(out, static_cast<std::uint64_t>(status));
}

/// Microseconds as milliseconds, without zeros at the end.
char* put_ms(char* out, std::uint64_t us) noexcept {
  out = put(out, us / 1000);
  unsigned rest = static_cast<unsigned>(us % 1000);
  if (rest == 0) return out;
  *out++ = '.';
  for (unsigned place = 100; rest != 0; place /= 10) {
    *out++ = static_cast<char>('0' + rest / place);
    rest %= place;
  }
  return out;
}

enum Kind : std::uint8_t { kPlain = 0, kOdd = 1, kEquals = 2 };
constexpr std::array<std::uint8_t, 256> kKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (unsigned c = 0; c < kinds.size(); ++c) {
    const bool odd = c <= ' ' || c >= 0x7F || c == '"' || c == '\\';
    kinds[c] = odd ? kOdd : c == '=' ? kEquals : kPlain;
  }
  return kinds;
}();

/// Text from outside. What has nothing to be escaped, which is most of it, is copied.
char* put_value(char* out, log::Format format, std::string_view text) {
  unsigned kinds = text.empty() ? kOdd : kPlain;
  for (const char c : text) kinds |= kKinds[static_cast<unsigned char>(c)];
  if ((kinds & kOdd) != 0) {
    std::string quoted;
    log::append_value(quoted, format, text);
    return put(out, quoted);
  }
  const bool bare = format == log::Format::kText && (kinds & kEquals) == 0;
  if (!bare) *out++ = '"';
  out = put(out, text);
  if (!bare) *out++ = '"';
  return out;
}

char* put_text(char* out, const AccessLine& line, std::string_view what) {
  out = log::put_time(out, line.wall_time_ms);
  out = put(out, " INFO  http  ");
  out = put(out, what);
  out = put(put(out, " method="), line.method);
  out = put_value(put(out, " target="), log::Format::kText, line.target);
  out = put(put(out, " protocol="), name_of(line.version));
  out = put_status(put(out, " status="), line.status);
  out = put(put(out, " bytes="), line.bytes);
  out = put_ms(put(out, " ms="), line.took_ns / 1000);
  out = put_value(put(out, " peer="), log::Format::kText, line.peer);
  out = put(put(out, " request_id="), line.request_id);
  return put(put(put(out, " ended="), line.ended), "\n");
}

char* put_json(char* out, const AccessLine& line, std::string_view what) {
  out = log::put_time(put(out, R"({"time":")"), line.wall_time_ms);
  out = put(put(out, R"(","level":"info","room":"http","message":")"), what);
  out = put(put(out, R"(","method":")"), line.method);
  out = put_value(put(out, R"(","target":)"), log::Format::kJson, line.target);
  out = put(put(out, R"(,"protocol":")"), name_of(line.version));
  out = put_status(put(out, R"(","status":)"), line.status);
  out = put(put(out, R"(,"bytes":)"), line.bytes);
  out = put_ms(put(out, R"(,"ms":)"), line.took_ns / 1000);
  out = put_value(put(out, R"(,"peer":)"), log::Format::kJson, line.peer);
  out = put(put(out, R"(,"request_id":")"), line.request_id);
  return put(put(put(out, R"(","ended":")"), line.ended), "\"}\n");
}

}  // namespace

std::size_t access_line_bytes_max(const AccessLine& line) noexcept {
  return kFixedBytesMax + kQuotedCharMax * (line.target.size() + line.peer.size());
}

char* put_access_line(char* out, log::Format format, const AccessLine& line) {
  const std::string_view what = line.target.empty() ? "refused" : "request";
  return format == log::Format::kText ? put_text(out, line, what) : put_json(out, line, what);
}

}  // namespace sf::http

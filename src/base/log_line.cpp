#include "log_line.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace sf::log {

namespace {

constexpr std::array<std::string_view, 4> kTextNames = {"DEBUG", "INFO ", "WARN ", "ERROR"};
constexpr std::array<std::string_view, 4> kJsonNames = {"debug", "info", "warn", "error"};

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string quoted(std::string_view text) {
  json::Writer writer;
  writer.value(text);
  return std::move(writer).take();
}

bool is_bare(char c) noexcept { return !is_control(c) && c != ' ' && c != '"' && c != '='; }

/// A bare word where nothing in it could be misread, else quoted as JSON does.
void append_word(std::string& out, std::string_view text) {
  const bool ascii = std::ranges::all_of(text, [](char c) { return c > 0; });
  if (!text.empty() && std::ranges::all_of(text, is_bare) && (ascii || is_utf8(text))) {
    out += text;
  } else {
    out += quoted(text);
  }
}

void append_time(std::string& out, std::int64_t wall_time_ms) {
  std::array<char, kTimeChars> text;
  put_time(text.data(), wall_time_ms);
  out.append(text.data(), text.size());
}

/// A flag or a whole number, which text and JSON spell alike.
void append_whole(std::string& out, const Field& field) {
  if (const auto* flag = std::get_if<bool>(&field.value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
    detail::append(out, *whole);
  } else {
    detail::append(out, std::get<std::uint64_t>(field.value));
  }
}

void append_text(std::string& out, const Line& line, std::initializer_list<Field> fields) {
  append_time(out, line.wall_time_ms);
  out += ' ';
  out += kTextNames[static_cast<std::size_t>(line.level)];
  out += ' ';
  out += line.room;
  out += "  ";
  const bool plain = is_utf8(line.message) && std::ranges::none_of(line.message, is_control);
  out += plain ? std::string(line.message) : quoted(line.message);
  for (const Field& field : fields) {
    out += ' ';
    out += field.key;
    out += '=';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_word(out, *text);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
      detail::append(out, *number);
    } else {
      append_whole(out, field);
    }
  }
}

void append_json(std::string& out, const Line& line, std::initializer_list<Field> fields) {
  out += R"({"time":")";
  append_time(out, line.wall_time_ms);
  out += R"(","level":")";
  out += kJsonNames[static_cast<std::size_t>(line.level)];
  out += R"(","room":")";
  out += line.room;
  out += R"(","message":)";
  out += quoted(line.message);
  for (const Field& field : fields) {
    out += ",\"";
    out += field.key;
    out += "\":";
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      out += quoted(*text);
    } else if (const auto* number = std::get_if<double>(&field.value)) {
      if (std::isfinite(*number)) {
        detail::append(out, *number);
      } else {
        out += "null";
      }
    } else {
      append_whole(out, field);
    }
  }
  out += '}';
}

}  // namespace

/// The calendar is asked once a second, for many lines come in one.
char* put_time(char* out, std::int64_t wall_time_ms) {
  constexpr std::size_t kToTheDot = 20;  // "2026-01-02T03:04:05."
  thread_local std::int64_t second = -1;
  thread_local std::array<char, kToTheDot> text{};
  if (wall_time_ms < 0) return std::ranges::copy(to_rfc3339(wall_time_ms), out).out;
  if (wall_time_ms / 1000 != second) {
    second = wall_time_ms / 1000;
    std::ranges::copy_n(to_rfc3339(second * 1000).begin(), kToTheDot, text.begin());
  }
  const auto ms = static_cast<int>(wall_time_ms % 1000);
  out = std::ranges::copy(text, out).out;
  for (const int digit : {ms / 100, ms / 10 % 10, ms % 10}) *out++ = static_cast<char>('0' + digit);
  *out++ = 'Z';
  return out;
}

void append_value(std::string& out, Format format, std::string_view text) {
  if (format == Format::kText) {
    append_word(out, text);
  } else {
    out += quoted(text);
  }
}

std::string format_line(Format format, const Line& line, std::initializer_list<Field> fields) {
  std::string out;
  if (format == Format::kText) {
    append_text(out, line, fields);
  } else {
    append_json(out, line, fields);
  }
  return out;
}

}  // namespace sf::log

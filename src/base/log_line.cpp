#include "log_line.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/json.hpp>

#include <algorithm>
#include <array>

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

/// A bare word where nothing in it could be misread, else quoted as JSON does.
void append_value(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && is_utf8(text) && std::ranges::none_of(text, [](char c) {
    return is_control(c) || c == ' ' || c == '"' || c == '=';
  });
  out += plain ? std::string(text) : quoted(text);
}

std::string format_text(const Line& line, std::initializer_list<Field> fields) {
  std::string out = concat(to_rfc3339(line.wall_time_ms), ' ',
                           kTextNames[static_cast<std::size_t>(line.level)], ' ', line.room, "  ");
  const bool plain = is_utf8(line.message) && std::ranges::none_of(line.message, is_control);
  out += plain ? std::string(line.message) : quoted(line.message);
  for (const Field& field : fields) {
    out += concat(' ', field.key, '=');
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_value(out, *text);
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
      out += *flag ? "true" : "false";
    } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
      detail::append(out, *whole);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) {
      detail::append(out, *natural);
    } else {
      detail::append(out, std::get<double>(field.value));
    }
  }
  return out;
}

std::string format_json(const Line& line, std::initializer_list<Field> fields) {
  json::Writer writer;
  writer.begin_object()
      .field("time", to_rfc3339(line.wall_time_ms))
      .field("level", kJsonNames[static_cast<std::size_t>(line.level)])
      .field("room", line.room)
      .field("message", line.message);
  for (const Field& field : fields) {
    writer.key(field.key);
    std::visit([&](const auto& value) { writer.value(value); }, field.value);
  }
  writer.end_object();
  return std::move(writer).take();
}

}  // namespace

std::string format_line(Format format, const Line& line, std::initializer_list<Field> fields) {
  return format == Format::kText ? format_text(line, fields) : format_json(line, fields);
}

}  // namespace sf::log

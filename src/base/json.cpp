#include <streamforge/base/json.hpp>

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>

#include <simdjson.h>

#include <cmath>
#include <limits>

#include "utf8.hpp"

namespace sf::json {

namespace {

constexpr std::size_t kDepthMax = 64;

namespace dom = simdjson::dom;

Value to_value(dom::element element);

Value to_value(dom::array from) {
  Value::Array items;
  items.reserve(from.size());
  for (const dom::element item : from) items.push_back(to_value(item));
  return Value(std::move(items));
}

Value to_value(dom::object from) {
  Value::Object members;
  for (const dom::key_value_pair member : from) {
    members.insert_or_assign(std::string(member.key), to_value(member.value));
  }
  return Value(std::move(members));
}

/// Every `get` below matches the type asked for one line above, so its error is never set.
template <class T>
T unwrap(dom::element element) {
  T value{};
  const simdjson::error_code error = element.get(value);
  SF_ASSERT(error == simdjson::SUCCESS);
  return value;
}

Value to_value(dom::element element) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return to_value(unwrap<dom::array>(element));
    case dom::element_type::OBJECT:
      return to_value(unwrap<dom::object>(element));
    case dom::element_type::INT64:
      return Value(unwrap<std::int64_t>(element));
    case dom::element_type::UINT64:
      return Value(unwrap<std::uint64_t>(element));
    case dom::element_type::DOUBLE:
      return Value(unwrap<double>(element));
    case dom::element_type::STRING:
      return Value(std::string(unwrap<std::string_view>(element)));
    case dom::element_type::BOOL:
      return Value(unwrap<bool>(element));
    default:
      return {};
  }
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (const auto short_form = std::string_view("\"\\\b\f\n\r\t").find(c);
        short_form != std::string_view::npos) {
      out.push_back('\\');
      out.push_back("\"\\bfnrt"[short_form]);
      ++at;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
      ++at;
    } else if (const std::size_t length = utf8_length_at(text, at); length > 0) {
      out.append(text.substr(at, length));
      at += length;
    } else {
      out.append("\xEF\xBF\xBD");  // U+FFFD: names from media files and peers may be anything.
      ++at;
    }
  }
  out.push_back('"');
}

}  // namespace

const Value* Value::find(std::string_view key) const noexcept {
  const auto& members = object();
  const auto it = members.find(key);
  return it == members.end() ? nullptr : &it->second;
}

std::optional<bool> Value::as_bool() const noexcept {
  const auto* flag = std::get_if<bool>(&data_);
  return flag ? std::optional(*flag) : std::nullopt;
}

std::optional<std::int64_t> Value::as_int() const noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&data_)) return *number;
  if (const auto* number = std::get_if<std::uint64_t>(&data_);
      number && *number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return static_cast<std::int64_t>(*number);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Value::as_uint() const noexcept {
  if (const auto* number = std::get_if<std::uint64_t>(&data_)) return *number;
  if (const auto* number = std::get_if<std::int64_t>(&data_); number && *number >= 0) {
    return static_cast<std::uint64_t>(*number);
  }
  return std::nullopt;
}

std::optional<double> Value::as_double() const noexcept {
  if (const auto* number = std::get_if<double>(&data_)) return *number;
  if (const auto* number = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<std::uint64_t>(&data_)) return static_cast<double>(*number);
  return std::nullopt;
}

std::optional<std::string_view> Value::as_string() const noexcept {
  const auto* text = std::get_if<std::string>(&data_);
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

const Value::Array& Value::array() const noexcept {
  static const Array empty;
  const auto* items = std::get_if<Array>(&data_);
  return items ? *items : empty;
}

const Value::Object& Value::object() const noexcept {
  static const Object empty;
  const auto* members = std::get_if<Object>(&data_);
  return members ? *members : empty;
}

std::string Value::string_at(std::string_view key, std::string_view otherwise) const {
  const Value* member = find(key);
  return std::string(member ? member->as_string().value_or(otherwise) : otherwise);
}

std::int64_t Value::int_at(std::string_view key, std::int64_t otherwise) const {
  const Value* member = find(key);
  return member ? member->as_int().value_or(otherwise) : otherwise;
}

std::uint64_t Value::uint_at(std::string_view key, std::uint64_t otherwise) const {
  const Value* member = find(key);
  return member ? member->as_uint().value_or(otherwise) : otherwise;
}

double Value::double_at(std::string_view key, double otherwise) const {
  const Value* member = find(key);
  return member ? member->as_double().value_or(otherwise) : otherwise;
}

bool Value::bool_at(std::string_view key, bool otherwise) const {
  const Value* member = find(key);
  return member ? member->as_bool().value_or(otherwise) : otherwise;
}

Result<Value> parse(std::string_view text) {
  dom::parser parser;
  // simdjson counts one level more than the deepest container.
  simdjson::error_code error = parser.allocate(text.size() + 1, kDepthMax + 1);
  dom::element root;
  if (error == simdjson::SUCCESS) error = parser.parse(text.data(), text.size()).get(root);
  if (error != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalidArgument, concat("not JSON: ", simdjson::error_message(error)));
  }
  return to_value(root);
}

void Writer::separate() {
  if (need_comma_) out_.push_back(',');
  need_comma_ = true;
}

Writer& Writer::begin_object() {
  separate();
  out_.push_back('{');
  need_comma_ = false;
  return *this;
}

Writer& Writer::end_object() {
  out_.push_back('}');
  need_comma_ = true;
  return *this;
}

Writer& Writer::begin_array() {
  separate();
  out_.push_back('[');
  need_comma_ = false;
  return *this;
}

Writer& Writer::end_array() {
  out_.push_back(']');
  need_comma_ = true;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  separate();
  append_escaped(out_, name);
  out_.push_back(':');
  need_comma_ = false;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  separate();
  append_escaped(out_, text);
  return *this;
}

Writer& Writer::value(bool flag) { return raw(flag ? "true" : "false"); }
Writer& Writer::value(std::int64_t number) { return raw(concat(number)); }
Writer& Writer::value(std::uint64_t number) { return raw(concat(number)); }
Writer& Writer::value(double number) {
  return std::isfinite(number) ? raw(concat(number)) : null();
}
Writer& Writer::null() { return raw("null"); }

Writer& Writer::raw(std::string_view text) {
  separate();
  out_.append(text);
  return *this;
}

}  // namespace sf::json

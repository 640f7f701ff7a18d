#pragma once

/// JSON in and out. Reading parses into a small tree of our own (simdjson does the parsing and is
/// not seen here); writing appends to one string. Both are for control data: requests, records and
/// events, never for media. Any thread, no sharing.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace sf::json {

/// One parsed value; owns everything below it.
class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::map<std::string, Value, std::less<>>;

  Value() = default;
  template <class T>
    requires(std::is_same_v<T, bool> || std::is_same_v<T, std::int64_t> ||
             std::is_same_v<T, std::uint64_t> || std::is_same_v<T, double> ||
             std::is_same_v<T, std::string> || std::is_same_v<T, Array> ||
             std::is_same_v<T, Object>)
  explicit Value(T value) : data_(std::move(value)) {}

  [[nodiscard]] bool is_null() const noexcept {
    return std::holds_alternative<std::monostate>(data_);
  }
  [[nodiscard]] bool is_object() const noexcept { return std::holds_alternative<Object>(data_); }
  [[nodiscard]] bool is_array() const noexcept { return std::holds_alternative<Array>(data_); }
  [[nodiscard]] bool is_string() const noexcept {
    return std::holds_alternative<std::string>(data_);
  }

  /// The member called `key`, or nullptr when there is none or this is no object.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;

  /// This value as T, nullopt when it is of another type or does not fit. Integers are read from
  /// integers only; doubles from either.
  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> as_int() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> as_uint() const noexcept;
  [[nodiscard]] std::optional<double> as_double() const noexcept;
  [[nodiscard]] std::optional<std::string_view> as_string() const noexcept;
  [[nodiscard]] const Array& array() const noexcept;    ///< Empty when this is no array.
  [[nodiscard]] const Object& object() const noexcept;  ///< Empty when this is no object.

  /// A member of an object by type, with a default: the usual way to read a record.
  [[nodiscard]] std::string string_at(std::string_view key, std::string_view otherwise = {}) const;
  [[nodiscard]] std::int64_t int_at(std::string_view key, std::int64_t otherwise = 0) const;
  [[nodiscard]] std::uint64_t uint_at(std::string_view key, std::uint64_t otherwise = 0) const;
  [[nodiscard]] double double_at(std::string_view key, double otherwise = 0) const;
  [[nodiscard]] bool bool_at(std::string_view key, bool otherwise = false) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
               Object>
      data_;
};

/// Strict RFC 8259, UTF-8, nesting at most 64. kInvalidArgument names the fault. Of equal
/// keys the last one counts.
[[nodiscard]] Result<Value> parse(std::string_view text);

/// Appends one JSON text. Commas are placed by the writer; keys must be given inside objects.
///   json::Writer w;  w.begin_object().field("id", id).key("tags").begin_array()…
class Writer {
 public:
  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(bool flag);
  Writer& value(std::int64_t number);
  Writer& value(std::uint64_t number);
  Writer& value(int number) { return value(std::int64_t{number}); }
  Writer& value(unsigned number) { return value(std::uint64_t{number}); }
  /// Not finite becomes null; shortest form that reads back the same.
  Writer& value(double number);
  Writer& null();
  /// `text` is JSON already.
  Writer& raw(std::string_view text);
  template <class T>
  Writer& field(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }
  template <class T>
  Writer& field(std::string_view name, const std::optional<T>& content) {
    key(name);
    return content ? value(*content) : null();
  }

  [[nodiscard]] std::string_view text() const noexcept { return out_; }
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  void separate();
  std::string out_;
  bool need_comma_ = false;
};

}  // namespace sf::json

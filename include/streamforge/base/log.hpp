#pragma once

/// The log: one line an event, a message for people and fields for machines, to stderr and, when
/// opened, a rotated file. Writing never blocks a reactor: lines go through a bounded queue to one
/// thread, and lines that do not fit are counted and said. Any thread.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace sf::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class Format : std::uint8_t { kText, kJson };

struct Options {
  Level level = Level::kInfo;
  Format format = Format::kText;
  /// Also write to this file, rotated at 16 MiB, 5 kept. Empty: stderr only.
  std::string file;
};

/// Once, before threads start. Without it lines go to stderr as text, synchronously.
[[nodiscard]] Result<> start(const Options& options);
/// Writes out what is queued. Called before exit.
void stop() noexcept;
void set_level(Level level) noexcept;

/// One field; borrows its text, which must live until the call returns.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  Field(std::string_view k, T v) : key(k) {
    if constexpr (std::is_signed_v<T>) {
      value = static_cast<std::int64_t>(v);
    } else {
      value = static_cast<std::uint64_t>(v);
    }
  }
};

/// `room` is the room that speaks: "tus". Message without a full stop.
void write(Level level, std::string_view room, std::string_view message,
           std::initializer_list<Field> fields = {});

/// Lines that one thread writes together: for what is said thousands of times a second. Whoever
/// adds to it flushes it when it is full, and soon when it is not.
class Batch {
 public:
  Batch() noexcept = default;
  Batch(const Batch&) = delete;
  ~Batch() { flush(); }

  /// As `write`, at level info.
  void add(std::string_view room, std::string_view message, std::initializer_list<Field> fields);
  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
  [[nodiscard]] bool full() const noexcept { return lines_.size() >= kBytes; }
  void flush() noexcept;

 private:
  static constexpr std::size_t kBytes = 8192;
  std::string lines_;  ///< Without the last newline.
};

inline void debug(std::string_view room, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  write(Level::kDebug, room, message, fields);
}
inline void info(std::string_view room, std::string_view message,
                 std::initializer_list<Field> fields = {}) {
  write(Level::kInfo, room, message, fields);
}
inline void warn(std::string_view room, std::string_view message,
                 std::initializer_list<Field> fields = {}) {
  write(Level::kWarn, room, message, fields);
}
inline void error(std::string_view room, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
  write(Level::kError, room, message, fields);
}

}  // namespace sf::log

#pragma once

/// The log: one line an event, a message for people and fields for machines, to stderr and, when
/// opened, a rotated file; batches of lines, said thousands of times a second, go to a file of
/// their own. Writing never blocks a reactor: lines go through a bounded queue to one thread, and
/// lines that do not fit are counted and said. Any thread.

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
  /// What batches go to, rotated likewise. Empty: stderr.
  std::string batch_file;
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
/// adds to it puts the lines' text there himself, where it is written from, and flushes it soon.
/// Whatever the level is.
class Batch {
 public:
  static constexpr std::size_t kBytes = 65536;

  Batch() noexcept = default;
  Batch(const Batch&) = delete;
  ~Batch() { flush(); }

  /// Where a line of so many bytes can be put, its newline included; flushes when it is full.
  [[nodiscard]] char* room(std::size_t bytes) {
    if (text_.size() - used_ < bytes) make_room(bytes);
    return text_.data() + used_;
  }
  /// A line was put into the room, up to here.
  void add(const char* end) noexcept {
    used_ = static_cast<std::size_t>(end - text_.data());
    ++lines_;
  }
  [[nodiscard]] bool empty() const noexcept { return lines_ == 0; }
  void flush() noexcept;

 private:
  void make_room(std::size_t bytes);

  std::string text_;  ///< Its size is that of the room.
  std::size_t used_ = 0;
  unsigned lines_ = 0;
};

// For who puts lines into a batch.
/// What lines are written in.
[[nodiscard]] Format format() noexcept;
inline constexpr std::size_t kTimeChars = 24;
/// As to_rfc3339 does; the end of it.
char* put_time(char* out, std::int64_t wall_time_ms);
/// The text of a field: as it is, or quoted.
void append_value(std::string& out, Format format, std::string_view text);

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

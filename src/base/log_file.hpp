#pragma once

/// A file that whole lines are added to, and those before it: x.log, x.1.log and so on. One thread.

#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace sf::log {

class LogFile {
 public:
  static constexpr std::uint64_t kBytesMax = 16 * 1024 * 1024;
  static constexpr unsigned kKept = 5;

  [[nodiscard]] static Result<LogFile> open(std::string path);
  /// Begins another file when this one would be over kBytesMax. False: not all of it was taken.
  bool write(std::string_view lines);

 private:
  explicit LogFile(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::string name(unsigned age) const;
  void rotate();

  std::string path_;
  UniqueFd fd_;
  std::uint64_t bytes_ = 0;
};

}  // namespace sf::log

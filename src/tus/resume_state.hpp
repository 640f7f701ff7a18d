#pragma once

/// What the uploader remembers of an unfinished upload between runs: one small file for each
/// (server, path, size, modification time), so that a changed file starts anew. Blocking.

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

namespace sf::tus {

class ResumeState {
 public:
  /// `dir` empty: nothing is remembered. Nor is it an error when the folder cannot be written.
  ResumeState(std::string dir, std::string_view server, const std::string& file,
              const struct stat& info);

  /// Where the upload stands on the server, as `remember` was told.
  [[nodiscard]] std::optional<std::string> location() const;
  void remember(std::string_view location) const;
  void forget() const;

 private:
  std::string path_;  ///< Empty: nowhere.
};

}  // namespace sf::tus

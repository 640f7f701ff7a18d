#pragma once

/// What the uploader remembers of an unfinished upload between runs: one small JSON file for each
/// (server, path). It survives kill -9 and power loss between any two requests. Blocking; one
/// thread at a time.

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "part_plan.hpp"

namespace sf::tus {

/// An upload on its way: how it was cut and what the server called the pieces.
struct UploadState {
  struct Part {
    ByteRange range;
    std::string location;  ///< Empty until the server has answered its creation.

    bool operator==(const Part&) const = default;
  };

  std::string group;  ///< The parts' name for each other; empty: one plain upload, one part.
  std::vector<Part> parts;

  bool operator==(const UploadState&) const = default;
};

class ResumeState {
 public:
  /// `dir` empty: nothing is remembered.
  ResumeState(std::string dir, std::string_view server, const std::string& file,
              const struct stat& info);

  /// Nullopt when there is nothing, or nothing of this file as it is now (size, modification time).
  [[nodiscard]] std::optional<UploadState> load() const;
  /// Whether something of this path is remembered, be it of a file that has changed since.
  [[nodiscard]] bool exists() const;
  [[nodiscard]] Result<> save(const UploadState& upload) const;
  void forget() const;

 private:
  std::string path_;  ///< Empty: nowhere.
  std::string file_;  ///< For people who look into the folder.
  std::string version_;
};

}  // namespace sf::tus

#pragma once

/// The folder that `streamforge transcode` fills. Every call blocks: for the offload pool, or
/// before a reactor runs. Names are ours ("720p/3.ts"), below the folder.

#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <string>
#include <string_view>

namespace sf::transcode {

/// A file without a name, or with a hidden one where the file system has no other.
struct Unnamed {
  UniqueFd file;
  std::string hidden;
};

class OutputDir {
 public:
  /// Makes the folder when it is missing and locks its manifest: kConflict when another run has it.
  static Result<OutputDir> open(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Result<std::string> manifest() const;
  [[nodiscard]] Result<> append_manifest(std::string_view line) const;
  [[nodiscard]] Result<> clear_manifest() const;

  [[nodiscard]] Result<Unnamed> make_unnamed() const;
  /// Syncs it and gives it its name, replacing what was there.
  [[nodiscard]] Result<> publish(const Unnamed& unnamed, const std::string& name) const;
  [[nodiscard]] Result<> write(const std::string& name, std::string_view text) const;
  [[nodiscard]] Result<UniqueFd> open_file(const std::string& name, int flags) const;
  [[nodiscard]] Result<std::string> read(const std::string& name, std::size_t bytes_max) const;
  /// Size of a file; kNotFound when there is none.
  [[nodiscard]] Result<std::uint64_t> size(const std::string& name) const;
  void remove(const std::string& name) const;       ///< One file.
  void remove_tree(const std::string& name) const;  ///< A track's folder.

 private:
  void remove_leftovers() const;

  std::string path_;
  UniqueFd dir_;
  UniqueFd manifest_;  ///< Locked while this lives.
};

}  // namespace sf::transcode

#include "resume_state.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/digest.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sf::tus {

namespace fs = std::filesystem;

ResumeState::ResumeState(std::string dir, std::string_view server, const std::string& file,
                         const struct stat& info) {
  if (dir.empty()) return;
  std::error_code failed;
  const fs::path whole = fs::canonical(file, failed);
  const std::string key =
      concat(server, '\n', failed ? file : whole.string(), '\n', std::int64_t{info.st_size}, '\n',
             std::int64_t{info.st_mtim.tv_sec}, '.', std::int64_t{info.st_mtim.tv_nsec});
  path_ = concat(dir, "/upload-", sha256_hex(as_bytes(key)).substr(0, 32));
}

std::optional<std::string> ResumeState::location() const {
  if (path_.empty()) return std::nullopt;
  std::ifstream in(path_);
  std::string line;
  if (!std::getline(in, line) || line.empty()) return std::nullopt;
  return line;
}

void ResumeState::remember(std::string_view location) const {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::create_directories(fs::path(path_).parent_path(), ignored);
  const std::string aside = concat(path_, '.', std::int64_t{::getpid()});
  std::ofstream(aside) << location << '\n';
  fs::rename(aside, path_, ignored);
}

void ResumeState::forget() const {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

}  // namespace sf::tus

#include "resume_state.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/base/write_whole.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sf::tus {

namespace fs = std::filesystem;

namespace {

std::string to_json(std::string_view file, std::string_view version, const UploadState& upload) {
  json::Writer out;
  out.begin_object().field("file", file).field("version", version).field("group", upload.group);
  out.key("parts").begin_array();
  for (const auto& part : upload.parts) {
    out.begin_object().field("begin", part.range.begin).field("end", part.range.end);
    out.field("location", part.location).end_object();
  }
  out.end_array().end_object();
  return std::move(out).take() + '\n';
}

/// Written and synced, so that a rename puts a whole file in the old one's place.
Result<> save_synced(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const std::string what = concat("write ", path);
  if (!file) return fail_errno(errno, what);
  if (auto wrote = write_whole(file.get(), as_bytes(text), what); !wrote) return wrote;
  if (::fsync(file.get()) != 0) return fail_errno(errno, what);
  return {};
}

}  // namespace

ResumeState::ResumeState(std::string dir, std::string_view server, const std::string& file,
                         const struct stat& info) {
  if (dir.empty()) return;
  std::error_code failed;
  const fs::path whole = fs::canonical(file, failed);
  file_ = failed ? file : whole.string();
  version_ = concat(std::int64_t{info.st_size}, " bytes of ", std::int64_t{info.st_mtim.tv_sec},
                    '.', std::int64_t{info.st_mtim.tv_nsec});
  const std::string key = concat(server, '\n', file_);
  path_ = concat(dir, "/upload-", sha256_hex(as_bytes(key)).substr(0, 32), ".json");
}

std::optional<UploadState> ResumeState::load() const {
  if (!exists()) return std::nullopt;
  std::ifstream in(path_);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto read = json::parse(text);
  if (!read || read->string_at("version") != version_) return std::nullopt;
  UploadState upload;
  upload.group = read->string_at("group");
  if (const auto* parts = read->find("parts")) {
    for (const auto& part : parts->array()) {
      upload.parts.push_back(
          {{part.uint_at("begin"), part.uint_at("end")}, part.string_at("location")});
    }
  }
  if (upload.parts.empty()) return std::nullopt;
  return upload;
}

bool ResumeState::exists() const {
  std::error_code ignored;
  return !path_.empty() && fs::exists(path_, ignored);
}

Result<> ResumeState::save(const UploadState& upload) const {
  if (path_.empty()) return {};
  std::error_code failed;
  fs::create_directories(fs::path(path_).parent_path(), failed);
  const std::string aside = concat(path_, '.', std::int64_t{::getpid()});
  if (auto written = save_synced(aside, to_json(file_, version_, upload)); !written) return written;
  fs::rename(aside, path_, failed);
  if (failed) return fail_errno(failed.value(), concat("write ", path_));
  return {};
}

void ResumeState::forget() const {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

}  // namespace sf::tus

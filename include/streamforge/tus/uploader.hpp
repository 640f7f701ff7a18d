#pragma once

/// The other side: uploads a file to any tus 1.0.0 server from a terminal. Blocking.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace sf::tus {

struct UploadOrder {
  std::string file;
  std::string base_url;    ///< "http://HOST:PORT"
  std::string token;       ///< Bearer; empty under --open.
  std::string title;       ///< Empty: from the file's name.
  std::string visibility;  ///< Empty: the server's default.
  /// The folder where unfinished uploads are remembered between runs; empty: nowhere.
  std::string state_dir;
};
struct UploadOutcome {
  std::string id;
  std::string watch_url;
  std::uint64_t bytes = 0;
};
/// Continues where an earlier run of the same file (path, size, time) to the same server stopped.
/// Network errors and 409, 423, 5xx are retried with back-off for ten minutes without progress.
/// `on_progress(sent, total)` returning false stops with kCancelled (the next run continues).
[[nodiscard]] Result<UploadOutcome> upload(
    const UploadOrder& order,
    const std::function<bool(std::uint64_t sent, std::uint64_t total)>& on_progress);

}  // namespace sf::tus

#pragma once

/// What was said about each video while it was transcoded: DIR/log/{video}.log, for the person who
/// asks why. Lines are handed over on any thread and written by one of its own, so that nobody
/// waits for the disk. A file keeps its newest limits::kVideoLogBytesMax bytes or less.

#include <streamforge/io/offload.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace sf::transcode {

class VideoLog {
 public:
  /// `dir` is made when missing. Empty: nothing is written.
  explicit VideoLog(std::string dir);
  ~VideoLog();  ///< Writes what is queued.
  VideoLog(const VideoLog&) = delete;

  /// One line, stamped with the time. Unprintable bytes become '?': the text comes from a process
  /// that reads hostile files. Lines over the bound of what may wait are dropped and counted.
  void write(const std::string& video, std::string_view line);
  void remove(const std::string& video);

 private:
  struct Pending {
    std::string text;
    std::uint64_t dropped = 0;
    bool removed = false;  ///< Before `text`.
  };
  void schedule();
  void flush();
  void append(const std::string& video, const Pending& pending) const;

  const std::string dir_;
  std::mutex mutex_;
  std::map<std::string, Pending> pending_;   // Guarded by mutex_.
  std::size_t pending_bytes_ = 0;            // Guarded by mutex_.
  bool scheduled_ = false;                   // Guarded by mutex_.
  std::unique_ptr<io::OffloadPool> writer_;  // Last: its thread uses all above.
};

/// `text` with every byte that is not printable ASCII or valid UTF-8 text made '?', cut to `max`.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max);

}  // namespace sf::transcode

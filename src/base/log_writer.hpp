#pragma once

/// The thread that writes the log, and the queue before it. Pieces of whole lines are written in
/// the order in which they were put: messages at once, batches with what else comes within a
/// moment, for to wake the thread costs as much as to write a hundred lines. What does not fit into
/// the queue is dropped, counted by the line, and said once a second. Any thread may put; it holds
/// a lock for a few moves and never waits for a disk.

#include <streamforge/base/log.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "log_file.hpp"

namespace sf::log {

enum class Stream : std::uint8_t { kMessages, kBatches };

struct Piece {
  Stream stream = Stream::kMessages;
  std::string text;  ///< Its first `bytes` are lines, each with its newline.
  std::size_t bytes = 0;
  unsigned lines = 0;
};

[[nodiscard]] inline std::string_view lines_of(const Piece& piece) noexcept {
  return {piece.text.data(), piece.bytes};
}

class Writer {
 public:
  static constexpr std::size_t kQueuedBytesMax = 16 * 1024 * 1024;
  /// Requests may come faster than a disk writes; messages have a place behind them all the same.
  static constexpr std::size_t kQueuedBatchBytesMax = kQueuedBytesMax / 2;
  /// Batches are written this long after what was written before, or when so much is queued.
  static constexpr std::chrono::milliseconds kGatheredFor{100};
  static constexpr std::size_t kGatheredBytes = 1024 * 1024;

  [[nodiscard]] Result<> start(const Options& options);
  /// Returns when everything that was put is written.
  void stop() noexcept;

  /// Takes the text, or drops and counts it. False, and nothing is taken: there is no thread.
  [[nodiscard]] bool put(Piece& piece);
  /// Memory of Batch::kBytes: that of a batch that is written, if there is one, for new memory is
  /// cleared first and faults at each page.
  [[nodiscard]] std::string buffer();

 private:
  [[nodiscard]] bool gather(const Piece& piece) noexcept;
  void run();
  /// Until there is something to be written or said, or the end.
  void await(std::unique_lock<std::mutex>& lock);
  void write(const Piece& piece);
  void say_dropped(std::uint64_t lines);
  void take_back(std::vector<Piece>& written);

  // The thread's own, once it runs.
  Format format_ = Format::kText;
  std::optional<LogFile> file_;
  std::optional<LogFile> batch_file_;
  std::uint64_t said_at_ns_ = 0;
  std::chrono::steady_clock::time_point written_at_;

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Under the lock.
  bool running_ = false;
  std::vector<Piece> queue_;
  std::size_t gathered_bytes_ = 0;  ///< Those of the queue.
  bool pressing_ = false;           ///< It is to be written at once.
  std::size_t queued_bytes_ = 0;    ///< Those that are being written included.
  std::uint64_t unsaid_ = 0;        ///< Lines that were dropped.
  std::vector<std::string> spare_;
};

}  // namespace sf::log

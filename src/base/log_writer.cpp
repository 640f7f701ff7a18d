#include "log_writer.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/base/write_whole.hpp>

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "log_line.hpp"

namespace sf::log {

namespace {

constexpr std::chrono::nanoseconds kSayDroppedEvery{1'000'000'000};

constexpr std::size_t kSpareMax = 2 * Writer::kGatheredBytes / Batch::kBytes;

metrics::Counter& dropped_lines() {
  static metrics::Counter& counter = metrics::counter(
      "streamforge_log_dropped_lines_total", "Log lines dropped because the queue was full.");
  return counter;
}

Result<> open_file(const std::string& path, std::optional<LogFile>& file) {
  file.reset();
  if (path.empty()) return {};
  auto opened = LogFile::open(path);
  if (!opened) return fail(std::move(opened.error()));
  file = std::move(*opened);
  return {};
}

}  // namespace

Result<> Writer::start(const Options& options) {
  const std::lock_guard lock(mutex_);
  if (running_) return fail(ErrorCode::kConflict, "the log is started already");
  if (auto opened = open_file(options.file, file_); !opened) return opened;
  if (auto opened = open_file(options.batch_file, batch_file_); !opened) return opened;
  format_ = options.format;
  running_ = true;
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "sf-log");
  return {};
}

void Writer::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(running_, false)) return;
  }
  wake_.notify_one();
  thread_.join();
}

bool Writer::put(Piece& piece) {
  const std::size_t bytes = piece.bytes;
  bool fits = false;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return false;
    fits = queued_bytes_ + bytes <=
           (piece.stream == Stream::kBatches ? kQueuedBatchBytesMax : kQueuedBytesMax);
    if (fits) {
      wake = gather(piece);
      queued_bytes_ += bytes;
      queue_.push_back(std::move(piece));
    } else {
      unsaid_ += piece.lines;
    }
  }
  if (wake) wake_.notify_one();
  if (!fits) dropped_lines().add(piece.lines);
  return true;
}

/// Is the thread to be woken for it? A message may be the last before a crash.
bool Writer::gather(const Piece& piece) noexcept {
  const bool first = queue_.empty();
  const bool pressed = pressing_;
  gathered_bytes_ += piece.bytes;
  pressing_ |= piece.stream == Stream::kMessages || gathered_bytes_ >= kGatheredBytes;
  return first || pressing_ != pressed;
}

std::string Writer::buffer() {
  {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      std::string again = std::move(spare_.back());
      spare_.pop_back();
      return again;
    }
  }
  return std::string(Batch::kBytes, '\0');
}

void Writer::run() {
  std::vector<Piece> taken;
  std::unique_lock lock(mutex_);
  for (;;) {
    await(lock);
    if (queue_.empty() && unsaid_ == 0) return;
    taken.swap(queue_);
    gathered_bytes_ = 0;
    pressing_ = false;
    const bool say = !running_ || mono_ns() - said_at_ns_ >=
                                      static_cast<std::uint64_t>(kSayDroppedEvery.count());
    const std::uint64_t dropped = say ? std::exchange(unsaid_, 0) : 0;
    lock.unlock();
    for (const Piece& piece : taken) write(piece);
    if (dropped > 0) say_dropped(dropped);
    written_at_ = std::chrono::steady_clock::now();
    lock.lock();
    take_back(taken);
  }
}

void Writer::await(std::unique_lock<std::mutex>& lock) {
  const auto any = [this] { return !queue_.empty() || !running_; };
  if (unsaid_ == 0) {
    wake_.wait(lock, any);
  } else {
    wake_.wait_for(lock, kSayDroppedEvery, any);
  }
  wake_.wait_until(lock, written_at_ + kGatheredFor, [this] { return pressing_ || !running_; });
}

void Writer::write(const Piece& piece) {
  std::optional<LogFile>& file = piece.stream == Stream::kBatches ? batch_file_ : file_;
  // Nobody can be told when stderr takes nothing.
  if (piece.stream == Stream::kMessages || !file) {
    (void)write_whole(STDERR_FILENO, as_bytes(lines_of(piece)));
  }
  if (file && !file->write(lines_of(piece))) dropped_lines().add(piece.lines);
}

void Writer::say_dropped(std::uint64_t lines) {
  said_at_ns_ = mono_ns();
  Piece piece;
  piece.text = format_line(format_, Line{wall_ms(), Level::kWarn, "base", "log lines dropped"},
                           {{"count", lines}});
  piece.text += '\n';
  piece.bytes = piece.text.size();
  piece.lines = 1;
  write(piece);
}

void Writer::take_back(std::vector<Piece>& written) {
  for (Piece& piece : written) {
    queued_bytes_ -= piece.bytes;
    const bool again = piece.text.size() == Batch::kBytes && spare_.size() < kSpareMax;
    if (again) spare_.push_back(std::move(piece.text));
  }
  written.clear();
}

}  // namespace sf::log

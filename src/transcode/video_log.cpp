#include "video_log.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/base/write_whole.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace sf::transcode {
namespace {

constexpr std::size_t kLineBytesMax = 1024;
constexpr std::size_t kPendingBytesMax = 256 * limits::kKiB;

// The newest `keep` bytes from a line's begin on.
std::string tail_of(int fd, std::uint64_t size, std::size_t keep) {
  std::string tail(keep, '\0');
  const ssize_t got = ::pread(fd, tail.data(), keep, static_cast<off_t>(size - keep));
  tail.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto line = tail.find('\n');
  return line == std::string::npos ? std::string() : tail.substr(line + 1);
}

}  // namespace

std::string printable(std::string_view text, std::size_t max) {
  text = text.substr(0, max);
  std::string out(text);
  const bool utf8 = is_utf8(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) c = '?';
  }
  return out;
}

VideoLog::VideoLog(std::string dir) : dir_(std::move(dir)) {
  if (dir_.empty()) return;
  ::mkdir(dir_.c_str(), 0750);
  writer_ = std::make_unique<io::OffloadPool>(1, "video-log");
}

VideoLog::~VideoLog() = default;

void VideoLog::write(const std::string& video, std::string_view line) {
  if (!writer_ || video.empty()) return;
  std::string text = concat(to_rfc3339(wall_ms()), ' ', printable(line, kLineBytesMax), '\n');
  const std::lock_guard lock(mutex_);
  Pending& pending = pending_[video];
  if (pending_bytes_ + text.size() > kPendingBytesMax) {
    ++pending.dropped;
  } else {
    pending_bytes_ += text.size();
    pending.text += text;
  }
  schedule();
}

void VideoLog::remove(const std::string& video) {
  if (!writer_) return;
  const std::lock_guard lock(mutex_);
  Pending& pending = pending_[video];
  pending_bytes_ -= pending.text.size();
  pending = {};
  pending.removed = true;
  schedule();
}

void VideoLog::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  writer_->submit([this] { flush(); });
}

void VideoLog::flush() {
  std::map<std::string, Pending> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(pending_);
    pending_bytes_ = 0;
    scheduled_ = false;
  }
  for (const auto& [video, pending] : taken) append(video, pending);
}

void VideoLog::append(const std::string& video, const Pending& pending) const {
  const std::string path = concat(dir_, '/', video, ".log");
  if (pending.removed) ::unlink(path.c_str());
  std::string text = pending.text;
  if (pending.dropped > 0) {
    text += concat(to_rfc3339(wall_ms()), " (", pending.dropped, " lines were not kept)\n");
  }
  if (text.empty()) return;
  const UniqueFd file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) < 0) return;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  constexpr std::size_t kKeep = limits::kVideoLogBytesMax / 2;
  if (size + text.size() > limits::kVideoLogBytesMax && size > kKeep) {
    const std::string tail = tail_of(file.get(), size, kKeep);
    if (::ftruncate(file.get(), 0) < 0) return;
    (void)write_whole(file.get(), as_bytes(tail));
  }
  // A log that cannot be written is not worth a failure.
  const auto kept = std::string_view(text).substr(text.size() > kKeep ? text.size() - kKeep : 0);
  (void)write_whole(file.get(), as_bytes(kept));
}

}  // namespace sf::transcode

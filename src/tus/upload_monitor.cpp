#include "upload_monitor.hpp"

#include <streamforge/base/clock.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace sf::tus {

namespace {

constexpr std::chrono::milliseconds kWaitStep{100};

}  // namespace

std::uint64_t now_ms() { return mono_ns() / 1'000'000; }

UploadMonitor::Line::Line(UploadMonitor& monitor) : monitor_(monitor) {
  const std::scoped_lock lock(monitor_.mutex_);
  monitor_.lines_.push_back(this);
}

UploadMonitor::Line::~Line() {
  const std::scoped_lock lock(monitor_.mutex_);
  std::erase(monitor_.lines_, this);
}

void UploadMonitor::Line::begin_body(std::size_t part, std::uint64_t offset) {
  const std::scoped_lock lock(monitor_.mutex_);
  part_ = part;
  offset_ = offset;
  left_bytes_ = 0;
}

bool UploadMonitor::Line::report_body(std::uint64_t bytes) {
  {
    const std::scoped_lock lock(monitor_.mutex_);
    if (part_ && bytes > left_bytes_) {
      monitor_.moved_bytes_ += bytes - left_bytes_;
      monitor_.sent_bytes_[*part_] = offset_ + bytes;
      left_bytes_ = bytes;
    }
  }
  return monitor_.report();
}

void UploadMonitor::Line::end_body() {
  const std::scoped_lock lock(monitor_.mutex_);
  part_.reset();
}

bool UploadMonitor::Line::wait(std::uint64_t until_ms, std::string trouble) {
  {
    const std::scoped_lock lock(monitor_.mutex_);
    retry_at_ms_ = until_ms;
    trouble_ = std::move(trouble);
  }
  bool goes_on = true;
  while (goes_on && now_ms() < until_ms) {
    std::this_thread::sleep_for(kWaitStep);
    goes_on = monitor_.report();
  }
  const std::scoped_lock lock(monitor_.mutex_);
  retry_at_ms_ = 0;
  return goes_on;
}

void UploadMonitor::expect_parts(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  sent_bytes_.assign(count, 0);
}

void UploadMonitor::set_sent(std::size_t part, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  sent_bytes_[part] = bytes;
}

std::uint64_t UploadMonitor::sent(std::size_t part) {
  const std::scoped_lock lock(mutex_);
  return sent_bytes_[part];
}

void UploadMonitor::set_asking(bool asking) {
  const std::scoped_lock lock(mutex_);
  asking_ = asking;
}

bool UploadMonitor::report() {
  const std::scoped_lock lock(mutex_);
  if (failure_) return false;
  if (observer_.on_progress && !observer_.on_progress(progress())) {
    failure_ = Error{ErrorCode::kCancelled, "interrupted; run it again to continue"};
  }
  return !failure_;
}

void UploadMonitor::notice(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  if (observer_.on_notice) observer_.on_notice(text);
}

void UploadMonitor::fail_with(Error error) {
  const std::scoped_lock lock(mutex_);
  if (!failure_) failure_ = std::move(error);
}

std::optional<Error> UploadMonitor::take_failure() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(failure_, std::nullopt);
}

UploadProgress UploadMonitor::progress() const {
  UploadProgress now{
      .total_bytes = total_bytes_, .moved_bytes = moved_bytes_, .sent_is_known = !asking_};
  for (const std::uint64_t bytes : sent_bytes_) now.sent_bytes += bytes;
  // Trouble is what all have: one that gets through is slower, not away.
  const Line* next = nullptr;
  for (const Line* line : lines_) {
    if (line->retry_at_ms_ == 0) return now;
    if (next == nullptr || line->retry_at_ms_ < next->retry_at_ms_) next = line;
  }
  if (next == nullptr) return now;
  now.trouble = next->trouble_;
  now.retry_in_ms = next->retry_at_ms_ - std::min(next->retry_at_ms_, now_ms());
  return now;
}

}  // namespace sf::tus

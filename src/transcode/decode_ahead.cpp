#include "decode_ahead.hpp"

#include <utility>

namespace sf::transcode {
namespace {

// At most so much is decoded and not used yet: eight pictures of 1080p.
constexpr std::int64_t kAheadPixels = std::int64_t{8} * 1920 * 1088;

std::int64_t pixels_of(const Result<std::optional<Picture>>& picture) {
  if (!picture || !*picture || (*picture)->frame == nullptr) return 0;
  return std::int64_t{(*picture)->frame->width} * (*picture)->frame->height;
}

}  // namespace

DecodeAhead::DecodeAhead(Source source, std::int64_t until_ticks)
    : source_(std::move(source)), until_ticks_(until_ticks), thread_([this] { run(); }) {}

DecodeAhead::~DecodeAhead() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool DecodeAhead::is_last(const Result<std::optional<Picture>>& picture) const {
  return !picture || !*picture || (*picture)->pts_ticks >= until_ticks_;
}

void DecodeAhead::run() {
  try {
    for (bool last = false; !last;) {
      auto picture = source_();
      last = is_last(picture);
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || pixels_ < kAheadPixels; });
      if (stopped_) return;
      pixels_ += pixels_of(picture);
      ready_.push_back(std::move(picture));
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    thrown_ = std::current_exception();
    changed_.notify_all();
  }
}

Result<std::optional<Picture>> DecodeAhead::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return thrown_ || !ready_.empty(); });
  if (ready_.empty()) std::rethrow_exception(thrown_);
  auto picture = std::move(ready_.front());
  ready_.pop_front();
  pixels_ -= pixels_of(picture);
  changed_.notify_all();
  return picture;
}

}  // namespace sf::transcode

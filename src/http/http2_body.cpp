#include "http2_body.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <cstring>

#include "http2_driver.hpp"

namespace sf::http {

struct Http2Body::Waiting {
  Http2Body& body;
  bool await_ready() const noexcept { return body.due_; }
  void await_suspend(std::coroutine_handle<> reader) const noexcept { body.reader_ = reader; }
  void await_resume() const noexcept {}
};

io::Task<Result<std::size_t>> Http2Body::take(MutableByteSpan into, bool all) {
  SF_ASSERT(!into.empty() && into_.empty());
  const std::size_t at_once = take_kept(into);
  if (at_once == into.size() || (at_once > 0 && !all)) co_return at_once;
  if (ended_ || (failure_ && at_once > 0)) co_return at_once;
  if (failure_) co_return std::unexpected(*failure_);

  into_ = into;
  filled_ = at_once;
  all_ = all;
  prepare_to_wait();
  Waiting waiting{*this};
  co_await waiting;
  stall_timer_.cancel();
  const std::size_t got = filled_;
  into_ = {};
  if (got > 0 || ended_) co_return got;
  if (timed_out_) failure_ = Error{ErrorCode::kTimedOut, "read: the peer took too long"};
  if (failure_) co_return std::unexpected(*failure_);
  co_return sf::fail(ErrorCode::kCancelled, "read: interrupted");
}

void Http2Body::prepare_to_wait() {
  due_ = timed_out_ = false;
  if (std::exchange(expects_continue_, false)) driver_.send_continue(stream_);
  // Bodies that fit into the window that every stream has need no other.
  const bool large = !length_ || *length_ > limits::kHttp2BodyWindowBytes / 16;
  if (large && !std::exchange(window_grown_, true)) driver_.grow_window(stream_);
  stall_timer_.arm(driver_.reactor().timers(), driver_.options().body_stall_timeout_ms, [this] {
    timed_out_ = true;
    due();
  });
}

std::size_t Http2Body::take_kept(MutableByteSpan into) {
  const std::size_t bytes = std::min(into.size(), kept_bytes());
  if (bytes == 0) return 0;
  std::memcpy(into.data(), kept_.data() + kept_at_, bytes);
  kept_at_ += bytes;
  if (kept_bytes() == 0) {
    kept_ = {};
    kept_at_ = 0;
  }
  driver_.consume(stream_, bytes);
  return bytes;
}

void Http2Body::receive(ByteSpan bytes) {
  received_ += bytes.size();
  if (received_ > driver_.options().body_bytes_max) {
    fail(Error{ErrorCode::kTooLarge,
               concat("the body is over ", driver_.options().body_bytes_max, " bytes")});
  }
  if (failure_) return driver_.consume(stream_, bytes.size());
  if (!into_.empty() && !timed_out_) {
    const std::size_t direct = std::min(bytes.size(), into_.size() - filled_);
    std::memcpy(into_.data() + filled_, bytes.data(), direct);
    filled_ += direct;
    bytes = bytes.subspan(direct);
    driver_.consume(stream_, direct);
    stall_timer_.rearm(driver_.options().body_stall_timeout_ms);
    if (!all_ || filled_ == into_.size()) due();
  }
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
}

void Http2Body::add_trailer(std::string name, std::string value) {
  trailers_.add(std::move(name), std::move(value));
}

void Http2Body::end() {
  ended_ = true;
  due();
}

void Http2Body::fail(Error error) {
  if (!ended_ && !failure_) failure_ = std::move(error);
  due();
}

void Http2Body::interrupt_read() noexcept { due(); }

void Http2Body::due() noexcept {
  if (into_.empty()) return;
  due_ = true;
  driver_.wake_soon(stream_);
}

void Http2Body::wake() {
  if (reader_ && due_) std::exchange(reader_, nullptr).resume();
}

}  // namespace sf::http

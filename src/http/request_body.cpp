#include "request_body.hpp"

#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <cstring>

namespace sf::http {

namespace {

/// What a handler may leave unread before the connection is the cheaper thing to give up.
constexpr std::uint64_t kDrainBytesMax = 64 * limits::kKiB;
/// Bodies that may still come in one receive are not worth ending the multishot receive for.
constexpr std::uint64_t kStraightBytesMin = limits::kRecvBufferBytes;
/// A body that comes in pieces as small as this is read so many bytes at a time.
constexpr std::size_t kCrumbBytesMax = 512;
constexpr std::uint64_t kCrumbsTogetherBytes = 4096;
/// For what has come meanwhile to be read: it is there.
constexpr std::uint32_t kUnwaitedMs = 1000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

RequestBody::RequestBody(net::Connection& connection, Inbound& inbound, const RequestHead& head,
                         const ServerOptions& options)
    : connection_(connection),
      inbound_(inbound),
      options_(options),
      framing_(head.framing),
      content_length_(head.content_length),
      expects_continue_(head.expects_continue) {
  if (framing_ == Framing::kNone) take_end();
}

std::optional<std::uint64_t> RequestBody::length() const noexcept {
  if (framing_ == Framing::kChunked) return std::nullopt;
  return content_length_;
}

io::Task<Result<std::size_t>> RequestBody::take(MutableByteSpan into, bool all) {
  SF_ASSERT(!into.empty());
  for (;;) {
    if (failure_) co_return std::unexpected(*failure_);
    if (!piece_.empty()) {
      const std::size_t bytes = std::min(into.size(), piece_.size());
      std::memcpy(into.data(), piece_.data(), bytes);
      piece_ = piece_.subspan(bytes);
      if (piece_.empty()) take_end();
      co_return bytes;
    }
    if (finished_) co_return std::size_t{0};
    if (advance()) continue;
    auto got = co_await wait(into, all);
    if (!got) co_return give_up(std::move(got.error()));
    if (*got > 0) co_return *got;
  }
}

/// Bytes put into `into`, or 0 when what arrived must be parsed first.
io::Task<Result<std::size_t>> RequestBody::wait(MutableByteSpan into, bool all) {
  if (expects_continue_) {
    expects_continue_ = false;
    const auto text = as_bytes(kContinue);
    auto sent = co_await connection_.write(text, options_.send_stall_timeout_ms);
    if (!sent) co_return fail(std::move(sent.error()));
  }
  if (framing_ == Framing::kSized && inbound_.parser().body_remaining() > kStraightBytesMin) {
    straight_ = true;
  }
  const std::uint32_t timeout_ms = options_.body_stall_timeout_ms;
  Result<std::size_t> got{0};
  if (straight_) {
    got = co_await inbound_.receive_into(into, timeout_ms, all);
  } else {
    got = co_await receive(timeout_ms);
  }
  if (straight_ || !got || *got == 0) co_return went_straight(std::move(got));
  co_return std::size_t{0};
}

/// More bytes for the parser. A thousand clients that send a few bytes a second each, as slow ones
/// and attackers do, would keep a reactor busy with nothing else: theirs wait in the kernel until
/// it is worth it, or the body is whole.
io::Task<Result<std::size_t>> RequestBody::receive(std::uint32_t timeout_ms) {
  const bool gather = in_crumbs_ && framing_ == Framing::kSized;
  const std::uint64_t left = gather ? inbound_.parser().body_remaining() : 1;
  connection_.set_low_water(static_cast<std::uint16_t>(std::min(left, kCrumbsTogetherBytes)));
  auto got = co_await inbound_.receive(timeout_ms);
  if (!got && got.error().code == ErrorCode::kTimedOut && gather) {
    // It is slow, but it has not stalled if anything has come since.
    connection_.set_low_water(1);
    got = co_await inbound_.receive(kUnwaitedMs);
  }
  in_crumbs_ = got && *got <= kCrumbBytesMax;
  co_return got;
}

io::Task<Result<std::size_t>> RequestBody::splice(const io::Pipe& into, std::size_t bytes) {
  if (failure_) co_return std::unexpected(*failure_);
  auto got = went_straight(co_await inbound_.splice(into, bytes, options_.body_stall_timeout_ms));
  if (!got) co_return give_up(std::move(got.error()));
  co_return *got;
}

/// What a read past the parser gave.
Result<std::size_t> RequestBody::went_straight(Result<std::size_t> got) {
  if (!got) return got;
  if (*got == 0) return fail(ErrorCode::kClosed, "the client left before the end of the body");
  taken_ += *got;
  take_end();
  return got;
}

bool RequestBody::advance() {
  const auto step = inbound_.next();
  switch (step.event) {
    case Parser::Event::kBody:
      piece_ = step.body;
      taken_ += piece_.size();
      if (taken_ > options_.body_bytes_max) {
        failure_ = Error{ErrorCode::kTooLarge,
                         concat("the body is over ", options_.body_bytes_max, " bytes")};
      }
      return true;
    case Parser::Event::kEnd:
      finished_ = true;
      return true;
    case Parser::Event::kFault:
      failure_ = Error{ErrorCode::kInvalidArgument, std::string(inbound_.parser().fault().detail)};
      return true;
    case Parser::Event::kHead:
    case Parser::Event::kKnown:
    case Parser::Event::kMore:
      break;
  }
  return false;
}

/// A body without framing of its own ends with its last byte: nothing need be read to know.
void RequestBody::take_end() {
  if (framing_ == Framing::kChunked || inbound_.parser().body_remaining() > 0) return;
  const auto step = inbound_.next();
  SF_ASSERT(step.event == Parser::Event::kEnd);
  finished_ = true;
}

void RequestBody::discard_received() {
  while (!finished_ && !failure_ && discarded_ <= kDrainBytesMax) {
    discarded_ += piece_.size();
    piece_ = {};
    if (!advance()) return;
  }
}

bool RequestBody::can_be_drained() {
  discard_received();
  if (finished_) return true;
  // Who waits for 100 may send the body after a final answer or may not: only closing is safe.
  if (failure_ || expects_continue_ || discarded_ > kDrainBytesMax) return false;
  return framing_ == Framing::kChunked || inbound_.parser().body_remaining() <= kDrainBytesMax;
}

io::Task<bool> RequestBody::drain() {
  connection_.set_low_water(1);
  const std::uint64_t deadline_ms = connection_.reactor().now_ms() + options_.head_timeout_ms;
  for (;;) {
    discard_received();
    if (finished_) co_return true;
    const std::uint64_t now_ms = connection_.reactor().now_ms();
    if (failure_ || discarded_ > kDrainBytesMax || now_ms >= deadline_ms) co_return false;
    auto got = co_await inbound_.receive(static_cast<std::uint32_t>(deadline_ms - now_ms));
    if (!got || *got == 0) co_return false;
  }
}

std::unexpected<Error> RequestBody::give_up(Error error) {
  // A read that was interrupted can be repeated; on an aborted connection it fails again.
  if (error.code != ErrorCode::kCancelled) failure_ = error;
  return std::unexpected(std::move(error));
}

}  // namespace sf::http

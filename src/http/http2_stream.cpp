#include "http2_stream.hpp"

#include <streamforge/base/limits.hpp>

#include "characters.hpp"
#include "http2_driver.hpp"
#include "parser.hpp"
#include "target.hpp"

namespace sf::http {

Http2Stream::Http2Stream(Http2Driver& driver, std::int32_t id)
    : driver_(driver), id_(id), body_(driver, id) {
  request_.version = Version::kHttp2;
  request_.body_ = &body_;
  request_.exchange_ = this;
}

// --- The head.

void Http2Stream::refuse(int status, std::string_view code, std::string_view detail) noexcept {
  if (fault_.status == 0) fault_ = {status, code, detail};
}

void Http2Stream::add_field(std::string_view name, std::string_view value) {
  constexpr std::size_t kFieldOverhead = 4;  // ": " and CRLF, so that the limits are HTTP/1.1's.
  head_bytes_ += name.size() + value.size() + kFieldOverhead;
  // What is too much is read on, since the connection's table depends on it, and not kept.
  if (name == ":path" && value.size() > limits::kRequestTargetBytesMax) {
    return refuse(414, "target_too_long", "the request target is too long");
  }
  if (head_bytes_ > limits::kHeaderBlockBytesMax || ++fields_ > limits::kHeaderCountMax) {
    return refuse(431, "header_too_large", "the request has too many or too large fields");
  }
  if (name.starts_with(':')) return add_pseudo_field(name, value);
  request_.headers.add(std::string(name), std::string(value));
}

void Http2Stream::add_pseudo_field(std::string_view name, std::string_view value) {
  --fields_;
  if (name == ":method") method_ = value;
  if (name == ":path") request_.target = value;
  if (name == ":authority") request_.authority = value;
}

void Http2Stream::add_trailer(std::string_view name, std::string_view value) {
  head_bytes_ += name.size() + value.size();
  if (head_bytes_ > 2 * limits::kHeaderBlockBytesMax || ++fields_ > 2 * limits::kHeaderCountMax) {
    return body_.fail(Error{ErrorCode::kInvalidArgument, "the trailer fields are too large"});
  }
  if (!is_forbidden_trailer(name)) body_.add_trailer(std::string(name), std::string(value));
}

void Http2Stream::end_head(bool whole) {
  request_.secure = driver_.secure();
  request_.request_id = driver_.next_request_id();
  receiving = !whole;
  std::optional<std::uint64_t> length;
  if (whole) length = 0;
  if (const auto field = request_.headers.get("content-length"); field && !whole) {
    length = parse_decimal(*field);
  }
  const auto expectation = request_.headers.get("expect");
  const bool continues = expectation && equals_ignoring_case(*expectation, "100-continue");
  body_.begin(length, continues && !whole);
  if (whole) body_.end();
  if (fault_.status != 0) return;

  if (const auto method = method_named(method_)) {
    request_.method = *method;
  } else {
    return refuse(501, "method_not_implemented", "this server does not know the method");
  }
  if (!read_target() || !read_authority()) return;
  if (expectation && !continues) {
    refuse(417, "expectation_failed", "the only expectation met here is 100-continue");
  }
}

bool Http2Stream::read_target() {
  auto target = parse_target(request_.target);
  const bool asterisk = target && target->path == "*";
  if (!target || target->authority || (asterisk && request_.method != Method::kOptions)) {
    refuse(400, "bad_target", "the request target is not one this server can look up");
    return false;
  }
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
  return true;
}

/// RFC 9113 section 8.3.1: a Host field beside ":authority" must say the same.
bool Http2Stream::read_authority() {
  const auto host = request_.headers.get("host");
  const bool differ = host && !request_.authority.empty() && *host != request_.authority;
  if (host && request_.authority.empty()) request_.authority = *host;
  if (!differ && is_authority(request_.authority)) return true;
  refuse(400, "bad_host", "the authority is not HOST[:PORT]");
  return false;
}

Http2Stream::Priority Http2Stream::priority() const {
  Priority priority;
  for (const auto piece : split(request_.headers.get("priority").value_or(""), ',')) {
    const auto item = trim(piece);
    if (item == "i" || item == "i=?1") priority.incremental = true;
    if (item.size() == 3 && item.starts_with("u=") && item[2] >= '0' && item[2] <= '7') {
      priority.urgency = static_cast<unsigned>(item[2] - '0');
    }
  }
  return priority;
}

// --- The exchange.

const net::Address& Http2Stream::peer() const noexcept { return driver_.peer(); }
bool Http2Stream::takes_now() const noexcept { return !closed_ && driver_.takes_now(); }
bool Http2Stream::peer_gone() const noexcept { return closed_ || driver_.peer_gone(); }

io::Task<Result<>> Http2Stream::send_informational(int status, Headers fields) {
  if (closed_) co_return fail(ErrorCode::kClosed, "the client has given the request up");
  driver_.send_informational(id_, status, fields);
  co_return Result<>{};
}

void Http2Stream::close(bool whole) noexcept {
  if (std::exchange(closed_, true)) return;
  whole_ = whole && answered;
  body_.fail(Error{ErrorCode::kClosed, "the client left before the end of the body"});
  driver_.wake_soon(id_);
}

void Http2Stream::wake() {
  if (!waiter_) return body_.wake();
  if (closed_ || source_.drained()) std::exchange(waiter_, nullptr).resume();
}

}  // namespace sf::http

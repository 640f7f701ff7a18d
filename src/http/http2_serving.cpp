/// Requests of an HTTP/2 connection: from a head that is complete to an answer that is sent.

#include <streamforge/base/assert.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>
#include <array>

#include "characters.hpp"
#include "http2_callbacks.hpp"
#include "http2_running.hpp"
#include "response_sender.hpp"
#include "serving.hpp"

namespace sf::http {

namespace {

/// Fields for nghttp2, which copies them and writes their names small.
class FieldList {
 public:
  void add(std::string_view name, std::string_view value) {
    constexpr auto text = [](std::string_view from) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(from.data()));
    };
    fields_.push_back({text(name), text(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  void add_checked(std::string_view name, std::string_view value) {
    if (may_be_sent(name, value)) add(name, value);
  }
  [[nodiscard]] const ::nghttp2_nv* data() const noexcept { return fields_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }

 private:
  std::vector<::nghttp2_nv> fields_;
};

std::string_view date_now() {
  constexpr std::string_view kName = "Date: ";
  const std::string_view line = date_field();
  return line.substr(kName.size(), line.size() - kName.size() - 2);
}

}  // namespace

/// What a producer writes, frame by frame; its pace is that of the socket and of the stream's
/// window.
class Http2StreamWriter final : public BodyWriter {
 public:
  Http2StreamWriter(Http2Driver& driver, Http2Stream& stream) noexcept
      : driver_(driver), stream_(stream) {}

  io::Task<Result<>> write(std::string_view bytes) override {
    if (bytes.empty()) co_return Result<>{};
    if (!stream_.closed()) {
      stream_.source().push(as_bytes(bytes));
      stream_.answer_begins(driver_.reactor().now_ms());
      ::nghttp2_session_resume_data(driver_.session_.get(), stream_.id());
      driver_.kick();
    }
    while (!stream_.closed() && !stream_.source().drained()) {
      auto change = stream_.changed();
      co_await change;
    }
    if (stream_.source().drained() && !stream_.closed()) co_return Result<>{};
    stream_.source().push({});
    co_return fail(ErrorCode::kClosed, "the client has given the request up");
  }
  [[nodiscard]] bool should_end() const noexcept override {
    return stream_.closed() || driver_.draining();
  }

 private:
  Http2Driver& driver_;
  Http2Stream& stream_;
};

Http2Stream* Http2Driver::find(std::int32_t id) noexcept {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void Http2Driver::begin_stream(std::int32_t id) {
  budget_.earn(Http2Budget::kRequest);
  // nghttp2 counts streams that are open. Handlers of cancelled ones may still run.
  if (streams_.size() >= limits::kHttp2HandlersMax) return reset(id, NGHTTP2_REFUSED_STREAM);
  streams_.emplace(id, std::make_unique<Http2Stream>(*this, id));
}

void Http2Driver::head_complete(std::int32_t id, bool whole) {
  Http2Stream* stream = find(id);
  if (!stream) return;
  stream->end_head(whole);
  ready_.push_back(id);
}

void Http2Driver::start_ready() {
  const std::vector<std::int32_t> ready = std::exchange(ready_, {});
  for (const std::int32_t id : ready) {
    Http2Stream* stream = find(id);
    if (!stream) continue;
    if (failed_ || stream->closed()) {
      forget(*stream);  // Cancelled within the same packet: nothing was done for it.
    } else {
      reactor().spawn(serve(*stream, Running(*this)));
    }
  }
}

io::Task<void> Http2Driver::serve(Http2Stream& stream, [[maybe_unused]] Running running) {
  const std::uint64_t begun_ns = mono_ns();
  Request& request = stream.request();
  take_forwarded(state_, peer(), request);
  Response response;
  if (stream.fault().status != 0) {
    const ParseFault& fault = stream.fault();
    response = problem(request, Problem{.status = fault.status,
                                        .code = std::string(fault.code),
                                        .detail = std::string(fault.detail)});
  } else if (auto again = share().answers.find(request); again && stream.body().finished()) {
    response = std::move(*again);
    share().metrics.quick.add();
  } else {
    response = co_await run_handler(state_, request);
    share().answers.keep(request, response);
  }
  auto sending = send_body(stream, response);
  const Result<> sent = co_await std::move(sending);
  const std::uint64_t took_ns = mono_ns() - begun_ns;
  share().metrics.http2_requests.add();
  count_exchange(share(), response.status, took_ns, stream.sent_bytes());
  if (peer_text_.empty() && state_.options.access_log) peer_text_ = peer_text(peer());
  log_exchange(state_.options, share(), peer_text_,
               {request, response.status, took_ns, stream.sent_bytes(), sent});
  forget(stream);
  kick();
}

/// Until the stream is closed: nghttp2 then knows nothing of the source any more.
io::Task<Result<>> Http2Driver::send_body(Http2Stream& stream, const Response& response) {
  Result<> produced;
  if (!stream.closed()) submit(stream, response);
  if (const auto* producer = std::get_if<BodyProducer>(&response.body)) {
    if (!stream.closed() && !stream.source().ended()) {
      Http2StreamWriter writer(*this, stream);
      auto producing = (*producer)(writer);
      produced = co_await std::move(producing);
      stream.source().close();
      if (!stream.closed() && !produced) reset(stream.id(), NGHTTP2_INTERNAL_ERROR);
      if (!stream.closed()) ::nghttp2_session_resume_data(session_.get(), stream.id());
      kick();
    }
  }
  while (!stream.closed()) {
    auto change = stream.changed();
    co_await change;
  }
  if (!produced) co_return produced;
  if (stream.closed_whole()) co_return Result<>{};
  co_return fail(ErrorCode::kClosed, "the client has given the request up");
}

void Http2Driver::submit(Http2Stream& stream, const Response& response) {
  const bool to_head = stream.request().method == Method::kHead && stream.fault().status == 0;
  const std::string status = concat(response.status);
  const auto length = response.body_bytes();
  const std::string length_text = concat(length.value_or(0));
  FieldList fields;
  fields.add(":status", status);
  fields.add("date", date_now());
  for (const auto& [name, value] : share().fixed_fields) fields.add_checked(name, value);
  bool length_given = false;
  for (const auto& [name, value] : response.headers.all()) {
    const bool is_length = equals_ignoring_case(name, "content-length");
    if (is_framing_field(name) && !(to_head && is_length && !length_given)) continue;
    fields.add_checked(name, value);
    length_given = length_given || is_length;
  }
  if (!has_no_content(response.status) && !length_given && length) {
    fields.add("content-length", length_text);
  }
  stream.answer_begins(reactor().now_ms());
  if (!to_head && !has_no_content(response.status)) stream.source().open(response);
  ::nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = &http2_read_source;
  ::nghttp2_data_provider* const body = stream.source().ended() ? nullptr : &provider;
  if (body && (std::holds_alternative<std::string>(response.body) ||
               std::holds_alternative<SharedBytes>(response.body))) {
    // Playlists and what pages are made of go before the segments that they lead to.
    const auto wanted = stream.priority();
    const ::nghttp2_extpri sooner{wanted.urgency > 0 ? wanted.urgency - 1 : 0,
                                  wanted.incremental ? 1 : 0};
    ::nghttp2_session_change_extpri_stream_priority(session_.get(), stream.id(), &sooner, 0);
  }
  const int outcome =
      ::nghttp2_submit_response(session_.get(), stream.id(), fields.data(), fields.size(), body);
  if (outcome != 0) reset(stream.id(), NGHTTP2_INTERNAL_ERROR);
  kick();
}

void Http2Driver::send_continue(std::int32_t stream) { send_informational(stream, 100, Headers()); }

void Http2Driver::send_informational(std::int32_t stream, int status, const Headers& headers) {
  if (failed_) return;
  const std::string status_text = concat(status);
  FieldList fields;
  fields.add(":status", status_text);
  for (const auto& [name, value] : headers.all()) fields.add_checked(name, value);
  ::nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, fields.data(),
                           fields.size(), nullptr);
  kick();
}

void Http2Driver::forget(Http2Stream& stream) {
  const std::size_t unread = stream.body().kept_bytes();
  if (unread > 0 && !failed_) ::nghttp2_session_consume_connection(session_.get(), unread);
  const std::int32_t id = stream.id();
  streams_.erase(id);
  if (streams_.empty()) idle_since_ms_ = reactor().now_ms();
}

}  // namespace sf::http

#include "http2_callbacks.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

#include "http2_driver.hpp"

namespace sf::http {

namespace {

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

Http2Driver& driver_of(void* user) { return *static_cast<Http2Driver*>(user); }

bool opens_request(const ::nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

}  // namespace

struct Http2Callbacks {
  static int begin_frame(::nghttp2_session*, const ::nghttp2_frame_hd* head, void* user) {
    Http2Driver& driver = driver_of(user);
    // A block of fields is in its head's frame and in CONTINUATIONs right behind it.
    const std::uint64_t now_ms = driver.reactor().now_ms();
    if (head->type == NGHTTP2_HEADERS) {
      driver.head_began_ms_ = now_ms;
    } else if (head->type != NGHTTP2_CONTINUATION && driver.preface_done_) {
      driver.head_began_ms_ = 0;
    }
    const bool earns = head->type == NGHTTP2_DATA && head->length >= Http2Budget::kBodyBytes;
    if (earns) {
      driver.budget_.earn(Http2Budget::kBody);
    } else {
      driver.charge(head->type == NGHTTP2_RST_STREAM ? Http2Budget::kCancelled
                                                     : Http2Budget::kFrame);
    }
    return 0;
  }

  static int begin_headers(::nghttp2_session*, const ::nghttp2_frame* frame, void* user) {
    if (opens_request(*frame)) driver_of(user).begin_stream(frame->hd.stream_id);
    return 0;
  }

  static int header(::nghttp2_session*, const ::nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_bytes, const std::uint8_t* value, std::size_t value_bytes,
                    std::uint8_t, void* user) {
    Http2Stream* stream = driver_of(user).find(frame->hd.stream_id);
    if (!stream) return 0;
    if (opens_request(*frame)) {
      stream->add_field(text(name, name_bytes), text(value, value_bytes));
    } else {
      stream->add_trailer(text(name, name_bytes), text(value, value_bytes));
    }
    return 0;
  }

  /// nghttp2 would read on without it; a request with half its fields is another request.
  static int invalid_header(::nghttp2_session*, const ::nghttp2_frame* frame, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                            void* user) {
    Http2Stream* stream = driver_of(user).find(frame->hd.stream_id);
    if (stream) stream->refuse(400, "bad_field", "a field cannot be read");
    return 0;
  }

  static int frame_received(::nghttp2_session*, const ::nghttp2_frame* frame, void* user) {
    Http2Driver& driver = driver_of(user);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_SETTINGS && !std::exchange(driver.preface_done_, true)) {
      driver.head_began_ms_ = 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS) driver.head_began_ms_ = 0;
    const bool pong = frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    if (pong) driver.finish_goaway();
    if (opens_request(*frame)) {
      driver.head_complete(frame->hd.stream_id, ends);
    } else if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
      if (Http2Stream* stream = driver.find(frame->hd.stream_id)) {
        stream->receiving = false;
        stream->body().end();
      }
    }
    return 0;
  }

  static int invalid_frame(::nghttp2_session*, const ::nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS) driver_of(user).head_began_ms_ = 0;
    return 0;
  }

  static int data(::nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* user) {
    Http2Driver& driver = driver_of(user);
    const ByteSpan piece(reinterpret_cast<const std::byte*>(bytes), size);
    driver.overhead_bytes_ -= static_cast<std::int64_t>(size);
    if (Http2Stream* stream = driver.find(id)) {
      stream->body().receive(piece);
    } else {
      driver.consume(id, size);
    }
    return 0;
  }

  static int stream_closed(::nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    Http2Driver& driver = driver_of(user);
    Http2Stream* stream = driver.find(id);
    if (!stream) return 0;
    const bool begun = !stream->request().request_id.empty();
    if (begun) {
      stream->close(error == NGHTTP2_NO_ERROR);
    } else {
      driver.forget(*stream);  // Its head never came to its end.
    }
    return 0;
  }

  static int frame_sent(::nghttp2_session*, const ::nghttp2_frame* frame, void* user) {
    Http2Driver& driver = driver_of(user);
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) {
      driver.charge(Http2Budget::kCancelled);
    }
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                      (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS);
    if (!ends) return 0;
    if (Http2Stream* stream = driver.find(frame->hd.stream_id)) {
      stream->answered = true;
      // RFC 9113 section 8.1: the answer is whole, and the rest of the body is not wanted.
      if (stream->receiving) driver.reset(stream->id(), NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int send_data(::nghttp2_session*, ::nghttp2_frame* frame, const std::uint8_t* head,
                       std::size_t bytes, ::nghttp2_data_source* source, void* user) {
    Http2Driver& driver = driver_of(user);
    SF_ASSERT(frame->data.padlen == 0);
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    const ByteSpan head_bytes(reinterpret_cast<const std::byte*>(head), Http2Output::kHeadBytes);
    driver.output_.add(head_bytes, stream.source().front(), bytes);
    stream.took(bytes, driver.reactor().now_ms());
    driver.budget_.earn_by_sending(bytes);
    const Http2Source& source_left = stream.source();
    if (source_left.drained() && !source_left.ended()) driver.wake_soon(stream.id());
    return driver.output_.full() ? static_cast<int>(NGHTTP2_ERR_PAUSE) : 0;
  }
};

::ssize_t http2_read_source(::nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length,
                            std::uint32_t* flags, ::nghttp2_data_source* source, void*) {
  const Http2Source& bytes = static_cast<Http2Stream*>(source->ptr)->source();
  if (bytes.drained()) {
    if (!bytes.ended()) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return 0;
  }
  const std::uint64_t step =
      std::min<std::uint64_t>({length, Http2Output::kPayloadBytes, bytes.front().bytes});
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (bytes.ends_after(step)) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<::ssize_t>(step);
}

const ::nghttp2_session_callbacks* http2_callbacks() {
  static const ::nghttp2_session_callbacks* const made = [] {
    ::nghttp2_session_callbacks* all = nullptr;
    SF_ASSERT(::nghttp2_session_callbacks_new(&all) == 0);
    ::nghttp2_session_callbacks_set_on_begin_frame_callback(all, Http2Callbacks::begin_frame);
    ::nghttp2_session_callbacks_set_on_begin_headers_callback(all, Http2Callbacks::begin_headers);
    ::nghttp2_session_callbacks_set_on_header_callback(all, Http2Callbacks::header);
    ::nghttp2_session_callbacks_set_on_invalid_header_callback(all, Http2Callbacks::invalid_header);
    ::nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all,
                                                                   Http2Callbacks::invalid_frame);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(all, Http2Callbacks::frame_received);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, Http2Callbacks::data);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(all, Http2Callbacks::stream_closed);
    ::nghttp2_session_callbacks_set_on_frame_send_callback(all, Http2Callbacks::frame_sent);
    ::nghttp2_session_callbacks_set_send_data_callback(all, Http2Callbacks::send_data);
    return all;
  }();
  return made;
}

const ::nghttp2_option* http2_options() {
  static const ::nghttp2_option* const made = [] {
    ::nghttp2_option* all = nullptr;
    SF_ASSERT(::nghttp2_option_new(&all) == 0);
    ::nghttp2_option_set_no_auto_window_update(all, 1);
    ::nghttp2_option_set_max_outbound_ack(all, limits::kHttp2AcksMax);
    ::nghttp2_option_set_max_continuations(all, limits::kHttp2ContinuationsMax);
    ::nghttp2_option_set_stream_reset_rate_limit(all, limits::kHttp2CancelsMax,
                                                 limits::kHttp2CancelsPerSecond);
    ::nghttp2_option_set_builtin_recv_extension_type(all, NGHTTP2_PRIORITY_UPDATE);
    return all;
  }();
  return made;
}

}  // namespace sf::http

#include "http2_driver.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <array>

#include "http2_callbacks.hpp"
#include "http2_running.hpp"
#include "yield.hpp"

namespace sf::http {

namespace {

constexpr unsigned kReadsInARow = 16;  ///< Then the reactor's others have their turn.
constexpr unsigned kGoawayMs = 1'000;  ///< Longer than most round trips.

}  // namespace

struct Http2Driver::Quiet {
  Http2Driver& driver;
  bool await_ready() const noexcept { return driver.running_ == 0; }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept { driver.quiet_ = waiter; }
  void await_resume() const noexcept {}
};

Http2Driver::Http2Driver(const ServerState& state, ReactorShare& share,
                         std::unique_ptr<net::Connection> connection)
    : Served(share),
      state_(state),
      connection_(std::move(connection)),
      budget_(reactor().now_ms()),
      id_(make_id()),
      head_began_ms_(reactor().now_ms()),
      idle_since_ms_(head_began_ms_),
      checked_ms_(head_began_ms_) {
  share.metrics.connections.add(1);
  share.metrics.http2_connections.add(1);
}

Http2Driver::~Http2Driver() {
  share().metrics.connections.add(-1);
  share().metrics.http2_connections.add(-1);
}

// --- The life of the connection.

io::Task<void> Http2Driver::run(std::string begun) {
  start_session();
  if (draining()) begin_goaway();
  if (!begun.empty()) receive(as_bytes(begun));
  kick();
  auto reading = read_on();
  co_await std::move(reading);
  auto winding_up = wind_up();
  co_await std::move(winding_up);
  co_await connection_->close(linger_);
}

io::Task<void> Http2Driver::read_on() {
  for (unsigned reads = 0; !over(); ++reads) {
    if (reads == kReadsInARow) {
      reads = 0;
      Yield yield{reactor()};
      co_await yield;
    }
    reading_ = true;
    auto got = co_await connection_->read(next_timeout_ms());
    reading_ = false;
    const bool nudged = std::exchange(nudged_, false);
    if (got && got->empty()) {
      linger_ = false;
      break;
    }
    if (got) {
      receive(*got);
    } else if (got.error().code != ErrorCode::kTimedOut &&
               !(nudged && got.error().code == ErrorCode::kCancelled)) {
      linger_ = false;
      break;
    }
    check_times();
    kick();
  }
}

/// Whatever is left of the requests is told that its client has gone, and awaited.
io::Task<void> Http2Driver::wind_up() {
  failed_ = true;
  if (writing_ || !linger_) connection_->abort();
  std::vector<std::int32_t> headless;
  for (auto& [id, stream] : streams_) {
    if (stream->request().request_id.empty()) headless.push_back(id);
    stream->close(false);
  }
  for (const std::int32_t id : headless) streams_.erase(id);
  wake_noted();
  while (running_ > 0) {
    Quiet quiet{*this};
    co_await quiet;
  }
  SF_ASSERT(streams_.empty());
}

bool Http2Driver::over() const noexcept {
  return failed_ || (!writing_ && ::nghttp2_session_want_read(session_.get()) == 0 &&
                     ::nghttp2_session_want_write(session_.get()) == 0);
}

void Http2Driver::fail_connection(const Error& error) {
  if (std::exchange(failed_, true)) return;
  log::debug("http", "an HTTP/2 connection has failed",
             {{"peer", peer().to_string()}, {"why", error.message}});
  linger_ = false;
  connection_->abort();
}

void Http2Driver::end_if_idle() noexcept { begin_goaway(); }

// --- Times.

std::uint32_t Http2Driver::next_timeout_ms() const noexcept {
  const std::uint64_t now_ms = reactor().now_ms();
  // Streams are looked at several times in the time that they have.
  std::uint64_t due_ms = now_ms + std::clamp(options().send_stall_timeout_ms / 4, 10u, 5'000u);
  if (streams_.empty()) due_ms = idle_since_ms_ + options().idle_timeout_ms;
  if (goaway_due_ms_ > 0 && !goaway_done_) due_ms = std::min(due_ms, goaway_due_ms_);
  if (head_began_ms_ > 0) due_ms = std::min(due_ms, head_began_ms_ + options().head_timeout_ms);
  return static_cast<std::uint32_t>(due_ms > now_ms ? due_ms - now_ms : 0);
}

void Http2Driver::check_times() {
  const std::uint64_t now_ms = reactor().now_ms();
  if (now_ms >= goaway_due_ms_) finish_goaway();
  if (head_began_ms_ > 0 && now_ms >= head_began_ms_ + options().head_timeout_ms) {
    head_began_ms_ = 0;
    return end_session(preface_done_ ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_SETTINGS_TIMEOUT);
  }
  if (streams_.empty()) {
    if (now_ms >= idle_since_ms_ + options().idle_timeout_ms) end_session(NGHTTP2_NO_ERROR);
    return;
  }
  if (now_ms - checked_ms_ < std::min(options().send_stall_timeout_ms / 4, 5'000u)) return;
  checked_ms_ = now_ms;
  for (const auto& [id, stream] : streams_) {
    if (stream->stalled(now_ms, options().send_stall_timeout_ms)) reset(id, NGHTTP2_CANCEL);
  }
}

// --- The session.

void Http2Driver::start_session() {
  ::nghttp2_session* made = nullptr;
  const int outcome =
      ::nghttp2_session_server_new2(&made, http2_callbacks(), this, http2_options());
  SF_ASSERT(outcome == 0);  // Only memory that has run out.
  session_.reset(made);
  const std::array<::nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kHttp2StreamsMax},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits::kHeaderBlockBytesMax},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  ::nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  ::nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, limits::kHttp2WindowBytes);
}

void Http2Driver::receive(ByteSpan bytes) {
  share().metrics.bytes_in.add(bytes.size());
  inside_ = true;
  const ::ssize_t taken = ::nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  inside_ = false;
  overhead_bytes_ += static_cast<std::int64_t>(bytes.size());
  charge(static_cast<int>(std::max<std::int64_t>(overhead_bytes_, 0) / Http2Budget::kBytes));
  overhead_bytes_ = std::max<std::int64_t>(overhead_bytes_, 0) % Http2Budget::kBytes;
  if (taken < 0) {
    if (taken == NGHTTP2_ERR_FLOODED) share().metrics.http2_floods.add();
    fail_connection({ErrorCode::kInvalidArgument, ::nghttp2_strerror(static_cast<int>(taken))});
  }
  start_ready();
  wake_noted();
}

void Http2Driver::charge(int cost) {
  if (flooded_ || budget_.spend(cost, reactor().now_ms())) return;
  flooded_ = true;
  share().metrics.http2_floods.add();
  log::warn("http", "an HTTP/2 peer was sent away: it asks for work and for nothing else",
            {{"peer", peer().to_string()}});
  end_session(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Driver::end_session(std::uint32_t error_code) {
  ::nghttp2_session_terminate_session(session_.get(), error_code);
}

/// RFC 9113 section 6.8, in two steps. First the word that no more should be asked here; what is on
/// its way is answered still. When the peer has heard it (a PING comes back) or has had the time
/// to, the number of the last request that was looked at; who asks for more may ask again
/// elsewhere.
void Http2Driver::begin_goaway() noexcept {
  if (!session_ || failed_ || goaway_due_ms_ > 0) return;
  goaway_due_ms_ = reactor().now_ms() + kGoawayMs;
  ::nghttp2_submit_shutdown_notice(session_.get());
  ::nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  kick();
  // The wait for bytes was begun without this time in mind.
  if (reading_ && !std::exchange(nudged_, true)) connection_->interrupt_read();
}

void Http2Driver::finish_goaway() noexcept {
  if (failed_ || goaway_due_ms_ == 0 || std::exchange(goaway_done_, true)) return;
  ::nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                          ::nghttp2_session_get_last_proc_stream_id(session_.get()),
                          NGHTTP2_NO_ERROR, nullptr, 0);
}

// --- What streams ask of the session.

std::string Http2Driver::next_request_id() { return concat(id_, '-', ++requests_); }

void Http2Driver::consume(std::int32_t stream, std::size_t bytes) {
  if (bytes == 0 || failed_) return;
  ::nghttp2_session_consume(session_.get(), stream, bytes);
  kick();
}

void Http2Driver::grow_window(std::int32_t stream) {
  if (failed_) return;
  ::nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, stream,
                                          limits::kHttp2BodyWindowBytes);
  kick();
}

void Http2Driver::reset(std::int32_t id, std::uint32_t error_code) {
  if (failed_) return;
  ::nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, error_code);
}

void Http2Driver::wake_soon(std::int32_t stream) {
  noted_.push_back(stream);
  if (inside_ || wake_posted_) return;
  wake_posted_ = true;
  reactor().spawn(wake_later(Running(*this)));
}

io::Task<void> Http2Driver::wake_later([[maybe_unused]] Running running) {
  Yield yield{reactor()};
  co_await yield;
  wake_posted_ = false;
  wake_noted();
  kick();
}

/// By number: who is woken may end, and end others.
void Http2Driver::wake_noted() {
  while (!noted_.empty()) {
    const std::int32_t id = noted_.back();
    noted_.pop_back();
    if (Http2Stream* stream = find(id)) stream->wake();
  }
}

// --- Frames out.

void Http2Driver::collect() {
  output_.begin(connection_->step());
  inside_ = true;
  while (!failed_ && !output_.full()) {
    const std::uint8_t* frames = nullptr;
    const ::ssize_t bytes = ::nghttp2_session_mem_send(session_.get(), &frames);
    if (bytes == 0) break;  // Nothing more, or the batch is full.
    if (bytes < 0) {
      fail_connection({ErrorCode::kInternal, ::nghttp2_strerror(static_cast<int>(bytes))});
      break;
    }
    output_.add({reinterpret_cast<const std::byte*>(frames), static_cast<std::size_t>(bytes)});
  }
  inside_ = false;
}

void Http2Driver::kick() {
  if (inside_ || writing_ || failed_) return;
  bool all = true;
  while (all && !failed_ && ::nghttp2_session_want_write(session_.get()) != 0) {
    collect();
    if (output_.empty()) break;
    if (output_.has_files()) {
      all = false;
      break;
    }
    all = connection_->give(output_.bytes());
    output_.clear();
  }
  if (!noted_.empty() && !wake_posted_) {
    wake_posted_ = true;
    reactor().spawn(wake_later(Running(*this)));
  }
  if (!all && !failed_) {
    writing_ = true;
    reactor().spawn(write_on(Running(*this)));
  } else if (over() && reading_ && !std::exchange(nudged_, true)) {
    connection_->interrupt_read();
  }
}

io::Task<void> Http2Driver::write_on([[maybe_unused]] Running running) {
  while (!failed_) {
    bool all = false;  // Unless there is nothing to give: then something was kept.
    if (output_.has_files()) {
      auto read = co_await reactor().read_to_send(output_.pieces());
      if (!read) {
        log::error("http", "a file could not be read as it was promised",
                   {{"peer", peer().to_string()}, {"error", read.error().message}});
        fail_connection(read.error());
        break;
      }
      output_.fill(read->bytes());
      all = connection_->give(read->bytes());
    } else if (!output_.empty()) {
      all = connection_->give(output_.bytes());
    }
    output_.clear();
    if (!all) {
      auto flushed = co_await connection_->flush(options().send_stall_timeout_ms);
      if (!flushed) {
        fail_connection(flushed.error());
        break;
      }
    }
    collect();
    wake_noted();
    if (output_.empty()) collect();  // Who was woken may have had an answer.
    if (output_.empty()) break;
  }
  output_.clear();
  writing_ = false;
  if (streams_.empty()) output_.release_memory();
  kick();
}

}  // namespace sf::http

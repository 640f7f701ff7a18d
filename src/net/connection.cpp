#include "connection_impl.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sf::net {

namespace {

constexpr std::size_t kPiecesAtOnce = 8;

/// Some of the pieces as one vector, from byte `skip` of the first on.
std::span<const ::iovec> gather(std::span<const ByteSpan> pieces, std::size_t skip,
                                std::array<::iovec, kPiecesAtOnce>& into) noexcept {
  std::size_t count = 0;
  for (const ByteSpan piece : pieces.first(std::min(pieces.size(), kPiecesAtOnce))) {
    const ByteSpan rest = piece.subspan(skip);
    skip = 0;
    into[count++] = {const_cast<std::byte*>(rest.data()), rest.size()};
  }
  return {into.data(), count};
}

}  // namespace

std::unexpected<Error> aborted_error() {
  return fail(ErrorCode::kCancelled, "the connection was aborted");
}

std::unexpected<Error> why(Error error, bool was_aborted, bool timed_out, std::string_view what) {
  if (was_aborted) return aborted_error();
  if (timed_out && error.code == ErrorCode::kCancelled) {
    return fail(ErrorCode::kTimedOut, concat(what, ": the peer took too long"));
  }
  return fail(std::move(error));
}

Connection::Connection(io::Reactor& reactor, UniqueFd socket, Address peer,
                       std::shared_ptr<TlsContext> tls)
    : impl_(std::make_unique<Impl>(reactor, std::move(socket), std::move(peer), std::move(tls))) {}

Connection::~Connection() { SF_ASSERT(!impl_->socket); }

// --- Reading.

io::Task<Result<ByteSpan>> Connection::read(std::uint32_t timeout_ms) {
  if (impl_->tls) return impl_->tls_read(timeout_ms);
  return impl_->read(timeout_ms);
}

io::Task<Result<ByteSpan>> Connection::Impl::read(std::uint32_t timeout_ms) {
  if (!usable()) co_return aborted_error();
  const io::Gate::Pass pass = in_flight.enter();
  if (std::exchange(chunk_unread, false)) co_return chunk.bytes();
  chunk = io::RecvChunk();  // First: it may be the last buffer that the receive waits for.
  receiver.resume();

  bool timed_out = false;
  if (!receiver.queued()) {
    read_timer.arm(reactor.timers(), timeout_ms, [this, &timed_out] {
      timed_out = true;
      receiver.interrupt();
    });
  }
  Result<io::RecvChunk> got = co_await receiver.next();
  read_timer.cancel();
  if (!got) co_return why(std::move(got.error()), aborted, timed_out, "read");
  if (aborted) co_return aborted_error();
  chunk = std::move(*got);
  co_return chunk.bytes();
}

void Connection::set_low_water(std::uint16_t bytes) noexcept {
  if (impl_->tls || std::exchange(impl_->low_water, bytes) == bytes) return;
  const int value = bytes;
  // Where it cannot be set, each crumb wakes us as before.
  (void)::setsockopt(impl_->socket.get(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value);
}

io::Task<Result<std::size_t>> Connection::read_into(MutableByteSpan into,
                                                    std::uint32_t timeout_ms) {
  if (impl_->tls) return impl_->tls_receive(into, timeout_ms, /*all=*/false);
  return impl_->receive(into, timeout_ms, /*all=*/false);
}

io::Task<Result<std::size_t>> Connection::fill(MutableByteSpan into, std::uint32_t timeout_ms) {
  if (impl_->tls) return impl_->tls_receive(into, timeout_ms, /*all=*/true);
  return impl_->receive(into, timeout_ms, /*all=*/true);
}

io::Task<Result<std::size_t>> Connection::Impl::receive(MutableByteSpan into,
                                                        std::uint32_t timeout_ms, bool all) {
  if (!usable()) co_return aborted_error();
  if (into.empty()) co_return std::size_t{0};
  const io::Gate::Pass pass = in_flight.enter();
  interrupted = false;
  if (!chunk_unread) {
    chunk = io::RecvChunk();
    if (!receiver.stopped()) co_await receiver.stop();
    if (receiver.queued() || receiver.ended()) {
      Result<io::RecvChunk> left = co_await receiver.next();
      if (!left) co_return why(std::move(left.error()), aborted, false, "read");
      if (left->empty()) co_return std::size_t{0};
      chunk = std::move(*left);
      chunk_unread = true;
    }
  }
  if (aborted) co_return aborted_error();
  if (chunk_unread) {
    const std::size_t count = std::min(into.size(), chunk.bytes().size());
    std::memcpy(into.data(), chunk.bytes().data(), count);
    chunk.skip(count);
    if (chunk.empty()) {
      chunk = io::RecvChunk();
      chunk_unread = false;
    }
    co_return count;
  }
  if (interrupted) co_return fail(ErrorCode::kCancelled, "read: interrupted");
  io::IoOp op = all ? reactor.recv_all(socket.get(), into) : reactor.recv(socket.get(), into);
  const Deadline deadline(reactor, timeout_ms, op);
  reading = &op;
  Result<std::size_t> count = co_await op;
  reading = nullptr;
  if (!count) co_return why(std::move(count.error()), aborted, deadline.passed(), "read");
  if (aborted) co_return aborted_error();
  co_return *count;
}

bool Connection::can_splice() const noexcept {
  const Impl& impl = *impl_;
  return impl.receiver.stopped() && !impl.receiver.queued() && !impl.receiver.ended() &&
         !impl.chunk_unread;
}

io::Task<Result<std::size_t>> Connection::splice(const io::Pipe& into, std::size_t bytes,
                                                 std::uint32_t timeout_ms) {
  Impl& impl = *impl_;
  if (!impl.usable()) co_return aborted_error();
  SF_ASSERT(can_splice());
  const io::Gate::Pass pass = impl.in_flight.enter();
  impl.interrupted = false;
  std::size_t moved = 0;
  for (;;) {
    const std::ptrdiff_t got = io::Reactor::try_splice(impl.socket.get(), into, bytes - moved);
    if (got > 0) moved += static_cast<std::size_t>(got);
    if (got == 0 || moved == bytes || into.full()) co_return moved;
    if (got < 0 && got != -EAGAIN) {
      if (moved > 0) co_return moved;
      co_return fail_errno(static_cast<int>(-got), "read");
    }
    io::IoOp op = impl.reactor.poll(impl.socket.get(), POLLIN);
    const Deadline deadline(impl.reactor, timeout_ms, op);
    impl.reading = &op;
    Result<std::size_t> readable = co_await op;
    impl.reading = nullptr;
    // An interruption that came after the socket's news finds nothing to cancel.
    if (readable && !impl.aborted && !impl.interrupted) continue;
    if (moved > 0) co_return moved;
    if (impl.aborted) co_return aborted_error();
    if (readable) co_return fail(ErrorCode::kCancelled, "read: interrupted");
    co_return why(std::move(readable.error()), impl.aborted, deadline.passed(), "read");
  }
}

// --- Writing.

std::size_t Connection::write_now(std::span<const ByteSpan> pieces) noexcept {
  Impl& impl = *impl_;
  if (!impl.usable() || impl.in_flight.count() > 0) return 0;
  if (impl.seals()) return impl.tls_write_now(pieces);
  if (impl.tls && impl.tls->failed()) return 0;
  std::array<::iovec, kPiecesAtOnce> vector;
  const std::ptrdiff_t sent =
      io::Reactor::try_send(impl.socket.get(), gather(pieces, 0, vector), false);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

io::Task<Result<>> Connection::write(std::span<const ByteSpan> pieces, std::uint32_t timeout_ms,
                                     bool more_follows) {
  if (impl_->seals()) return impl_->tls_write(pieces, timeout_ms, more_follows);
  return impl_->write(pieces, timeout_ms, more_follows);
}

/// Why nothing can be written any more, if so.
std::optional<Error> Connection::Impl::unwritable() const {
  if (!usable()) return aborted_error().error();
  if (tls && tls->failed()) return tls->failure();
  return std::nullopt;
}

/// Part of what was to be said has left, or may have: with TLS no close_notify may follow.
std::unexpected<Error> Connection::Impl::write_failed(Error error, bool timed_out) {
  if (tls) tls->fail_now();
  return why(std::move(error), aborted, timed_out, "write");
}

io::Task<Result<>> Connection::Impl::write(std::span<const ByteSpan> pieces,
                                           std::uint32_t timeout_ms, bool more_follows) {
  if (auto reason = unwritable()) co_return fail(std::move(*reason));
  const io::Gate::Pass pass = in_flight.enter();
  std::array<::iovec, kPiecesAtOnce> vector;
  std::size_t skip = 0;  // Of the first piece that is left.
  for (;;) {
    while (!pieces.empty() && skip == pieces.front().size()) {
      pieces = pieces.subspan(1);
      skip = 0;
    }
    if (pieces.empty()) co_return {};
    // Mostly the socket has room, and then there is nothing to wait for or to time.
    const std::ptrdiff_t sent = io::Reactor::try_send(
        socket.get(), gather(pieces, skip, vector), more_follows || pieces.size() > kPiecesAtOnce);
    if (sent == -EAGAIN) {
      io::IoOp op = reactor.poll(socket.get(), POLLOUT);
      const Deadline deadline(reactor, timeout_ms, op);
      Result<std::size_t> writable = co_await op;
      if (!writable) co_return write_failed(std::move(writable.error()), deadline.passed());
      if (aborted) co_return aborted_error();
      continue;
    }
    if (sent < 0) {
      co_return write_failed(error_from_errno(static_cast<int>(-sent), "write"), false);
    }
    auto count = static_cast<std::size_t>(sent);
    while (count > 0) {
      const std::size_t of_this = std::min(count, pieces.front().size() - skip);
      count -= of_this;
      skip += of_this;
      if (skip < pieces.front().size()) break;
      pieces = pieces.subspan(1);
      skip = 0;
    }
  }
}

io::Task<Result<>> Connection::write(ByteSpan bytes, std::uint32_t timeout_ms, bool more_follows) {
  const std::array<ByteSpan, 1> pieces{bytes};
  co_return co_await write(pieces, timeout_ms, more_follows);
}

io::Task<Result<>> Connection::write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                                          std::uint32_t timeout_ms) {
  if (impl_->seals()) return impl_->tls_write_file(file, offset, bytes, timeout_ms);
  return impl_->write_file(file, offset, bytes, timeout_ms);
}

io::Task<Result<>> Connection::Impl::write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                                                std::uint32_t timeout_ms) {
  if (auto reason = unwritable()) co_return fail(std::move(*reason));
  const io::Gate::Pass pass = in_flight.enter();
  const std::size_t byte_weight = tls ? limits::kTouchedByteWeight : 1;
  while (bytes > 0) {
    // A step is several operations, so its bound cancels whatever is in flight on the socket.
    bool timed_out = false;
    io::Timer timer;
    timer.arm(reactor.timers(), timeout_ms, [this, &timed_out] {
      timed_out = true;
      reactor.cancel(socket.get());
    });
    Result<std::size_t> sent = co_await reactor.send_file(
        socket.get(), file, offset, static_cast<std::size_t>(bytes), byte_weight);
    timer.cancel();
    if (!sent) co_return write_failed(std::move(sent.error()), timed_out);
    if (aborted) co_return aborted_error();
    if (*sent == 0) {
      co_return fail(ErrorCode::kCorrupt, "the file ends before the bytes that were promised");
    }
    offset += *sent;
    bytes -= *sent;
  }
  co_return {};
}

// --- Giving.

std::size_t room_in(int socket) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  ::socklen_t bytes = sizeof memory;
  if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, memory.data(), &bytes) != 0) return 0;
  const std::size_t limit = memory[SK_MEMINFO_SNDBUF];
  const std::size_t queued = memory[SK_MEMINFO_WMEM_QUEUED];
  int unsent = 0;
  if (queued >= limit || ::ioctl(socket, SIOCOUTQNSD, &unsent) != 0) return 0;
  const int left = std::max(limits::kSocketUnsentBytesMax - unsent, 0);
  return std::min(limit - queued, static_cast<std::size_t>(left));
}

/// What the socket would not take has to be kept with the connection, so a slow reader is given
/// one record at a time.
std::size_t Connection::Impl::step() const noexcept {
  constexpr std::size_t kRecordBytes = 16 * limits::kKiB;
  const std::size_t room = room_in(socket.get());
  return std::clamp(room - room % kRecordBytes, kRecordBytes, TlsSession::kStepBytes);
}

std::size_t Connection::step() const noexcept { return impl_->step(); }

bool Connection::give(ByteSpan bytes) {
  Impl& impl = *impl_;
  if (impl.give_error != 0 || impl.unwritable()) return false;
  if (impl.seals()) {
    impl.tls->seal(bytes);
    return impl.tls->send() && impl.tls->unsent() == 0;
  }
  std::size_t taken = 0;
  if (impl.kept.empty()) {
    const ::iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const std::ptrdiff_t sent = io::Reactor::try_send(impl.socket.get(), std::span(&piece, 1));
    if (sent < 0 && sent != -EAGAIN) {
      impl.give_error = static_cast<int>(-sent);
      return false;
    }
    taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  const ByteSpan rest = bytes.subspan(taken);
  impl.kept.insert(impl.kept.end(), rest.begin(), rest.end());
  return impl.kept.empty();
}

/// True when nothing is left.
bool Connection::Impl::send_kept() {
  while (kept_at < kept.size()) {
    const ::iovec piece{kept.data() + kept_at, kept.size() - kept_at};
    const std::ptrdiff_t sent = io::Reactor::try_send(socket.get(), std::span(&piece, 1));
    if (sent == -EAGAIN) return false;
    if (sent < 0) {
      give_error = static_cast<int>(-sent);
      return false;
    }
    kept_at += static_cast<std::size_t>(sent);
  }
  kept = {};  // Memory is held only while something waits.
  kept_at = 0;
  return true;
}

io::Task<Result<>> Connection::flush(std::uint32_t timeout_ms) { return impl_->flush(timeout_ms); }

io::Task<Result<>> Connection::Impl::flush(std::uint32_t timeout_ms) {
  if (auto reason = unwritable()) co_return fail(std::move(*reason));
  const io::Gate::Pass pass = in_flight.enter();
  if (seals()) co_return co_await tls_flush(timeout_ms);
  while (give_error != 0 || !send_kept()) {
    if (give_error != 0) co_return fail_errno(give_error, "write");
    io::IoOp op = reactor.poll(socket.get(), POLLOUT);
    const Deadline deadline(reactor, timeout_ms, op);
    Result<std::size_t> writable = co_await op;
    if (!writable) co_return write_failed(std::move(writable.error()), deadline.passed());
    if (aborted) co_return aborted_error();
  }
  co_return Result<>{};
}

// --- Ending.

/// Cancels what is in flight; the shutdown makes fail at once whatever is only just being started.
void Connection::Impl::abort() noexcept {
  if (std::exchange(aborted, true) || !socket) return;
  ::shutdown(socket.get(), SHUT_RDWR);
  receiver.abort();
  reactor.cancel(socket.get());
}

void Connection::abort() noexcept { impl_->abort(); }

void Connection::interrupt_read() noexcept {
  impl_->interrupted = true;
  impl_->receiver.interrupt();
  if (impl_->reading) impl_->reactor.cancel(*impl_->reading);
}

bool Connection::peer_gone() const noexcept {
  if (impl_->receiver.ended() || !impl_->socket) return true;
  ::pollfd polled{impl_->socket.get(), POLLRDHUP, 0};
  return ::poll(&polled, 1, 0) > 0;
}

bool Connection::takes_now() const noexcept {
  if (!impl_->socket || impl_->aborted) return false;
  if (impl_->tls && impl_->tls->unsent() > 0) return false;
  if (impl_->kept_at < impl_->kept.size()) return false;
  ::pollfd polled{impl_->socket.get(), POLLOUT, 0};
  return ::poll(&polled, 1, 0) == 1 && polled.revents == POLLOUT;
}

io::Task<void> Connection::Impl::drain_and_forget() {
  if (receiver.ended() || ::shutdown(socket.get(), SHUT_WR) != 0) co_return;
  receiver.resume();
  read_timer.arm(reactor.timers(), limits::kLingerMs, [this] { abort(); });
  std::size_t drained = 0;
  while (drained < limits::kLingerBytesMax) {
    Result<io::RecvChunk> late = co_await receiver.next();
    if (!late || late->empty()) break;
    drained += late->bytes().size();
  }
  read_timer.cancel();
}

io::Task<void> Connection::close(bool linger) {
  Impl& impl = *impl_;
  if (!impl.socket) co_return;
  if (impl.in_flight.count() > 0) impl.abort();
  io::Gate::Closing others = impl.in_flight.close();
  co_await others;
  impl.chunk = io::RecvChunk();
  if (impl.tls && !impl.aborted) co_await impl.tls_close();
  if (linger && !impl.aborted) co_await impl.drain_and_forget();
  co_await impl.receiver.stop();
  impl.socket.reset();
}

const Address& Connection::peer() const noexcept { return impl_->peer; }
io::Reactor& Connection::reactor() const noexcept { return impl_->reactor; }
int Connection::socket() const noexcept { return impl_->socket.get(); }
io::Task<Result<>> Connection::handshake(std::uint32_t timeout_ms) {
  if (!impl_->tls) co_return Result<>{};
  co_return co_await impl_->tls_handshake(timeout_ms);
}
bool Connection::is_tls() const noexcept { return impl_->tls != nullptr; }
bool Connection::resumed() const noexcept { return secure() && impl_->tls->resumed(); }
bool Connection::secure() const noexcept { return impl_->tls && impl_->tls->established(); }
bool Connection::kernel_encrypts() const noexcept { return secure() && impl_->tls->in_kernel(); }
std::string_view Connection::protocol() const noexcept {
  return secure() ? impl_->tls->protocol() : std::string_view{};
}

}  // namespace sf::net

/// A connection's waits when TLS is between: the session does what can be done at once, and this
/// waits for the socket. While something is encrypted and not sent, a read waits for room as well,
/// so that an answer which the socket did not take whole (`write_now`) or a reply of the protocol's
/// own leaves without a writer.

#include "connection_impl.hpp"

#include <streamforge/base/limits.hpp>

#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace sf::net {

namespace {

constexpr std::size_t kRecordBytes = 16 * limits::kKiB;
/// What a writer may have left, and what the protocol itself may have to say meanwhile.
constexpr std::size_t kUnsentBytesMax = TlsSession::kStepBytes + limits::kTlsUnsentBytesMax;
/// An answer in memory up to here is tried at once.
constexpr std::size_t kAtOnceBytesMax = 64 * limits::kKiB;

/// Small pieces that are to be one record; never across a suspension.
std::vector<std::byte>& gathered() {
  thread_local std::vector<std::byte> bytes;
  bytes.clear();
  return bytes;
}

void append(std::vector<std::byte>& to, ByteSpan piece) {
  to.insert(to.end(), piece.begin(), piece.end());
}

}  // namespace

/// Until the socket has something, or an error; what is unsent leaves meanwhile.
io::Task<Result<>> Connection::Impl::tls_readable(std::uint32_t timeout_ms, std::string_view what) {
  const std::uint64_t end_ms = reactor.now_ms() + timeout_ms;
  for (;;) {
    const bool waits_to_send = tls->unsent() > 0;
    const std::uint64_t now_ms = reactor.now_ms();
    const auto left_ms = static_cast<std::uint32_t>(end_ms > now_ms ? end_ms - now_ms : 0);
    const auto events = static_cast<short>(waits_to_send ? POLLIN | POLLOUT : POLLIN);
    io::IoOp op = reactor.poll(socket.get(), events);
    const Deadline deadline(reactor, left_ms, op);
    reading = &op;
    Result<std::size_t> ready = co_await op;
    reading = nullptr;
    if (aborted) co_return aborted_error();
    if (!ready) co_return why(std::move(ready.error()), aborted, deadline.passed(), what);
    // An interruption that came after the socket's news finds nothing to cancel.
    if (interrupted) co_return fail(ErrorCode::kCancelled, concat(what, ": interrupted"));
    if (waits_to_send && !tls->send()) co_return fail(tls->failure());
    if ((*ready & ~static_cast<std::size_t>(POLLOUT)) == 0) continue;
    tls->readable();
    co_return Result<>{};
  }
}

io::Task<Result<>> Connection::Impl::tls_handshake(std::uint32_t timeout_ms) {
  if (!usable()) co_return aborted_error();
  const io::Gate::Pass pass = in_flight.enter();
  interrupted = false;
  const std::uint64_t end_ms = reactor.now_ms() + timeout_ms;
  for (;;) {
    const TlsSession::State state = tls->handshake();
    const bool sent = tls->send();  // An alert too, when it failed.
    const std::uint64_t now_ms = reactor.now_ms();
    const auto left_ms = static_cast<std::uint32_t>(end_ms > now_ms ? end_ms - now_ms : 0);
    // Its last words first: where the kernel encrypts, data does not wait behind them.
    if (state == TlsSession::State::kDone && sent) co_return co_await tls_flush(left_ms);
    if (state != TlsSession::State::kWait || !sent) {
      if (tls->looks_like_http()) {
        tls.reset();
        co_return fail(ErrorCode::kUnsupported, "plain HTTP where TLS is spoken");
      }
      tls->fail_now();
      co_return fail(tls->failure());
    }
    auto readable = co_await tls_readable(left_ms, "TLS handshake");
    if (!readable) {
      tls->fail_now();
      co_return readable;
    }
  }
}

// --- Reading.

io::Task<Result<ByteSpan>> Connection::Impl::tls_read(std::uint32_t timeout_ms) {
  if (!usable()) co_return aborted_error();
  const io::Gate::Pass pass = in_flight.enter();
  interrupted = false;
  decrypted.reset();  // Nothing is held while nothing comes.
  const std::uint64_t end_ms = reactor.now_ms() + timeout_ms;
  for (;;) {
    thread_local std::array<std::byte, kRecordBytes> record;
    const TlsSession::Got got = tls->read(record);
    if (!tls->send() || tls->unsent() > kUnsentBytesMax) {
      tls->fail_now();
      co_return fail(ErrorCode::kClosed, "read: the peer takes no replies");
    }
    if (got.state == TlsSession::State::kDone) {
      decrypted = std::make_unique_for_overwrite<std::byte[]>(got.bytes);
      std::memcpy(decrypted.get(), record.data(), got.bytes);
      co_return ByteSpan(decrypted.get(), got.bytes);
    }
    if (got.state == TlsSession::State::kEnd) co_return ByteSpan{};
    if (got.state == TlsSession::State::kFailed) co_return fail(tls->failure());
    const std::uint64_t now_ms = reactor.now_ms();
    const auto left_ms = static_cast<std::uint32_t>(end_ms > now_ms ? end_ms - now_ms : 0);
    auto readable = co_await tls_readable(left_ms, "read");
    if (!readable) co_return fail(std::move(readable.error()));
  }
}

/// OpenSSL decrypts in the buffer that it received into and writes the bytes to `into`: the only
/// copy that there is.
io::Task<Result<std::size_t>> Connection::Impl::tls_receive(MutableByteSpan into,
                                                            std::uint32_t timeout_ms, bool all) {
  if (!usable()) co_return aborted_error();
  if (into.empty()) co_return std::size_t{0};
  const io::Gate::Pass pass = in_flight.enter();
  interrupted = false;
  decrypted.reset();
  const std::uint64_t end_ms = reactor.now_ms() + timeout_ms;
  std::size_t total = 0;
  for (;;) {
    const TlsSession::Got got = tls->read(into.subspan(total));
    if (!tls->send() || tls->unsent() > kUnsentBytesMax) tls->fail_now();
    total += got.bytes;
    const bool enough = total == into.size() || (!all && total > 0);
    const bool over = got.state == TlsSession::State::kEnd || tls->failed();
    if (enough || (over && total > 0)) co_return total;
    if (got.state == TlsSession::State::kEnd) co_return std::size_t{0};
    if (over) co_return fail(tls->failure());
    const std::uint64_t now_ms = reactor.now_ms();
    const auto left_ms = static_cast<std::uint32_t>(end_ms > now_ms ? end_ms - now_ms : 0);
    auto readable = co_await tls_readable(left_ms, "read");
    if (!readable && total > 0) co_return total;
    if (!readable) co_return fail(std::move(readable.error()));
  }
}

// --- Writing.

/// Until the socket has taken all that is encrypted. `timeout_ms` is for each step.
io::Task<Result<>> Connection::Impl::tls_flush(std::uint32_t timeout_ms) {
  for (;;) {
    if (!tls->send()) co_return fail(tls->failure());
    if (tls->unsent() == 0) co_return Result<>{};
    io::IoOp op = reactor.poll(socket.get(), POLLOUT);
    const Deadline deadline(reactor, timeout_ms, op);
    Result<std::size_t> writable = co_await op;
    if (aborted) co_return aborted_error();
    if (!writable) {
      tls->fail_now();  // Part of a record may have left: nothing can follow but its rest.
      co_return why(std::move(writable.error()), aborted, deadline.passed(), "write");
    }
  }
}

io::Task<Result<>> Connection::Impl::tls_write(std::span<const ByteSpan> pieces,
                                               std::uint32_t timeout_ms, bool more_follows) {
  if (!usable()) co_return aborted_error();
  const io::Gate::Pass pass = in_flight.enter();
  std::size_t skip = 0;  // Of the first piece that is left.
  while (!pieces.empty()) {
    const ByteSpan first = pieces.front().subspan(skip);
    if (first.size() >= kRecordBytes) {
      const std::size_t bytes = std::min(first.size(), step());
      tls->seal(first.first(bytes));
      skip += bytes;
    } else {
      auto& record = gathered();
      while (!pieces.empty() && record.size() < kRecordBytes) {
        const ByteSpan rest = pieces.front().subspan(skip);
        const std::size_t bytes = std::min(rest.size(), kRecordBytes - record.size());
        append(record, rest.first(bytes));
        skip += bytes;
        if (skip < pieces.front().size()) break;
        pieces = pieces.subspan(1);
        skip = 0;
      }
      if (!record.empty()) tls->seal(record);
    }
    if (!pieces.empty() && skip == pieces.front().size()) {
      pieces = pieces.subspan(1);
      skip = 0;
    }
    const bool hold = pieces.empty() && more_follows && tls->unsent() < kRecordBytes;
    if (hold) {
      tls->hold();
      if (tls->failed()) co_return fail(tls->failure());
      continue;
    }
    auto flushed = co_await tls_flush(timeout_ms);
    if (!flushed) co_return flushed;
  }
  co_return Result<>{};
}

io::Task<Result<>> Connection::Impl::tls_write_file(int file, std::uint64_t offset,
                                                    std::uint64_t bytes, std::uint32_t timeout_ms) {
  if (!usable()) co_return aborted_error();
  const io::Gate::Pass pass = in_flight.enter();
  while (bytes > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, step()));
    {
      Result<io::FileBytes> piece = co_await reactor.read_to_send(file, offset, wanted);
      if (aborted) co_return aborted_error();
      if (!piece) co_return fail(std::move(piece.error()));
      const std::size_t count = piece->bytes().size();
      if (count == 0) {
        co_return fail(ErrorCode::kCorrupt, "the file ends before the bytes that were promised");
      }
      tls->seal(piece->bytes());
      if (!tls->send()) co_return fail(tls->failure());
      offset += count;
      bytes -= count;
    }
    if (tls->unsent() == 0) continue;
    auto flushed = co_await tls_flush(timeout_ms);
    if (!flushed) co_return flushed;
  }
  co_return Result<>{};
}

std::size_t Connection::Impl::tls_write_now(std::span<const ByteSpan> pieces) noexcept {
  std::size_t bytes = 0;
  for (const ByteSpan piece : pieces) bytes += piece.size();
  // What is encrypted is sent, now or with the next read: of larger answers only what surely has
  // room is begun.
  if (bytes > kAtOnceBytesMax || tls->failed() || tls->unsent() > 0) return 0;
  if (bytes > kRecordBytes && room_in(socket.get()) < 2 * bytes + kRecordBytes) return 0;
  auto& record = gathered();
  for (const ByteSpan piece : pieces) append(record, piece);
  tls->seal(record);
  return tls->send() ? bytes : 0;
}

// --- Ending.

/// Until TCP has all records that the kernel made. Those that it had no room for wait in the
/// kernel's TLS: a FIN would come before them, and `close` would drop them. None does when the
/// socket has room and the kernel's worker, which is woken like we are, has had its turn.
io::Task<void> Connection::Impl::kernel_queues_all() {
  constexpr std::uint32_t kWorkerMs = 2;
  for (;;) {
    ::pollfd polled{socket.get(), POLLOUT, 0};
    if (::poll(&polled, 1, 0) != 0) co_return;
    io::IoOp op = reactor.poll(socket.get(), POLLOUT);
    const Deadline deadline(reactor, limits::kSendStallTimeoutMs, op);
    Result<std::size_t> writable = co_await op;
    if (!writable || aborted) co_return;
    co_await reactor.sleep_ms(kWorkerMs);
    if (aborted) co_return;
  }
}

/// Our close_notify, behind what is still to be sent.
io::Task<void> Connection::Impl::tls_close() {
  if (!tls->established() || tls->failed()) co_return;
  tls->seal_close();
  // The kernel takes the last word when half of its queue has left; we need room for a record.
  const bool kernel = tls->in_kernel();
  auto flushed = co_await tls_flush(kernel ? limits::kSendStallTimeoutMs : limits::kLingerMs);
  if (flushed && kernel) co_await kernel_queues_all();
}

}  // namespace sf::net

/// Sending files. What is in the page cache goes by sendfile(2), called here: no byte is touched,
/// and since the kernel keeps files in large folios it costs less than a copy from any memory of
/// ours. What is not is read by the backend into a pooled buffer, which also brings it, and what is
/// read ahead, into the page cache; the socket gets what it takes now, and the buffer goes back. So
/// nothing here waits in the kernel for a disk or a slow peer.
///
/// `read_to_send` is for bytes that must be encrypted first: preadv2(RWF_NOWAIT) takes what is in
/// memory, the backend reads what is not.

#include "reactor_impl.hpp"

#include <streamforge/base/limits.hpp>

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace sf::io {

struct FileBuffers::Waiter {
  FileBuffers* pool;
  std::coroutine_handle<> coroutine;
  unsigned index = 0;
  Waiter* next = nullptr;

  explicit Waiter(FileBuffers* buffers) : pool(buffers) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> caller) noexcept {
    coroutine = caller;
    (pool->last_ ? pool->last_->next : pool->first_) = this;
    pool->last_ = this;
  }
  void await_resume() const noexcept {}
};

FileBuffers::FileBuffers() : memory_(limits::kFileBuffers * limits::kFileBufferBytes) {
  for (unsigned n = limits::kFileBuffers; n > 0; --n) free_.push_back(n - 1);
}

FileBuffers::~FileBuffers() { SF_ASSERT(free_.size() == limits::kFileBuffers); }

Task<FileBuffers::Lease> FileBuffers::acquire() {
  if (free_.empty()) {
    Waiter waiter(this);
    co_await waiter;
    co_return Lease(this, waiter.index);
  }
  const unsigned index = free_.back();
  free_.pop_back();
  co_return Lease(this, index);
}

void FileBuffers::give_back(unsigned index) {
  if (!first_) return free_.push_back(index);
  Waiter* waiter = std::exchange(first_, first_->next);
  if (!first_) last_ = nullptr;
  waiter->index = index;
  Reactor::current().post([waiter] { waiter->coroutine.resume(); });
}

FileBuffers::Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}

FileBuffers::Lease::~Lease() {
  if (pool_) pool_->give_back(index_);
}

MutableByteSpan FileBuffers::Lease::bytes() const noexcept {
  return pool_->range().subspan(index_ * limits::kFileBufferBytes, limits::kFileBufferBytes);
}

FileBytes FileBuffers::lend(Lease lease, MutableByteSpan bytes) noexcept {
  FileBytes lent(*lease.pool_, lease.index_);
  lent.bytes_ = bytes;
  lease.pool_ = nullptr;
  return lent;
}

FileBytes::~FileBytes() {
  if (pool_) pool_->give_back(index_);
}

namespace {

std::unexpected<Error> cancelled() { return fail_errno(ECANCELED, "send file"); }

// cachestat(2), Linux 6.5; the C library's headers may be older.
constexpr long kCachestatCall = 451;
struct CachestatRange {
  std::uint64_t offset;
  std::uint64_t bytes;
};
struct Cachestat {
  std::uint64_t cached, dirty, writeback, evicted, recently_evicted;
};
constexpr std::uint64_t kPageBytes = 4096;

/// Whether all pages of the range are in memory; false where the kernel cannot tell. A page that is
/// reclaimed between this and its use costs a wait for the disk, and is as rare as that.
bool in_memory(int file, std::uint64_t offset, std::size_t bytes) noexcept {
  CachestatRange range{offset, bytes};
  Cachestat found{};
  if (::syscall(kCachestatCall, file, &range, &found, 0u) != 0) return false;
  return found.cached >= (offset + bytes - 1) / kPageBytes - offset / kPageBytes + 1;
}

/// What the socket takes at once of pages that are in memory; -errno.
::ssize_t send_pages(int socket, int file, std::uint64_t offset, std::size_t bytes) noexcept {
  auto at = static_cast<::off_t>(offset);
  for (;;) {
    const ::ssize_t sent = ::sendfile(socket, file, &at, bytes);
    if (sent >= 0 || errno != EINTR) return sent < 0 ? -errno : sent;
  }
}

/// Half a page: the C library's `rep movsb` is slow on some processors when source and destination
/// lie alike within their pages, and OpenSSL's record buffers begin near the begin of one. Without
/// it, encrypted delivery took a third more time, all of it in memcpy.
constexpr std::size_t kToSendShiftBytes = 2048;

/// What of a file is in memory, from `offset` on: bytes, 0 at the end of the file, -errno when
/// there is nothing without a wait.
::ssize_t read_pages(int file, std::span<const ::iovec> into, std::uint64_t offset) noexcept {
  for (;;) {
    const ::ssize_t got = ::preadv2(file, into.data(), static_cast<int>(into.size()),
                                    static_cast<::off_t>(offset), RWF_NOWAIT);
    if (got >= 0 || errno != EINTR) return got < 0 ? -errno : got;
  }
}

/// How far the pieces are read, and where the next byte goes.
struct PiecesCursor {
  std::span<const FilePiece> left;
  std::size_t done = 0;  ///< Of the first of `left`.
  std::byte* to = nullptr;

  /// To the next byte that a file has to give; false when there is none.
  bool settle() noexcept {
    while (!left.empty() && (left.front().file < 0 || done == left.front().bytes)) {
      if (left.front().file < 0) to += left.front().bytes;
      left = left.subspan(1);
      done = 0;
    }
    return !left.empty();
  }
  void advance(std::size_t bytes) noexcept {
    while (bytes > 0 && settle()) {
      const std::size_t step = std::min(bytes, left.front().bytes - done);
      done += step;
      to += step;
      bytes -= step;
    }
  }
  [[nodiscard]] std::uint64_t offset() const noexcept { return left.front().offset + done; }
  [[nodiscard]] MutableByteSpan rest_of_piece() const noexcept {
    return {to, left.front().bytes - done};
  }
  /// What lies in the file one behind the other, and not in memory.
  std::span<const ::iovec> gather(std::array<::iovec, 32>& vector) const noexcept {
    const int file = left.front().file;
    std::size_t count = 0;
    std::size_t skip = done;
    std::uint64_t next = offset();
    std::byte* at = to;
    for (const FilePiece& piece : left) {
      if (piece.file >= 0 && (piece.file != file || piece.offset + skip != next)) break;
      if (count == vector.size()) break;
      const std::size_t bytes = piece.bytes - std::exchange(skip, 0);
      if (piece.file >= 0) {
        vector[count++] = {at, bytes};
        next += bytes;
      }
      at += bytes;
    }
    return {vector.data(), count};
  }
};

/// Until the next turn.
struct NextTurn {
  Reactor& reactor;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> sender) const {
    reactor.post([sender] { sender.resume(); });
  }
  void await_resume() const noexcept {}
};

/// What the socket took of the file's next bytes without waiting; EAGAIN when nothing.
Task<Result<std::size_t>> send_some(Reactor& reactor, FileBuffers& buffers, const FileSend& state,
                                    int file, std::uint64_t offset, std::size_t bytes) {
  FileBuffers::Lease lease = co_await buffers.acquire();
  MutableByteSpan into = lease.bytes().first(std::min(bytes, limits::kFileBufferBytes));
  Result<std::size_t> got = co_await reactor.read_at(file, into, offset);
  if (state.cancelled) co_return cancelled();
  if (!got || *got == 0) co_return got;
  const ::iovec piece{into.data(), *got};
  co_return co_await reactor.send_now(state.socket, std::span(&piece, 1), *got < bytes);
}

}  // namespace

Task<Result<std::size_t>> Reactor::send_file(int socket, int file, std::uint64_t offset,
                                             std::size_t bytes, std::size_t byte_weight) {
  if (bytes == 0) co_return std::size_t{0};
  const FileSend state(impl_->file_sends, socket);
  for (;;) {
    // One turn sends so much and no more: others' small answers go between.
    while (impl_->sendable_bytes == 0) {
      NextTurn next_turn{*this};
      co_await next_turn;
      if (state.cancelled) co_return cancelled();
    }
    const std::size_t step = std::min(bytes, limits::kSendStepBytes);
    Result<std::size_t> sent = std::size_t{0};
    if (in_memory(file, offset, step)) {
      const ::ssize_t count = send_pages(socket, file, offset, step);
      if (count < 0) {
        sent = fail_errno(static_cast<int>(-count), "send file");
      } else {
        sent = static_cast<std::size_t>(count);
        impl_->metrics.from_memory.add(*sent);
        if (byte_weight == 1) impl_->metrics.zero_copy.add(*sent);
      }
    } else {
      sent = co_await send_some(*this, impl_->file_buffers, state, file, offset, bytes);
      if (sent) impl_->metrics.from_disk.add(*sent);
    }
    if (sent) {
      impl_->sendable_bytes -= std::min(*sent * byte_weight, impl_->sendable_bytes);
    }
    if (sent || sent.error().sys != EAGAIN) co_return sent;
    if (state.cancelled) co_return cancelled();
    Result<std::size_t> writable = co_await poll(socket, POLLOUT);
    if (!writable) co_return writable;
  }
}

Task<Result<FileBytes>> Reactor::read_to_send(int file, std::uint64_t offset, std::size_t bytes) {
  while (impl_->sendable_bytes == 0) {
    NextTurn next_turn{*this};
    co_await next_turn;
  }
  FileBuffers::Lease lease = co_await impl_->file_buffers.acquire();
  const MutableByteSpan room = lease.bytes().subspan(kToSendShiftBytes);
  const MutableByteSpan into = room.first(std::min(bytes, room.size()));
  const ::iovec piece{into.data(), into.size()};
  const ::ssize_t got = read_pages(file, std::span(&piece, 1), offset);
  std::size_t count = got > 0 ? static_cast<std::size_t>(got) : 0;
  if (got < 0) {
    // Whatever the reason, the backend's own read finds it too, or gets the bytes.
    const Result<std::size_t> read = co_await read_at(file, into, offset);
    if (!read) co_return fail(read.error());
    count = *read;
  }
  (got < 0 ? impl_->metrics.from_disk : impl_->metrics.from_memory).add(count);
  impl_->sendable_bytes -= std::min(count * limits::kTouchedByteWeight, impl_->sendable_bytes);
  co_return FileBuffers::lend(std::move(lease), into.first(count));
}

Task<Result<FileBytes>> Reactor::read_to_send(std::span<const FilePiece> pieces) {
  while (impl_->sendable_bytes == 0) {
    NextTurn next_turn{*this};
    co_await next_turn;
  }
  FileBuffers::Lease lease = co_await impl_->file_buffers.acquire();
  const MutableByteSpan room = lease.bytes().subspan(kToSendShiftBytes);
  std::size_t total = 0;
  for (const FilePiece& piece : pieces) total += piece.bytes;
  SF_ASSERT(total <= kPiecesBytesMax);
  PiecesCursor cursor{pieces, 0, room.data()};
  std::array<::iovec, 32> vector;
  while (cursor.settle()) {
    const int file = cursor.left.front().file;
    const ::ssize_t got = read_pages(file, cursor.gather(vector), cursor.offset());
    std::size_t count = got > 0 ? static_cast<std::size_t>(got) : 0;
    if (got < 0) {
      const Result<std::size_t> read =
          co_await read_at(file, cursor.rest_of_piece(), cursor.offset());
      if (!read) co_return fail(read.error());
      count = *read;
    }
    if (count == 0) {
      co_return fail(ErrorCode::kCorrupt, "the file ends before the bytes that were promised");
    }
    (got < 0 ? impl_->metrics.from_disk : impl_->metrics.from_memory).add(count);
    cursor.advance(count);
  }
  impl_->sendable_bytes -= std::min(total * limits::kTouchedByteWeight, impl_->sendable_bytes);
  co_return FileBuffers::lend(std::move(lease), room.first(total));
}

}  // namespace sf::io

/// Sending files: read into a pooled buffer, send what the socket takes now, give the buffer back.
/// Two copies, and still as fast as sendfile(2) from a ring, which punts every cold page; unlike it
/// nothing here waits in the kernel for a disk or a slow peer, and a file that changes underneath
/// cannot alter bytes that are on their way.

#include "reactor_impl.hpp"

#include <streamforge/base/limits.hpp>

#include <poll.h>

#include <algorithm>
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

namespace {

std::unexpected<Error> cancelled() { return fail_errno(ECANCELED, "send file"); }

/// What the socket took of the file's next bytes without waiting; EAGAIN when nothing.
Task<Result<std::size_t>> send_some(Reactor& reactor, FileBuffers& buffers, const FileSend& state,
                                    int file, std::uint64_t offset, std::size_t bytes,
                                    bool more_follows) {
  FileBuffers::Lease lease = co_await buffers.acquire();
  MutableByteSpan into = lease.bytes().first(std::min(bytes, limits::kFileBufferBytes));
  Result<std::size_t> got = co_await reactor.read_at(file, into, offset);
  if (state.cancelled) co_return cancelled();
  if (!got || *got == 0) co_return got;
  const ::iovec piece{into.data(), *got};
  co_return co_await reactor.send_now(state.socket, std::span(&piece, 1),
                                      more_follows || *got < bytes);
}

}  // namespace

Task<Result<std::size_t>> Reactor::send_file(int socket, int file, std::uint64_t offset,
                                             std::size_t bytes, bool more_follows) {
  if (bytes == 0) co_return std::size_t{0};
  const FileSend state(impl_->file_sends, socket);
  for (;;) {
    Result<std::size_t> sent =
        co_await send_some(*this, impl_->file_buffers, state, file, offset, bytes, more_follows);
    if (sent || sent.error().sys != EAGAIN) co_return sent;
    if (state.cancelled) co_return cancelled();
    Result<std::size_t> writable = co_await poll(socket, POLLOUT);
    if (!writable) co_return writable;
  }
}

}  // namespace sf::io

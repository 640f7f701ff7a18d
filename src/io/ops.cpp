/// The reactor's operations: what each fills in, and how its end becomes a Result.

#include "backend.hpp"
#include "reactor_impl.hpp"

#include <streamforge/base/bytes.hpp>

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace sf::io {

namespace {

/// What one operation moves at most: counts come back in 31 bits.
constexpr std::size_t kOpBytesMax = limits::kGiB;

std::string_view verb(OpKind kind) noexcept {
  switch (kind) {
    case OpKind::kReadAt:
    case OpKind::kRead:
      return "read";
    case OpKind::kWriteAt:
    case OpKind::kWrite:
      return "write";
    case OpKind::kSpliceAt:
      return "splice";
    case OpKind::kSyncData:
    case OpKind::kSyncFile:
      return "sync";
    case OpKind::kAllocate:
      return "allocate";
    case OpKind::kOpen:
      return "open";
    case OpKind::kRecv:
      return "receive";
    case OpKind::kSend:
      return "send";
    case OpKind::kConnect:
      return "connect";
    case OpKind::kPoll:
      return "poll";
  }
  return "operation";
}

void resume_awaiter(Completion* self, std::int32_t result, std::uint32_t) {
  auto* op = static_cast<Op*>(self);
  op->result = result;
  op->awaiter.resume();
}

}  // namespace

IoOp::IoOp(Backend& carrier, OpKind what, int descriptor, void* bytes, std::size_t count,
           std::uint64_t at, int op_flags) noexcept {
  on_complete = resume_awaiter;
  backend = &carrier;
  kind = what;
  fd = descriptor;
  data = bytes;
  size = count;
  offset = at;
  flags = op_flags;
}

bool IoOp::await_suspend(std::coroutine_handle<> caller) noexcept {
  awaiter = caller;
  return !backend->start(*this);
}

Result<std::size_t> IoOp::await_resume() const {
  if (result < 0) return fail_errno(-result, verb(kind));
  return static_cast<std::size_t>(result);
}

IoOp Reactor::read_at(int fd, MutableByteSpan into, std::uint64_t offset) {
  return IoOp(backend_impl(), OpKind::kReadAt, fd, into.data(), std::min(into.size(), kOpBytesMax),
              offset);
}

IoOp Reactor::write_at(int fd, ByteSpan from, std::uint64_t offset) {
  return IoOp(backend_impl(), OpKind::kWriteAt, fd, const_cast<std::byte*>(from.data()),
              std::min(from.size(), kOpBytesMax), offset);
}

IoOp Reactor::sync_data(int fd) { return IoOp(backend_impl(), OpKind::kSyncData, fd, nullptr, 0); }
IoOp Reactor::sync_file(int fd) { return IoOp(backend_impl(), OpKind::kSyncFile, fd, nullptr, 0); }

IoOp Reactor::allocate(int fd, std::uint64_t offset, std::uint64_t bytes) {
  return IoOp(backend_impl(), OpKind::kAllocate, fd, nullptr, bytes, offset);
}

IoOp Reactor::recv(int fd, MutableByteSpan into) {
  return IoOp(backend_impl(), OpKind::kRecv, fd, into.data(), std::min(into.size(), kOpBytesMax));
}

IoOp Reactor::recv_all(int fd, MutableByteSpan into) {
  return IoOp(backend_impl(), OpKind::kRecv, fd, into.data(), std::min(into.size(), kOpBytesMax), 0,
              MSG_WAITALL);
}

IoOp::IoOp(Backend& carrier, int socket, std::span<const ::iovec> pieces, int send_flags) noexcept
    : IoOp(carrier, OpKind::kSend, socket, nullptr, 0, 0, send_flags | MSG_NOSIGNAL) {
  message.msg_iov = const_cast<::iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
}

IoOp Reactor::send(int fd, std::span<const ::iovec> pieces, bool more_follows) {
  return IoOp(backend_impl(), fd, pieces, more_follows ? MSG_MORE : 0);
}

IoOp Reactor::send_now(int fd, std::span<const ::iovec> pieces, bool more_follows) {
  return IoOp(backend_impl(), fd, pieces, MSG_DONTWAIT | (more_follows ? MSG_MORE : 0));
}

std::ptrdiff_t Reactor::try_send(int fd, std::span<const ::iovec> pieces,
                                 bool more_follows) noexcept {
  ::msghdr message{};
  message.msg_iov = const_cast<::iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  for (;;) {
    const ::ssize_t sent =
        ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

IoOp Reactor::connect(int fd, const ::sockaddr* address, unsigned address_bytes) {
  return IoOp(backend_impl(), OpKind::kConnect, fd, const_cast<::sockaddr*>(address),
              address_bytes);
}

IoOp Reactor::read(int fd, MutableByteSpan into) {
  return IoOp(backend_impl(), OpKind::kRead, fd, into.data(), std::min(into.size(), kOpBytesMax));
}

IoOp Reactor::write(int fd, ByteSpan from) {
  return IoOp(backend_impl(), OpKind::kWrite, fd, const_cast<std::byte*>(from.data()),
              std::min(from.size(), kOpBytesMax));
}

IoOp Reactor::poll(int fd, short events) {
  return IoOp(backend_impl(), OpKind::kPoll, fd, nullptr, 0, 0, events);
}

void Reactor::cancel(int fd) noexcept {
  for (FileSend* each = impl_->file_sends; each; each = each->next) {
    if (each->socket == fd) each->cancelled = true;
  }
  backend_impl().cancel(fd);
}

void Reactor::cancel(IoOp& op) noexcept { backend_impl().cancel(static_cast<Op&>(op)); }

Task<Result<>> Reactor::read_exactly_at(int fd, MutableByteSpan into, std::uint64_t offset) {
  while (!into.empty()) {
    Result<std::size_t> count = co_await read_at(fd, into, offset);
    if (!count) co_return fail(std::move(count.error()));
    if (*count == 0) co_return fail(ErrorCode::kCorrupt, "read: the file ends too early");
    into = into.subspan(*count);
    offset += *count;
  }
  co_return {};
}

Task<Result<>> Reactor::write_all_at(int fd, ByteSpan from, std::uint64_t offset) {
  while (!from.empty()) {
    Result<std::size_t> count = co_await write_at(fd, from, offset);
    if (!count) co_return fail(std::move(count.error()));
    if (*count == 0) co_return fail_errno(EIO, "write: nothing was taken");
    from = from.subspan(*count);
    offset += *count;
  }
  co_return {};
}

Task<Result<UniqueFd>> Reactor::open_at(int dir_fd, std::string path, int flags, unsigned mode,
                                        bool beneath) {
  ::open_how how{};
  how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  how.mode = creates ? mode : 0;  // openat2 refuses it otherwise.
  how.resolve = beneath ? RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS : 0;
  IoOp op(backend_impl(), OpKind::kOpen, dir_fd, path.data(), 0);
  op.how = &how;
  Result<std::size_t> fd = co_await op;
  if (!fd) {
    fd.error().message = concat("open ", path, ": ", std::strerror(fd.error().sys));
    co_return fail(std::move(fd.error()));
  }
  co_return UniqueFd(static_cast<int>(*fd));
}

}  // namespace sf::io

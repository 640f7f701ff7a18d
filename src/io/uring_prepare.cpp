/// An operation as a submission entry: one case a kind.

#include "uring_backend.hpp"

#include <fcntl.h>

namespace sf::io {

void UringBackend::prepare(::io_uring_sqe& entry, Op& op) noexcept {
  ::io_uring_sqe* sqe = &entry;
  const auto size = static_cast<unsigned>(op.size);  // At most 1 GiB, but for kAllocate.
  switch (op.kind) {
    case OpKind::kReadAt:
      if (const int slot = fixed_slot(op.data, op.size); slot >= 0) {
        ::io_uring_prep_read_fixed(sqe, op.fd, op.data, size, op.offset, slot);
      } else {
        ::io_uring_prep_read(sqe, op.fd, op.data, size, op.offset);
      }
      return;
    case OpKind::kWriteAt:
      if (const int slot = fixed_slot(op.data, op.size); slot >= 0) {
        ::io_uring_prep_write_fixed(sqe, op.fd, op.data, size, op.offset, slot);
      } else {
        ::io_uring_prep_write(sqe, op.fd, op.data, size, op.offset);
      }
      return;
    case OpKind::kSpliceAt:
      return ::io_uring_prep_splice(sqe, op.from, -1, op.fd, static_cast<std::int64_t>(op.offset),
                                    size, SPLICE_F_MOVE);
    case OpKind::kSyncData:
      return ::io_uring_prep_fsync(sqe, op.fd, IORING_FSYNC_DATASYNC);
    case OpKind::kSyncFile:
      return ::io_uring_prep_fsync(sqe, op.fd, 0);
    case OpKind::kAllocate:
      return ::io_uring_prep_fallocate(sqe, op.fd, 0, static_cast<::off_t>(op.offset),
                                       static_cast<::off_t>(op.size));
    case OpKind::kOpen:
      return ::io_uring_prep_openat2(sqe, op.fd, static_cast<const char*>(op.data),
                                     static_cast<::open_how*>(op.how));
    case OpKind::kRecv:
      return ::io_uring_prep_recv(sqe, op.fd, op.data, op.size, op.flags);
    case OpKind::kSend:
      if (op.message.msg_iovlen == 1) {
        const ::iovec& piece = *op.message.msg_iov;
        return ::io_uring_prep_send(sqe, op.fd, piece.iov_base, piece.iov_len, op.flags);
      }
      return ::io_uring_prep_sendmsg(sqe, op.fd, &op.message, static_cast<unsigned>(op.flags));
    case OpKind::kConnect:
      return ::io_uring_prep_connect(sqe, op.fd, static_cast<const ::sockaddr*>(op.data),
                                     static_cast<::socklen_t>(op.size));
    case OpKind::kRead:  // Offset -1: the descriptor has no position, or its own is meant.
      return ::io_uring_prep_read(sqe, op.fd, op.data, size, static_cast<std::uint64_t>(-1));
    case OpKind::kWrite:
      return ::io_uring_prep_write(sqe, op.fd, op.data, size, static_cast<std::uint64_t>(-1));
    case OpKind::kPoll:
      return ::io_uring_prep_poll_add(sqe, op.fd, static_cast<unsigned>(op.flags));
  }
}

}  // namespace sf::io

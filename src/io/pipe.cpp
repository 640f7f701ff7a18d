/// Splicing: socket → pipe here, for it takes what is there and never waits; pipe → file by the
/// backend, for that waits for the disk when the page cache is full of unwritten pages. The kernel
/// holds a pipe's lock throughout either, so one that is being written is left alone.

#include <streamforge/base/limits.hpp>
#include <streamforge/io/pipe.hpp>
#include <streamforge/io/reactor.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace sf::io {

Result<Pipe> Pipe::make() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(limits::kStagingBufferBytes)) < 0) {
    return fail_errno(errno, "enlarge a pipe");
  }
  return pipe;
}

bool Pipe::full() const noexcept {
  ::pollfd polled{write_end(), POLLOUT, 0};
  return ::poll(&polled, 1, 0) == 0;
}

std::ptrdiff_t Reactor::try_splice(int socket, const Pipe& into, std::size_t bytes) noexcept {
  for (;;) {
    const ::ssize_t moved = ::splice(socket, nullptr, into.write_end(), nullptr, bytes,
                                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (moved >= 0) return moved;
    if (errno != EINTR) return -errno;
  }
}

Task<Result<>> Reactor::splice_all_at(int fd, const Pipe& from, std::size_t bytes,
                                      std::uint64_t offset) {
  while (bytes > 0) {
    IoOp op(backend_impl(), OpKind::kSpliceAt, fd, nullptr, bytes, offset);
    op.from = from.read_end();
    Result<std::size_t> count = co_await op;
    if (!count) co_return fail(std::move(count.error()));
    if (*count == 0) co_return fail_errno(EIO, "splice: nothing was taken");
    bytes -= *count;
    offset += *count;
  }
  co_return {};
}

}  // namespace sf::io

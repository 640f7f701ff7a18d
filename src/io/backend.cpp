#include "backend.hpp"

#include <streamforge/base/assert.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace sf::io {

std::string_view name_of(BackendKind kind) noexcept {
  switch (kind) {
    case BackendKind::kAuto:
      return "auto";
    case BackendKind::kUring:
      return "uring";
    case BackendKind::kEpoll:
      return "epoll";
  }
  return "auto";
}

Result<BackendKind> resolve(BackendKind wanted, std::string* reason) {
  if (wanted == BackendKind::kEpoll) return wanted;
  const int sys = probe_uring();
  if (sys == 0) return BackendKind::kUring;
  std::string_view words;
  switch (sys) {
    case ENOSYS:
      words = "this kernel has no io_uring";
      break;
    case EPERM:
      words =
          "io_uring is not permitted here (a container's seccomp profile, or "
          "kernel.io_uring_disabled)";
      break;
    case EINVAL:
      words = "this kernel's io_uring lacks what is needed (Linux 6.1 has it)";
      break;
    default:
      return fail_errno(sys, "io_uring_setup");
  }
  if (wanted == BackendKind::kUring) {
    return std::unexpected(
        Error{ErrorCode::kUnsupported, concat(words, "; use --io auto or --io epoll"), sys});
  }
  if (reason) *reason = words;
  return BackendKind::kEpoll;
}

Result<RecvBuffers> RecvBuffers::allocate() {
  void* memory = ::mmap(nullptr, limits::kRecvBuffers * limits::kRecvBufferBytes,
                        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "mmap receive buffers");
  return RecvBuffers(static_cast<std::byte*>(memory));
}

RecvBuffers::RecvBuffers(RecvBuffers&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), free_(other.free_) {}

RecvBuffers::~RecvBuffers() {
  if (memory_) ::munmap(memory_, limits::kRecvBuffers * limits::kRecvBufferBytes);
}

unsigned Backend::complete() {
  unsigned count = complete_events();
  std::swap(deferred_, running_);
  for (const Deferred& one : running_) one.target->on_complete(one.target, one.result, one.flags);
  count += static_cast<unsigned>(running_.size());
  running_.clear();
  return count;
}

void Backend::complete_later(Completion& target, std::int32_t result, std::uint32_t flags) {
  deferred_.push_back({&target, result, flags});
}

void Backend::give_back(std::uint32_t id) noexcept {
  recv_buffers_.gave();
  refill(id);
  if (line_first_) {
    Multishot& shot = *line_first_;
    leave_line(shot);
    start(shot);
  }
}

void Backend::await_buffer(Multishot& shot) noexcept {
  if (recv_buffers_.free() > 0) return start(shot);
  shot.starved = true;
  shot.previous = line_last_;
  shot.next = nullptr;
  (line_last_ ? line_last_->next : line_first_) = &shot;
  line_last_ = &shot;
}

void Backend::leave_line(Multishot& shot) noexcept {
  (shot.previous ? shot.previous->next : line_first_) = shot.next;
  (shot.next ? shot.next->previous : line_last_) = shot.previous;
  shot.starved = false;
}

void Backend::cancel(int fd) noexcept {
  for (Multishot* each = line_first_; each;) {
    Multishot* shot = std::exchange(each, each->next);
    if (shot->fd == fd) cancel(*shot);
  }
  cancel_armed(fd);
}

void Backend::cancel(Multishot& shot) noexcept {
  if (!shot.starved) return cancel_armed(shot);
  leave_line(shot);
  complete_later(shot, -ECANCELED);
}

}  // namespace sf::io

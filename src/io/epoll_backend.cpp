#include "epoll_backend.hpp"

#include "mailbox.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace sf::io {

namespace {

/// Completions inside `start` in one turn; then operations queue, so that no socket that is always
/// ready, and no long chain of resumptions, keeps the others waiting.
constexpr unsigned kAtOnceMax = 64;
/// Accepts or receives of one multishot in one turn.
constexpr unsigned kShareMax = 16;

constexpr std::uint32_t kIn = EPOLLIN | EPOLLRDHUP;
constexpr std::uint32_t kBroken = EPOLLERR | EPOLLHUP;

std::uint32_t events_for(const Op& op) noexcept {
  switch (op.kind) {
    case OpKind::kSend:
    case OpKind::kConnect:
    case OpKind::kWrite:
      return EPOLLOUT;
    case OpKind::kPoll:  // The values of poll(2) and epoll(7) are the same for these.
      return static_cast<std::uint32_t>(op.flags) &
             (EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | kBroken);
    default:
      return kIn;
  }
}

/// Bytes that a receive already has are not lost by cancelling it.
std::int32_t result_of_cancelled(const Op& op) noexcept {
  return op.result > 0 ? op.result : -ECANCELED;
}

template <class Call>
std::int32_t again_if_interrupted(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0) return static_cast<std::int32_t>(result);
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

Result<std::unique_ptr<Backend>> make_epoll_backend(int eventfd) {
  Result<RecvBuffers> buffers = RecvBuffers::allocate();
  if (!buffers) return fail(std::move(buffers.error()));
  auto backend = std::make_unique<EpollBackend>(std::move(*buffers), eventfd);
  if (Result<> set_up = backend->set_up(); !set_up) return fail(std::move(set_up.error()));
  return backend;
}

EpollBackend::EpollBackend(RecvBuffers buffers, int eventfd)
    : Backend(std::move(buffers)),
      eventfd_(eventfd),
      files_([eventfd] { Mailbox::ring(eventfd); }) {
  free_buffers_.reserve(limits::kRecvBuffers);
  for (unsigned n = limits::kRecvBuffers; n > 0; --n) {
    free_buffers_.push_back(static_cast<std::uint16_t>(n - 1));
  }
}

Result<> EpollBackend::set_up() {
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail_errno(errno, "epoll_create1");
  // Edge-triggered: each write is an event, and the counter is never read.
  ::epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = eventfd_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, eventfd_, &event) != 0) {
    return fail_errno(errno, "epoll_ctl");
  }
  return {};
}

// --- Operations.

bool EpollBackend::start(Op& op) noexcept {
  return op.kind <= OpKind::kOpen ? start_file(op) : start_polled(op);
}

bool EpollBackend::start_file(Op& op) noexcept {
  op.result = 0;
  // O_DIRECT would wait for the disk whatever RWF_NOWAIT says.
  if (op.kind == OpKind::kReadAt && at_once_left_ > 0 &&
      (::fcntl(op.fd, F_GETFL) & O_DIRECT) == 0) {
    const ::iovec into{op.data, op.size};
    const auto got = again_if_interrupted(
        [&] { return ::preadv2(op.fd, &into, 1, static_cast<::off_t>(op.offset), RWF_NOWAIT); });
    // Part of it in memory: the pool reads the rest. None at all is the end of the file.
    if (got == 0 || static_cast<std::size_t>(got) == op.size) {
      --at_once_left_;
      op.result = got;
      return true;
    }
    op.result = std::max(got, 0);
  }
  files_.start(op);
  return false;
}

bool EpollBackend::start_polled(Op& op) noexcept {
  op.started = false;
  op.result = 0;
  if (at_once_left_ == 0) {
    watch_of(op.fd).push(op);
    visit_again(op.fd);
    return false;
  }
  const std::int32_t result = attempt(op);
  if (result != -EAGAIN || (op.kind == OpKind::kSend && (op.flags & MSG_DONTWAIT) != 0)) {
    op.result = result;
    --at_once_left_;
    return true;
  }
  watch_of(op.fd).push(op);
  if (const int sys = watch(op.fd, events_for(op)); sys != 0) {
    Watch& entry = watch_of(op.fd);
    entry.remove(op);
    entry.settle();
    op.result = -sys;
    return true;
  }
  return false;
}

std::int32_t EpollBackend::attempt(Op& op) noexcept {
  switch (op.kind) {
    case OpKind::kRecv:
      return attempt_recv(op);
    case OpKind::kSend:
      return again_if_interrupted(
          [&] { return ::sendmsg(op.fd, &op.message, op.flags | MSG_DONTWAIT); });
    case OpKind::kRead:
      return again_if_interrupted([&] { return ::read(op.fd, op.data, op.size); });
    case OpKind::kWrite:
      return again_if_interrupted([&] { return ::write(op.fd, op.data, op.size); });
    case OpKind::kConnect:
      return attempt_connect(op);
    default: {
      ::pollfd polled{op.fd, static_cast<short>(op.flags), 0};
      const auto count = again_if_interrupted([&] { return ::poll(&polled, 1, 0); });
      if (count < 0) return count;
      return count == 0 ? -EAGAIN : polled.revents;
    }
  }
}

/// Counts in `result` what a receive that is to fill its buffer has got.
std::int32_t EpollBackend::attempt_recv(Op& op) noexcept {
  for (;;) {
    const auto got = again_if_interrupted([&] {
      return ::recv(op.fd, static_cast<std::byte*>(op.data) + op.result,
                    op.size - static_cast<std::size_t>(op.result), MSG_DONTWAIT);
    });
    if (got == -EAGAIN) return got;
    if (got < 0) return op.result > 0 ? op.result : got;
    op.result += got;
    const bool full = static_cast<std::size_t>(op.result) == op.size;
    if (full || got == 0 || (op.flags & MSG_WAITALL) == 0) return op.result;
  }
}

std::int32_t EpollBackend::attempt_connect(Op& op) noexcept {
  if (!op.started) {
    op.started = true;
    if (::connect(op.fd, static_cast<const ::sockaddr*>(op.data),
                  static_cast<::socklen_t>(op.size)) == 0) {
      return 0;
    }
    // EAGAIN is a Unix socket whose backlog is full: an answer, not a wait.
    if (errno == EAGAIN) return -ECONNREFUSED;
    return errno == EINPROGRESS || errno == EINTR ? -EAGAIN : -errno;
  }
  ::pollfd polled{op.fd, POLLOUT, 0};
  if (::poll(&polled, 1, 0) == 0) return -EAGAIN;
  int sys = 0;
  ::socklen_t bytes = sizeof sys;
  if (::getsockopt(op.fd, SOL_SOCKET, SO_ERROR, &sys, &bytes) != 0) return -errno;
  return -sys;
}

// --- Watching.

void EpollBackend::Watch::push(Op& op) noexcept {
  op.previous = last;
  op.next = nullptr;
  (last ? last->next : first) = &op;
  last = &op;
}

void EpollBackend::Watch::remove(Op& op) noexcept {
  (op.previous ? op.previous->next : first) = op.next;
  (op.next ? op.next->previous : last) = op.previous;
}

EpollBackend::Watch& EpollBackend::watch_of(int fd) {
  const auto index = static_cast<std::size_t>(std::max(fd, 0));
  if (index >= watches_.size()) watches_.resize(std::max(index + 1, watches_.size() * 2));
  return watches_[index];
}

int EpollBackend::watch(int fd, std::uint32_t events) noexcept {
  if (fd < 0) return EBADF;
  Watch& entry = watch_of(fd);
  if ((entry.events & events) == events) return 0;
  ::epoll_event event{};
  event.events = entry.events | events | EPOLLET;
  event.data.fd = fd;
  // Mostly it has been watched before; a descriptor of the same number but another file has not.
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    if (errno != ENOENT) return errno;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno;
  }
  entry.events |= events;
  return 0;
}

void EpollBackend::visit_again(int fd) {
  Watch& entry = watch_of(fd);
  if (std::exchange(entry.queued, true)) return;
  again_.push_back(fd);
}

void EpollBackend::wait_for_events(std::uint32_t timeout_ms) {
  int wait_ms = timeout_ms > std::uint32_t{std::numeric_limits<int>::max()}
                    ? -1
                    : static_cast<int>(timeout_ms);
  if (!again_.empty()) wait_ms = 0;
  const int count =
      ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), wait_ms);
  SF_ASSERT(count >= 0 || errno == EINTR);
  event_count_ = static_cast<unsigned>(std::max(count, 0));
}

unsigned EpollBackend::complete_events() {
  at_once_left_ = kAtOnceMax;
  std::swap(again_, visiting_);
  for (const int fd : visiting_) watches_[static_cast<std::size_t>(fd)].queued = false;
  for (const int fd : visiting_) handle(fd, kIn | EPOLLOUT | kBroken);
  visiting_.clear();

  for (unsigned n = 0; n < event_count_; ++n) {
    if (events_[n].data.fd != eventfd_) handle(events_[n].data.fd, events_[n].events);
  }
  event_count_ = 0;

  for (Op* each = files_.take_done(); each;) {
    Op* op = std::exchange(each, each->next);
    complete_later(*op, op->result);
  }
  return 0;  // All of them complete, and are counted, as deferred ones.
}

void EpollBackend::handle(int fd, std::uint32_t events) {
  Watch& entry = watches_[static_cast<std::size_t>(fd)];
  for (Op* each = entry.first; each;) {
    Op* op = std::exchange(each, each->next);
    if ((events & (events_for(*op) | kBroken)) == 0) continue;
    std::int32_t result = attempt(*op);
    const bool waits =
        result == -EAGAIN && !(op->kind == OpKind::kSend && (op->flags & MSG_DONTWAIT) != 0);
    if (waits) {
      const int sys = watch(fd, events_for(*op));
      if (sys == 0) continue;
      result = -sys;
    }
    entry.remove(*op);
    complete_later(*op, result);
  }
  if (entry.shot && (events & (kIn | kBroken)) != 0) serve(fd, events);
  entry.settle();
}

// --- Multishots.

void EpollBackend::start(Multishot& shot) noexcept {
  Watch& entry = watch_of(shot.fd);
  SF_ASSERT(!entry.shot);
  entry.shot = &shot;
  // Newly watched, the kernel says what is there; otherwise that edge may be past.
  if ((entry.events & kIn) == kIn) return visit_again(shot.fd);
  if (const int sys = watch(shot.fd, kIn); sys != 0) {
    end(entry, -sys);
    entry.settle();
  }
}

void EpollBackend::serve(int fd, std::uint32_t events) {
  for (unsigned count = 0; count < kShareMax; ++count) {
    Watch& entry = watches_[static_cast<std::size_t>(fd)];
    bool short_read = false;
    if (!serve_once(entry, &short_read) || !entry.shot) return;
    // A short read has emptied the socket, unless the end is queued behind it.
    if (short_read && (events & (EPOLLRDHUP | kBroken)) == 0) return;
  }
  visit_again(fd);
}

bool EpollBackend::serve_once(Watch& entry, bool* short_read) {
  Multishot& shot = *entry.shot;
  if (shot.kind == Multishot::Kind::kAccept) {
    const auto result = again_if_interrupted(
        [&] { return ::accept4(shot.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); });
    if (result == -EAGAIN) return false;
    if (result < 0) {
      end(entry, result);
    } else {
      complete_later(shot, result, Completion::kMore);
    }
    return true;
  }
  if (free_buffers_.empty()) {
    end(entry, -ENOBUFS);
    return true;
  }
  const std::uint16_t id = free_buffers_.back();
  const MutableByteSpan into = recv_buffer(id);
  const auto result =
      again_if_interrupted([&] { return ::recv(shot.fd, into.data(), into.size(), MSG_DONTWAIT); });
  if (result == -EAGAIN) return false;
  if (result <= 0) {
    end(entry, result);
    return true;
  }
  free_buffers_.pop_back();
  recv_buffers_.took();
  *short_read = static_cast<std::size_t>(result) < into.size();
  complete_later(shot, result,
                 Completion::kMore | Completion::kHasBuffer |
                     static_cast<std::uint32_t>(id) << Completion::kBufferShift);
  return true;
}

void EpollBackend::end(Watch& entry, std::int32_t result) {
  complete_later(*std::exchange(entry.shot, nullptr), result);
}

void EpollBackend::refill(std::uint32_t id) noexcept {
  free_buffers_.push_back(static_cast<std::uint16_t>(id));
}

// --- Cancelling.

void EpollBackend::cancel(Op& op) noexcept {
  if (op.kind <= OpKind::kOpen) {
    if (files_.remove(op)) complete_later(op, -ECANCELED);
    return;
  }
  Watch& entry = watch_of(op.fd);
  for (Op* each = entry.first; each; each = each->next) {
    if (each != &op) continue;
    entry.remove(op);
    entry.settle();
    return complete_later(op, result_of_cancelled(op));
  }
}

void EpollBackend::cancel_armed(Multishot& shot) noexcept {
  Watch& entry = watch_of(shot.fd);
  if (entry.shot != &shot) return;
  end(entry, -ECANCELED);
  entry.settle();
}

void EpollBackend::cancel_armed(int fd) noexcept {
  if (fd < 0) return;
  Watch& entry = watch_of(fd);
  while (Op* op = entry.first) {
    entry.remove(*op);
    complete_later(*op, result_of_cancelled(*op));
  }
  if (entry.shot) end(entry, -ECANCELED);
  entry.settle();
  while (Op* op = files_.remove_any(fd)) complete_later(*op, -ECANCELED);
}

}  // namespace sf::io

#include "uring_backend.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <poll.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

namespace sf::io {

namespace {

constexpr std::uint16_t kRecvGroup = 0;
constexpr unsigned kCompletionBatch = 128;
static_assert(std::has_single_bit(limits::kRecvBuffers));  // The kernel's rule for buffer rings.
static_assert(Completion::kHasBuffer == IORING_CQE_F_BUFFER);
static_assert(Completion::kMore == IORING_CQE_F_MORE);
static_assert(Completion::kBufferShift == IORING_CQE_BUFFER_SHIFT);

::io_uring_params ring_params() noexcept {
  ::io_uring_params params{};
  // One thread submits, and completions are run when it asks for them: no interruptions. Disabled
  // until that thread attaches, for it is not always the thread that creates.
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
  params.cq_entries = limits::kRingEntries * 4;
  return params;
}

}  // namespace

int probe_uring() noexcept {
  ::io_uring ring{};
  ::io_uring_params params = ring_params();
  params.cq_entries = 8;
  const int sys = -::io_uring_queue_init_params(4, &ring, &params);
  if (sys == 0) ::io_uring_queue_exit(&ring);
  return sys;
}

Result<std::unique_ptr<Backend>> make_uring_backend(int eventfd) {
  Result<RecvBuffers> buffers = RecvBuffers::allocate();
  if (!buffers) return fail(std::move(buffers.error()));
  auto backend = std::make_unique<UringBackend>(std::move(*buffers), eventfd);
  if (Result<> set_up = backend->set_up(); !set_up) return fail(std::move(set_up.error()));
  return backend;
}

Result<> UringBackend::set_up() {
  ::io_uring_params params = ring_params();
  int sys = -::io_uring_queue_init_params(limits::kRingEntries, &ring_, &params);
  if (sys != 0) return fail_errno(sys, "io_uring_setup");
  ring_exists_ = true;

  std::array<unsigned, 2> workers{limits::kIoWqWorkersMax, limits::kIoWqWorkersMax};
  sys = -::io_uring_register_iowq_max_workers(&ring_, workers.data());
  if (sys != 0) return fail_errno(sys, "cap io_uring's workers");
  return set_up_recv_ring();
}

Result<> UringBackend::set_up_recv_ring() {
  const std::size_t bytes = limits::kRecvBuffers * sizeof(::io_uring_buf);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "mmap buffer ring");
  recv_ring_ = static_cast<::io_uring_buf_ring*>(memory);
  ::io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  registration.ring_entries = limits::kRecvBuffers;
  registration.bgid = kRecvGroup;
  const int sys = -::io_uring_register_buf_ring(&ring_, &registration, 0);
  if (sys != 0) return fail_errno(sys, "register receive buffers");
  ::io_uring_buf_ring_init(recv_ring_);
  for (std::uint32_t id = 0; id < limits::kRecvBuffers; ++id) refill(id);
  return {};
}

UringBackend::~UringBackend() {
  if (ring_exists_) ::io_uring_queue_exit(&ring_);
  if (recv_ring_) ::munmap(recv_ring_, limits::kRecvBuffers * sizeof(::io_uring_buf));
}

void UringBackend::attach() {
  // A second run, on the same thread, finds the ring enabled.
  if (!enabled_) {
    // liburing 2.3 declares io_uring_enable_rings and does not export it.
    const int sys = -::io_uring_register(static_cast<unsigned>(ring_.ring_fd),
                                         IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    SF_ASSERT(sys == 0);
    enabled_ = true;
    wake_poll_.on_complete = [](Completion* self, std::int32_t, std::uint32_t flags) {
      auto* poll = static_cast<WakePoll*>(self);
      if ((flags & Completion::kMore) == 0) poll->owner->arm_wake_poll();
    };
    wake_poll_.owner = this;
    arm_wake_poll();
  }
  // Spares a descriptor look-up at each enter; the kernel may be out of places, which is harmless.
  ::io_uring_register_ring_fd(&ring_);
}

void UringBackend::detach() noexcept {
  if (ring_.enter_ring_fd != ring_.ring_fd) ::io_uring_unregister_ring_fd(&ring_);
}

/// Every write to the eventfd completes this poll once more; the eventfd is never read, for it
/// cannot overflow in practice and each read would be an operation.
void UringBackend::arm_wake_poll() noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  ::io_uring_prep_poll_multishot(sqe, eventfd_, POLLIN);
  ::io_uring_sqe_set_data(sqe, &wake_poll_);
}

::io_uring_sqe* UringBackend::next_sqe() noexcept {
  ::io_uring_sqe* sqe = ::io_uring_get_sqe(&ring_);
  while (!sqe) {
    // The queue is full: hand over what is there. The kernel takes all of it (SUBMIT_ALL), unless
    // it is short of memory or completions must be fetched first, which get_events does.
    SF_ASSERT(enabled_);
    const int sys = -::io_uring_submit_and_get_events(&ring_);
    SF_ASSERT(sys <= 0 || sys == EAGAIN || sys == EBUSY || sys == EINTR);
    sqe = ::io_uring_get_sqe(&ring_);
  }
  return sqe;
}

bool UringBackend::start(Op& op) noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  prepare(*sqe, op);
  ::io_uring_sqe_set_data(sqe, static_cast<Completion*>(&op));
  return false;
}

void UringBackend::start(Multishot& shot) noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  if (shot.kind == Multishot::Kind::kAccept) {
    ::io_uring_prep_multishot_accept(sqe, shot.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } else {
    ::io_uring_prep_recv_multishot(sqe, shot.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kRecvGroup;
  }
  ::io_uring_sqe_set_data(sqe, static_cast<Completion*>(&shot));
}

void UringBackend::cancel_by_data(Completion* target) noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  ::io_uring_prep_cancel64(sqe, reinterpret_cast<std::uintptr_t>(target), 0);
  ::io_uring_sqe_set_data(sqe, nullptr);
}

void UringBackend::cancel(Op& op) noexcept { cancel_by_data(&op); }
void UringBackend::cancel_armed(Multishot& shot) noexcept { cancel_by_data(&shot); }

void UringBackend::cancel_armed(int fd) noexcept {
  ::io_uring_sqe* sqe = next_sqe();
  ::io_uring_prep_cancel_fd(sqe, fd, IORING_ASYNC_CANCEL_ALL);
  ::io_uring_sqe_set_data(sqe, nullptr);
  // Now, not with the next batch: the caller may close the descriptor right after this.
  if (enabled_) ::io_uring_submit(&ring_);
}

void UringBackend::refill(std::uint32_t id) noexcept {
  const MutableByteSpan bytes = recv_buffer(id);
  ::io_uring_buf_ring_add(recv_ring_, bytes.data(), static_cast<unsigned>(bytes.size()),
                          static_cast<std::uint16_t>(id),
                          ::io_uring_buf_ring_mask(limits::kRecvBuffers), 0);
  ::io_uring_buf_ring_advance(recv_ring_, 1);
}

void UringBackend::wait_for_events(std::uint32_t timeout_ms) {
  int result = 0;
  if (timeout_ms == 0 || ::io_uring_cq_ready(&ring_) > 0) {
    result = ::io_uring_submit_and_get_events(&ring_);
  } else if (timeout_ms == std::numeric_limits<std::uint32_t>::max()) {
    result = ::io_uring_submit_and_wait(&ring_, 1);
  } else {
    ::__kernel_timespec timeout{};
    timeout.tv_sec = timeout_ms / 1000;
    timeout.tv_nsec = static_cast<long long>(timeout_ms % 1000) * 1'000'000;
    ::io_uring_cqe* first = nullptr;
    result = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  // EBUSY, EAGAIN: what is still queued goes with the next turn.
  SF_ASSERT(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY ||
            result == -EAGAIN);
}

unsigned UringBackend::complete_events() {
  // No more than the queue holds now: what comes of these completions waits for the next turn.
  unsigned left = ::io_uring_cq_ready(&ring_);
  unsigned total = 0;
  while (left > 0) {
    // Copied out first, so that the kernel has room while coroutines run.
    std::array<::io_uring_cqe*, kCompletionBatch> entries;
    struct Taken {
      Completion* target;
      std::int32_t result;
      std::uint32_t flags;
    };
    std::array<Taken, kCompletionBatch> taken;
    const unsigned count =
        ::io_uring_peek_batch_cqe(&ring_, entries.data(), std::min(left, kCompletionBatch));
    if (count == 0) break;
    for (unsigned n = 0; n < count; ++n) {
      taken[n] = {static_cast<Completion*>(::io_uring_cqe_get_data(entries[n])), entries[n]->res,
                  entries[n]->flags};
    }
    ::io_uring_cq_advance(&ring_, count);
    for (unsigned n = 0; n < count; ++n) {
      const auto& [target, result, flags] = taken[n];
      if ((flags & Completion::kHasBuffer) != 0) recv_buffers_.took();
      if (!target) continue;  // A cancellation's own answer.
      // A worker that was interrupted did so to be cancelled.
      target->on_complete(target, result == -EINTR ? -ECANCELED : result, flags);
    }
    left -= count;
    total += count;
  }
  return total;
}

// --- Registered memory.

void UringBackend::use_fixed(MutableByteSpan range) {
  if (range.empty()) return;
  FixedRange fixed;
  fixed.range = range;
  fixed.first_slot = slots_;
  const auto pieces = static_cast<unsigned>((range.size() + kSlotBytes - 1) / kSlotBytes);
  fixed.registered.resize(pieces);
  slots_ += pieces;
  fixed_.push_back(std::move(fixed));
}

int UringBackend::fixed_slot(const void* data, std::size_t bytes) noexcept {
  const auto* begin = static_cast<const std::byte*>(data);
  for (FixedRange& fixed : fixed_) {
    if (begin < fixed.range.data() || begin >= fixed.range.data() + fixed.range.size()) continue;
    const auto offset = static_cast<std::size_t>(begin - fixed.range.data());
    const std::size_t piece = offset / kSlotBytes;
    if (offset + bytes > (piece + 1) * kSlotBytes) return -1;
    if (!fixed.registered[piece] && !register_slot(fixed, piece)) return -1;
    return static_cast<int>(fixed.first_slot + piece);
  }
  return -1;
}

/// Registered on first use, so that only memory that is used is pinned (and resident).
bool UringBackend::register_slot(FixedRange& fixed, std::size_t piece) noexcept {
  if (fixed_refused_) return false;
  int sys = 0;
  if (!table_exists_) {
    sys = -::io_uring_register_buffers_sparse(&ring_, slots_);
    table_exists_ = sys == 0;
  }
  if (sys == 0) {
    const std::size_t at = piece * kSlotBytes;
    const ::iovec bytes{fixed.range.data() + at, std::min(kSlotBytes, fixed.range.size() - at)};
    const auto slot = static_cast<unsigned>(fixed.first_slot + piece);
    const int count = ::io_uring_register_buffers_update_tag(&ring_, slot, &bytes, nullptr, 1);
    if (count < 0) sys = -count;
  }
  if (sys == 0) {
    fixed.registered[piece] = true;
    return true;
  }
  fixed_refused_ = true;
  log::info("io", "staging buffers are not registered with the ring; uploads cost a little more",
            {{"error", std::strerror(sys)}, {"hint", "raise the memlock limit"}});
  return false;
}

}  // namespace sf::io

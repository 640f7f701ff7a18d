#include "shot_driver.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/receiver.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace sf::io {

// --- RecvChunk.

RecvChunk::RecvChunk(RecvChunk&& other) noexcept
    : lender_(std::exchange(other.lender_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      buffer_id_(other.buffer_id_),
      copy_(std::exchange(other.copy_, nullptr)) {}

RecvChunk& RecvChunk::operator=(RecvChunk&& other) noexcept {
  if (this != &other) {
    release();
    lender_ = std::exchange(other.lender_, nullptr);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    buffer_id_ = other.buffer_id_;
    copy_ = std::exchange(other.copy_, nullptr);
  }
  return *this;
}

RecvChunk::~RecvChunk() { release(); }

void RecvChunk::release() noexcept {
  if (lender_) lender_->give_back(buffer_id_);
  delete[] copy_;
}

void RecvChunk::skip(std::size_t bytes) noexcept {
  SF_ASSERT(bytes <= size_);
  data_ += bytes;
  size_ -= static_cast<std::uint32_t>(bytes);
}

// --- Receiver.

struct Receiver::Impl : ShotDriver {
  Impl(Backend& carrier, int socket)
      : ShotDriver(carrier, Kind::kReceive, socket, &Impl::on_receive) {}

  std::vector<RecvChunk> queue;
  std::uint32_t taken = 0;  ///< Of `queue`, from its front.
  std::int32_t error = 0;   ///< errno that ended it.
  bool finished = false;    ///< FIN has come.
  bool stopped = false;
  bool interrupted = false;

  [[nodiscard]] bool queue_empty() const noexcept { return taken == queue.size(); }

  RecvChunk pop() {
    RecvChunk chunk = std::move(queue[taken]);
    if (++taken == queue.size()) {
      queue.clear();
      taken = 0;
    }
    return chunk;
  }

  void push(std::int32_t bytes, std::uint32_t id) {
    RecvChunk chunk;
    chunk.size_ = static_cast<std::uint32_t>(bytes);
    chunk.data_ = backend.recv_buffer(id).data();
    chunk.buffer_id_ = id;
    chunk.lender_ = &backend;
    if (backend.few_recv_buffers()) {
      // Whoever holds chunks for long must not take the last buffers from those who read.
      auto* copy = new std::byte[chunk.size_];
      std::memcpy(copy, chunk.data_, chunk.size_);
      backend.give_back(id);
      chunk.lender_ = nullptr;
      chunk.data_ = chunk.copy_ = copy;
    }
    queue.push_back(std::move(chunk));
    if (queue.size() - taken >= limits::kRecvQueueMax) disarm();  // `next` arms it again.
  }

  static void on_receive(Completion* self, std::int32_t result, std::uint32_t flags) {
    auto* impl = static_cast<Impl*>(self);
    if (result > 0) impl->push(result, flags >> kBufferShift);
    if ((flags & kMore) != 0) return impl->wake_waiter();
    impl->armed = false;
    if (result == 0) impl->finished = true;
    if (result == -ENOBUFS && !impl->cancelled) {
      impl->armed = true;
      return impl->backend.await_buffer(*impl);
    }
    // Cancelled by us, or ended by the kernel for a reason that passes: `next` arms it again.
    const bool passing = result > 0 || result == -ENOBUFS || result == -EAGAIN ||
                         (result == -ECANCELED && impl->cancelled);
    if (result < 0 && !passing && impl->error == 0) impl->error = -result;
    impl->wake_both();
  }
};

Receiver::Receiver(Reactor& reactor, int socket)
    : impl_(std::make_unique<Impl>(reactor.backend_impl(), socket)) {}

Receiver::~Receiver() { SF_ASSERT(!impl_->armed && !impl_->waiter && !impl_->stopper); }

Task<Result<RecvChunk>> Receiver::next() {
  for (;;) {
    if (!impl_->queue_empty()) co_return impl_->pop();
    if (impl_->error != 0) co_return fail_errno(impl_->error, "receive");
    if (impl_->finished || impl_->stopped) co_return RecvChunk();
    if (std::exchange(impl_->interrupted, false)) {
      co_return fail(ErrorCode::kCancelled, "receive: interrupted");
    }
    if (!impl_->armed) impl_->arm();
    ShotDriver::Until until{impl_->waiter};
    co_await until;
  }
}

void Receiver::interrupt() noexcept {
  if (!impl_->waiter) return;
  impl_->interrupted = true;
  impl_->wake_waiter();
}

Task<void> Receiver::stop() {
  impl_->stopped = true;
  impl_->disarm();
  while (impl_->armed) {
    ShotDriver::Until until{impl_->stopper};
    co_await until;
  }
  impl_->wake_waiter();
}

void Receiver::resume() noexcept { impl_->stopped = false; }
void Receiver::abort() noexcept {
  if (impl_->error == 0) impl_->error = ECANCELED;
  impl_->disarm();  // Its last completion wakes the waiter.
}

bool Receiver::queued() const noexcept { return !impl_->queue_empty(); }
bool Receiver::stopped() const noexcept { return impl_->stopped; }
bool Receiver::ended() const noexcept { return impl_->finished || impl_->error != 0; }

}  // namespace sf::io

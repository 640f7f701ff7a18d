#include "memory.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/staging.hpp>

#include <utility>
#include <vector>

namespace sf::io {

namespace {
/// One coroutine in line; lives in its frame.
struct Waiter {
  std::coroutine_handle<> coroutine;
  int index = -1;
  Waiter* next = nullptr;
};
}  // namespace

struct StagingPool::Impl {
  explicit Impl(std::size_t bytes) : memory(bytes) {
    // Handed out from the end: the first buffers stay the warm ones.
    for (std::size_t n = bytes / limits::kStagingBufferBytes; n > 0; --n) {
      free.push_back(static_cast<unsigned>(n - 1));
    }
  }

  HugeMemory memory;
  std::vector<unsigned> free;
  unsigned in_use = 0;
  Waiter* first = nullptr;
  Waiter* last = nullptr;

  void give_back(unsigned index) {
    if (!first) {
      --in_use;
      free.push_back(index);
      return;
    }
    Waiter* waiter = std::exchange(first, first->next);
    if (!first) last = nullptr;
    waiter->index = static_cast<int>(index);
    // Not from inside a destructor: whoever gives a buffer back may be in the middle of anything.
    if (Reactor* reactor = Reactor::current_or_null()) {
      reactor->post([waiter] { waiter->coroutine.resume(); });
    } else {
      waiter->coroutine.resume();
    }
  }
};

StagingBuffer::StagingBuffer(StagingBuffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}

StagingBuffer& StagingBuffer::operator=(StagingBuffer&& other) noexcept {
  if (this != &other) {
    if (pool_) pool_->impl_->give_back(index_);
    pool_ = std::exchange(other.pool_, nullptr);
    index_ = other.index_;
  }
  return *this;
}

StagingBuffer::~StagingBuffer() {
  if (pool_) pool_->impl_->give_back(index_);
}

MutableByteSpan StagingBuffer::bytes() const noexcept {
  SF_ASSERT(pool_);
  return pool_->range().subspan(index_ * limits::kStagingBufferBytes, limits::kStagingBufferBytes);
}

StagingPool::StagingPool(std::size_t bytes)
    : impl_(std::make_unique<Impl>(bytes / limits::kStagingBufferBytes *
                                   limits::kStagingBufferBytes)) {}

StagingPool::~StagingPool() { SF_ASSERT(impl_->in_use == 0); }

StagingBuffer StagingPool::try_acquire() noexcept {
  StagingBuffer buffer;
  if (impl_->free.empty()) return buffer;
  buffer.pool_ = this;
  buffer.index_ = impl_->free.back();
  impl_->free.pop_back();
  ++impl_->in_use;
  return buffer;
}

Task<StagingBuffer> StagingPool::acquire() {
  struct InLine : Waiter {
    Impl* pool;
    explicit InLine(Impl* p) : pool(p) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) noexcept {
      coroutine = caller;
      (pool->last ? pool->last->next : pool->first) = this;
      pool->last = this;
    }
    void await_resume() const noexcept {}
  };
  SF_ASSERT(capacity() > 0);
  StagingBuffer buffer = try_acquire();
  if (!buffer) {
    InLine place(impl_.get());
    co_await place;
    buffer.pool_ = this;
    buffer.index_ = static_cast<unsigned>(place.index);
  }
  co_return std::move(buffer);
}

unsigned StagingPool::capacity() const noexcept {
  return static_cast<unsigned>(impl_->memory.bytes().size() / limits::kStagingBufferBytes);
}
unsigned StagingPool::in_use() const noexcept { return impl_->in_use; }
bool StagingPool::huge_pages() const noexcept { return impl_->memory.huge(); }
MutableByteSpan StagingPool::range() const noexcept { return impl_->memory.bytes(); }

}  // namespace sf::io

#pragma once

#include "backend.hpp"

#include <streamforge/base/limits.hpp>

#include <liburing.h>

#include <vector>

namespace sf::io {

/// A ring that one thread owns. What wakes it is the mailbox's eventfd, polled by the ring.
class UringBackend final : public Backend {
 public:
  UringBackend(RecvBuffers buffers, int eventfd) noexcept
      : Backend(std::move(buffers)), eventfd_(eventfd) {}
  ~UringBackend() override;
  Result<> set_up();

  [[nodiscard]] BackendKind kind() const noexcept override { return BackendKind::kUring; }
  void attach() override;
  void detach() noexcept override;
  bool start(Op& op) noexcept override;
  void start(Multishot& shot) noexcept override;
  void cancel(Op& op) noexcept override;
  using Backend::cancel;
  void use_fixed(MutableByteSpan range) override;

 protected:
  void cancel_armed(Multishot& shot) noexcept override;
  void cancel_armed(int fd) noexcept override;
  void wait_for_events(std::uint32_t timeout_ms) override;
  unsigned complete_events() override;
  void refill(std::uint32_t id) noexcept override;

 private:
  /// One entry of the ring's table of registered buffers; an operation lies within one.
  static constexpr std::size_t kSlotBytes = limits::kStagingBufferBytes;
  struct FixedRange {
    MutableByteSpan range;
    unsigned first_slot = 0;
    std::vector<bool> registered;
  };
  struct WakePoll : Completion {
    UringBackend* owner = nullptr;
  };

  Result<> set_up_recv_ring();
  void arm_wake_poll() noexcept;
  /// A submission entry; always gives one.
  ::io_uring_sqe* next_sqe() noexcept;
  void prepare(::io_uring_sqe& sqe, Op& op) noexcept;
  void cancel_by_data(Completion* target) noexcept;
  /// The slot in which these bytes are registered, -1 when they are not.
  int fixed_slot(const void* data, std::size_t bytes) noexcept;
  bool register_slot(FixedRange& fixed, std::size_t piece) noexcept;

  ::io_uring ring_{};
  bool ring_exists_ = false;
  bool enabled_ = false;
  const int eventfd_;  ///< The mailbox's.
  WakePoll wake_poll_;
  ::io_uring_buf_ring* recv_ring_ = nullptr;

  std::vector<FixedRange> fixed_;
  unsigned slots_ = 0;
  bool table_exists_ = false;
  bool fixed_refused_ = false;
};

}  // namespace sf::io

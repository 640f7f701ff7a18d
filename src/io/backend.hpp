#pragma once

/// The seam between a reactor and the kernel: `uring` and `epoll` carry the same operations, and a
/// simulated one can. All calls come from the thread that runs the reactor.

#include "recv_buffers.hpp"

#include <streamforge/io/reactor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace sf::io {

/// An accept or receive that completes until it is cancelled or fails; the last completion lacks
/// kMore, and after it the object may go or be started again. Owned by Acceptor and Receiver.
struct Multishot : Completion {
  enum class Kind : std::uint8_t { kAccept, kReceive };
  Kind kind = Kind::kReceive;
  bool starved = false;  ///< In the line for a receive buffer; not with the kernel.
  int fd = -1;
  Multishot* previous = nullptr;  ///< The line for buffers.
  Multishot* next = nullptr;
};

class Backend {
 public:
  explicit Backend(RecvBuffers buffers) noexcept : recv_buffers_(std::move(buffers)) {}
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;

  [[nodiscard]] virtual BackendKind kind() const noexcept = 0;

  /// Around a run, on its thread.
  virtual void attach() = 0;
  virtual void detach() noexcept = 0;

  /// Begins `op`; true when it has completed already (its `result` is set, and `on_complete` is not
  /// called).
  virtual bool start(Op& op) noexcept = 0;
  virtual void start(Multishot& shot) noexcept = 0;
  /// Cancelled operations complete with ECANCELED, later. Nothing happens to what is not in flight.
  virtual void cancel(Op& op) noexcept = 0;
  void cancel(Multishot& shot) noexcept;
  void cancel(int fd) noexcept;

  /// Starts what was queued and waits, unless something is ready, at most `timeout_ms` (UINT32_MAX:
  /// without end). The mailbox's eventfd ends it too.
  void wait(std::uint32_t timeout_ms) { wait_for_events(deferred_.empty() ? timeout_ms : 0); }
  /// Completes what is ready, and says how much that was.
  unsigned complete();

  // --- Receive buffers: handed out by receive completions, each given back once.
  [[nodiscard]] MutableByteSpan recv_buffer(std::uint32_t id) const noexcept {
    return recv_buffers_.bytes(id);
  }
  void give_back(std::uint32_t id) noexcept;
  /// Whether so few are left that bytes ought to be copied rather than held.
  [[nodiscard]] bool few_recv_buffers() const noexcept { return recv_buffers_.few(); }
  /// Puts a receive that ended with ENOBUFS into the line for the next buffer that comes back.
  void await_buffer(Multishot& shot) noexcept;

  /// Where staging and file buffers lie, so that reads and writes inside can use registered memory.
  virtual void use_fixed(MutableByteSpan range) = 0;

 protected:
  virtual void cancel_armed(Multishot& shot) noexcept = 0;
  virtual void cancel_armed(int fd) noexcept = 0;
  virtual void wait_for_events(std::uint32_t timeout_ms) = 0;
  virtual unsigned complete_events() = 0;
  /// `recv_buffers_` has taken `id` back; the kernel may have it.
  virtual void refill(std::uint32_t id) noexcept = 0;
  /// Calls `on_complete` at the end of this `complete`, or of the next when outside of one.
  void complete_later(Completion& target, std::int32_t result, std::uint32_t flags = 0);

  RecvBuffers recv_buffers_;

 private:
  struct Deferred {
    Completion* target;
    std::int32_t result;
    std::uint32_t flags;
  };
  void leave_line(Multishot& shot) noexcept;

  std::vector<Deferred> deferred_;
  std::vector<Deferred> running_;  ///< Kept for its capacity.
  Multishot* line_first_ = nullptr;
  Multishot* line_last_ = nullptr;
};

[[nodiscard]] Result<std::unique_ptr<Backend>> make_uring_backend(int eventfd);
[[nodiscard]] Result<std::unique_ptr<Backend>> make_epoll_backend(int eventfd);
/// 0, or the errno with which the kernel refuses a ring as we set it up.
[[nodiscard]] int probe_uring() noexcept;

}  // namespace sf::io

#pragma once

#include "backend.hpp"
#include "file_pool.hpp"

#include <streamforge/base/unique_fd.hpp>

#include <sys/epoll.h>

#include <array>
#include <vector>

namespace sf::io {

/// Readiness instead of completion: an operation is tried at once, and when it would block its
/// descriptor is watched, edge-triggered, and it is tried again. Files go to a pool of threads
/// unless what they want is in memory.
class EpollBackend : public Backend {
 public:
  EpollBackend(RecvBuffers buffers, int eventfd);
  Result<> set_up();

  [[nodiscard]] BackendKind kind() const noexcept override { return BackendKind::kEpoll; }
  void attach() override {}
  void detach() noexcept override {}
  bool start(Op& op) noexcept override;
  void start(Multishot& shot) noexcept override;
  void cancel(Op& op) noexcept override;
  using Backend::cancel;
  void use_fixed(MutableByteSpan) override {}

 protected:
  void cancel_armed(Multishot& shot) noexcept override;
  void cancel_armed(int fd) noexcept override;
  void wait_for_events(std::uint32_t timeout_ms) override;
  unsigned complete_events() override;
  void refill(std::uint32_t id) noexcept override;

 private:
  /// What waits for one descriptor. Empty ones are not watched any longer, but stay registered: the
  /// kernel forgets them when they are closed, and events without a waiter are dropped.
  struct Watch {
    Op* first = nullptr;
    Op* last = nullptr;
    Multishot* shot = nullptr;
    std::uint32_t events = 0;  ///< Registered for; 0 when nobody waits.
    bool queued = false;       ///< In `again_`.

    void push(Op& op) noexcept;
    void remove(Op& op) noexcept;
    void settle() noexcept {
      if (!first && !shot) events = 0;
    }
  };

  Watch& watch_of(int fd);
  /// Registers `fd` for `events` too; 0 or an errno.
  int watch(int fd, std::uint32_t events) noexcept;
  /// The result, or -EAGAIN when it has to wait.
  static std::int32_t attempt(Op& op) noexcept;
  static std::int32_t attempt_recv(Op& op) noexcept;
  static std::int32_t attempt_connect(Op& op) noexcept;
  bool start_file(Op& op) noexcept;
  bool start_polled(Op& op) noexcept;
  void handle(int fd, std::uint32_t events);
  /// Serves a multishot until it would block; a fair share at most.
  void serve(int fd, std::uint32_t events);
  /// One accept or receive; false when there was nothing.
  bool serve_once(Watch& watch, bool* short_read);
  void end(Watch& watch, std::int32_t result);
  void visit_again(int fd);

  UniqueFd epoll_;
  const int eventfd_;  ///< The mailbox's.
  FilePool files_;
  std::vector<Watch> watches_;  ///< By descriptor.
  std::vector<std::uint16_t> free_buffers_;
  std::vector<int> again_;  ///< Had more than a fair share; visited again next turn.
  std::vector<int> visiting_;
  unsigned at_once_left_ = 0;  ///< Operations that may still complete inside `start` this turn.
  std::array<::epoll_event, 256> events_;
  unsigned event_count_ = 0;
};

}  // namespace sf::io

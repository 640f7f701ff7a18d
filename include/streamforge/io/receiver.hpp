#pragma once

/// Multishot accept and receive. Both are owned by one reactor's thread.

#include <streamforge/io/reactor.hpp>

#include <memory>
#include <span>

namespace sf::io {

/// Bytes that arrived: in a buffer that the kernel chose from the reactor's provided buffers, or,
/// when few of those are left, in a copy on the heap. Move-only; returns its buffer when destroyed.
/// Reactor's thread only.
class RecvChunk {
 public:
  RecvChunk() noexcept = default;
  RecvChunk(RecvChunk&&) noexcept;
  RecvChunk& operator=(RecvChunk&&) noexcept;
  ~RecvChunk();
  [[nodiscard]] ByteSpan bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Leaves the first `bytes` out.
  void skip(std::size_t bytes) noexcept;

 private:
  friend class Receiver;
  void release() noexcept;

  Backend* lender_ = nullptr;        ///< Where the buffer goes back; null for a copy.
  const std::byte* data_ = nullptr;  ///< The bytes not skipped.
  std::uint32_t size_ = 0;
  std::uint32_t buffer_id_ = 0;
  const std::byte* copy_ = nullptr;  ///< Owned.
};

/// Receives from one socket. Multishot while `next` is used, so a keep-alive connection waits at no
/// cost; `stop` ends the multishot and awaits its last completion, after which what had arrived is
/// still given by `next` until it says empty, and plain `Reactor::recv` may be used on the socket.
/// One waiter at a time. A peer that sends faster than `next` is called is slowed by TCP.
class Receiver {
 public:
  Receiver(Reactor& reactor, int socket);
  Receiver(const Receiver&) = delete;
  ~Receiver();  ///< Asserts that it was stopped or has ended.

  /// The next bytes; an empty chunk is the peer's FIN (or, after `stop`, "nothing more queued").
  /// ENOBUFS never shows: when the pool is empty it waits, and TCP slows the sender.
  Task<Result<RecvChunk>> next();
  /// Makes a waiting `next` fail with kCancelled, in this turn or the next; nothing that arrives is
  /// lost. Nothing happens when none waits.
  void interrupt() noexcept;
  /// Ends the multishot. Idempotent.
  Task<void> stop();
  /// After `stop`: `next` receives again.
  void resume() noexcept;
  /// Makes `next` fail with kCancelled, now (in a later turn) and from here on.
  void abort() noexcept;

  [[nodiscard]] bool stopped() const noexcept;
  /// Whether `next` has bytes to give at once.
  [[nodiscard]] bool queued() const noexcept;
  /// Whether the peer's FIN, or an error, has arrived; bytes may be queued before it.
  [[nodiscard]] bool ended() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Accepts from a listening socket for as long as it lives.
class Acceptor {
 public:
  Acceptor(Reactor& reactor, int listener);
  Acceptor(const Acceptor&) = delete;
  ~Acceptor();  ///< Asserts that it was stopped.

  /// The next connection, non-blocking and close-on-exec. EMFILE and ENFILE are waited out (logged
  /// once a minute); kCancelled after `stop`.
  Task<Result<UniqueFd>> next();
  /// Also closes what was accepted but not taken.
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::io

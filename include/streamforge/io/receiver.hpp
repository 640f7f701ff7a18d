#pragma once

/// Multishot accept and receive. Both are owned by one reactor's thread.

#include <streamforge/io/reactor.hpp>

#include <memory>
#include <span>

namespace sf::io {

/// Bytes that arrived, in a buffer that the kernel chose from the reactor's provided buffers.
/// Move-only; returns its buffer when destroyed. Hold few and briefly: the pool is shared by all
/// connections of the reactor.
class RecvChunk {
 public:
  RecvChunk() noexcept = default;
  RecvChunk(RecvChunk&&) noexcept;
  RecvChunk& operator=(RecvChunk&&) noexcept;
  ~RecvChunk();
  [[nodiscard]] ByteSpan bytes() const noexcept;

 private:
  friend class Receiver;
  void* pool_ = nullptr;
  std::uint32_t buffer_id_ = 0;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

/// Receives from one socket. Multishot while `next` is used, so a keep-alive connection waits at no
/// cost; `stop` ends the multishot and awaits its last completion, after which what had arrived is
/// still given by `next` until it says empty, and plain `Reactor::recv` may be used on the socket.
class Receiver {
 public:
  Receiver(Reactor& reactor, int socket);
  Receiver(const Receiver&) = delete;
  ~Receiver();  ///< Asserts that it was stopped or has ended.

  /// The next bytes; an empty chunk is the peer's FIN (or, after `stop`, "nothing more queued").
  /// kNoSpace never shows: when the pool is empty it waits, and TCP slows the sender.
  Task<Result<RecvChunk>> next();
  /// Ends the multishot. Idempotent.
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Accepts from a listening socket for as long as it lives.
class Acceptor {
 public:
  Acceptor(Reactor& reactor, int listener);
  Acceptor(const Acceptor&) = delete;
  ~Acceptor();

  /// The next connection, non-blocking and close-on-exec. EMFILE and ENFILE are waited out (logged
  /// once a minute); kCancelled after `stop`.
  Task<Result<UniqueFd>> next();
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::io

#pragma once

/// One accepted stream connection on one reactor. Owned by the protocol driver that was given it
/// (http), used from its reactor's thread only, one reader and one writer at a time. Fails with
/// kClosed (peer gone), kTimedOut (its own bounds), kCancelled (`abort`). TLS sits behind the same
/// calls; there the peer's FIN is its close_notify, and an end without one is kClosed.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/pipe.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sf::net {

struct Address {
  std::string host;  ///< Numeric, "127.0.0.1" or "::1"; empty for a Unix socket.
  std::uint16_t port = 0;
  [[nodiscard]] bool is_loopback() const noexcept;
  /// "127.0.0.1:8080", "[::1]:8080".
  [[nodiscard]] std::string to_string() const;
};
/// "ADDR:PORT", "[V6]:PORT", ":PORT" (all addresses: "::") or "localhost:PORT" ("127.0.0.1").
[[nodiscard]] Result<Address> parse_address(std::string_view text);

class Listener;
class TlsContext;

class Connection {
 public:
  /// With a context: TLS, as the server. `handshake` comes before all else.
  Connection(io::Reactor& reactor, UniqueFd socket, Address peer,
             std::shared_ptr<TlsContext> tls = nullptr);
  Connection(const Connection&) = delete;
  ~Connection();  ///< `close` must have been awaited.

  /// Ends within `timeout_ms`; nothing to do without TLS. kUnsupported: the peer spoke plain HTTP;
  /// the connection is a plain one from here on, for one last word. After any other error it can
  /// only be closed.
  io::Task<Result<>> handshake(std::uint32_t timeout_ms);
  /// Whether it was made with a context.
  [[nodiscard]] bool is_tls() const noexcept;
  /// Whether the handshake went on from an earlier session.
  [[nodiscard]] bool resumed() const noexcept;
  /// Whether nobody between can read or change what passes: TLS is agreed on.
  [[nodiscard]] bool secure() const noexcept;
  /// Whether the kernel makes the records of what is written: files then leave by sendfile(2).
  [[nodiscard]] bool kernel_encrypts() const noexcept;
  /// What was agreed on by ALPN; empty when nothing was, or without TLS.
  [[nodiscard]] std::string_view protocol() const noexcept;

  /// Bytes as they come, in a buffer of the connection's: valid until the next call that reads.
  /// Empty is the peer's FIN. Waits at most `timeout_ms`.
  io::Task<Result<ByteSpan>> read(std::uint32_t timeout_ms);
  /// So many bytes, or the peer's end, must be there before a `read` that waits goes on; 1 until
  /// told otherwise. For a peer that sends what is known to come in crumbs: those cost nothing
  /// then. Fewer stay in the socket until the number is lowered. With more than surely comes the
  /// read waits for its timeout. Does nothing with TLS.
  void set_low_water(std::uint16_t bytes) noexcept;
  /// Straight into the caller's memory, at least one byte unless the peer has finished (0). For
  /// bodies: the first call ends the multishot receive that `read` uses and gives what it had left.
  io::Task<Result<std::size_t>> read_into(MutableByteSpan into, std::uint32_t timeout_ms);
  /// Likewise, but waits until `into` is full. What had come before the FIN, an error, the time-out
  /// or an interruption is given first; only when nothing had are these told.
  io::Task<Result<std::size_t>> fill(MutableByteSpan into, std::uint32_t timeout_ms);
  /// Like `fill`, but `bytes` into a pipe without entering our memory; also ends when the pipe is
  /// full. Only while `can_splice`.
  io::Task<Result<std::size_t>> splice(const io::Pipe& into, std::size_t bytes,
                                       std::uint32_t timeout_ms);
  /// Whether nothing that was received waits for a read: so after the first `read_into` or two.
  [[nodiscard]] bool can_splice() const noexcept;
  /// All pieces, in order. `timeout_ms` bounds the time in which the peer takes no byte at all.
  /// `more_follows` lets the kernel wait for the rest (MSG_MORE).
  io::Task<Result<>> write(std::span<const ByteSpan> pieces, std::uint32_t timeout_ms,
                           bool more_follows = false);
  io::Task<Result<>> write(ByteSpan bytes, std::uint32_t timeout_ms, bool more_follows = false);
  /// As much of the pieces (8 at most) as the socket takes at once, 0 when that is nothing or the
  /// connection cannot be written to: for answers that are ready. What is left, and errors, are
  /// `write`'s.
  [[nodiscard]] std::size_t write_now(std::span<const ByteSpan> pieces) noexcept;
  /// `bytes` of `file` from `offset`; a file that ends earlier is kCorrupt.
  io::Task<Result<>> write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                                std::uint32_t timeout_ms);

  /// For who has frames of its own and must not wait while it makes them: how much of them to
  /// `give` at most, once `flush` has ended. Little more than the socket takes, since what it does
  /// not take must be kept, but always 16 KiB, and 240 KiB at most.
  [[nodiscard]] std::size_t step() const noexcept;
  /// Sends what the socket takes at once and keeps the rest for `flush`; true when that is nothing.
  /// Errors are `flush`'s.
  bool give(ByteSpan bytes);
  /// Until the socket has taken all that was given. Not while a `write` waits.
  io::Task<Result<>> flush(std::uint32_t timeout_ms);

  /// Ends the read that waits, if one does, with kCancelled. Nothing is lost by it: the next read
  /// gives what arrived meanwhile or waits again. For owners who must look up from a silent peer.
  void interrupt_read() noexcept;
  /// Makes whatever waits on this connection fail with kCancelled, now and from here on.
  void abort() noexcept;
  /// Whether the peer has closed (or half-closed: TCP does not tell them apart) or reset, asked
  /// without reading: for handlers that wait on others.
  [[nodiscard]] bool peer_gone() const noexcept;
  /// Whether a small write would be taken by the kernel at once: for news that is better not sent
  /// than waited for.
  [[nodiscard]] bool takes_now() const noexcept;
  /// With `linger`: half-closes and reads on for at most limits::kLingerMs and kLingerBytesMax, so
  /// that a peer which still sends reads our last answer rather than a reset. Then closes.
  /// Operations still in flight are aborted and awaited. With TLS a close_notify comes first, for
  /// limits::kLingerMs; where the kernel encrypts, it waits as long as a write of the protocols'
  /// does (limits::kSendStallTimeoutMs), since a peer that still reads would miss what is before.
  io::Task<void> close(bool linger);

  [[nodiscard]] const Address& peer() const noexcept;
  [[nodiscard]] io::Reactor& reactor() const noexcept;
  [[nodiscard]] int socket() const noexcept;

 private:
  friend class Listener;  // It keeps a list of those it has accepted.
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::net

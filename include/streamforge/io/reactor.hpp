#pragma once

/// One reactor per core: a thread, its ring (or epoll), its buffers, its timers. Everything that a
/// reactor hands out belongs to its thread; only `post`, `stop` and the counters may be called from
/// another. Nothing that runs on a reactor may block: calls that do go through `offload`.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/op.hpp>
#include <streamforge/io/task.hpp>

#include <sys/uio.h>

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sf::io {

class Backend;
class FileBytes;
struct FilePiece;
class Pipe;
class StagingPool;
class TimerWheel;

/// What carries a reactor's I/O. `kAuto` is resolved once at start: uring unless the kernel answers
/// ENOSYS, EPERM or EINVAL to io_uring_setup.
enum class BackendKind : std::uint8_t { kAuto, kUring, kEpoll };
[[nodiscard]] std::string_view name_of(BackendKind kind) noexcept;
/// kAuto becomes what this machine can do, and `reason` says why when that is not uring.
[[nodiscard]] Result<BackendKind> resolve(BackendKind wanted, std::string* reason);

struct ReactorConfig {
  BackendKind backend = BackendKind::kUring;
  unsigned index = 0;             ///< For names, logs and metric labels.
  int cpu = -1;                   ///< Pin the running thread to this core; -1 leaves it free.
  std::size_t staging_bytes = 0;  ///< Ingest pool; 0 for reactors that take no uploads.
  /// For tests: makes what carries the I/O instead of `backend`; given the mailbox's eventfd.
  std::function<Result<std::unique_ptr<Backend>>(int eventfd)> make_backend;
};

/// An operation: `Result<std::size_t> n = co_await reactor.read_at(…)`. It starts when awaited, and
/// is awaited once, in the expression that made it or as a local (which `Reactor::cancel` can then
/// name). Trivially destructible; neither copied nor moved. Gives bytes moved (files, sockets), the
/// events of a poll, or 0 for operations without a count. Cancelled operations fail with
/// kCancelled.
class [[nodiscard]] IoOp : private Op {
 public:
  IoOp(const IoOp&) = delete;
  IoOp& operator=(const IoOp&) = delete;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> caller) noexcept;
  Result<std::size_t> await_resume() const;

 private:
  friend class Reactor;
  IoOp(Backend& carrier, OpKind what, int descriptor, void* bytes, std::size_t count,
       std::uint64_t at = 0, int op_flags = 0) noexcept;
  IoOp(Backend& carrier, int socket, std::span<const ::iovec> pieces, int send_flags) noexcept;
};

class Reactor {
 public:
  /// Makes the reactor on the calling thread's behalf; `run` must then be called on the one thread
  /// that is to own it.
  [[nodiscard]] static Result<std::unique_ptr<Reactor>> create(const ReactorConfig& config);
  /// After `run` has returned. No other thread may call `post` any more, but a call whose message
  /// has already run may still be returning. Asserts that what was spawned has ended; messages that
  /// came too late are dropped unrun.
  ~Reactor();
  Reactor(const Reactor&) = delete;

  /// The reactor whose `run` the calling thread is in; asserts that there is one.
  [[nodiscard]] static Reactor& current() noexcept;
  [[nodiscard]] static Reactor* current_or_null() noexcept;

  /// Runs until `stop`. What is spawned must have ended by then: owners close their gates first.
  /// SIGPIPE is blocked on the running thread: a broken pipe is an error of the write.
  void run();
  /// Makes `run` return after the present turn. Any thread.
  void stop() noexcept;

  /// Runs `work` on this reactor, in the order of posting from one thread. Any thread; bounded only
  /// by memory, so callers bound themselves. Wakes the reactor once per batch.
  void post(std::function<void()> work);
  /// Starts a task that nobody awaits. It runs at once up to its first suspension. An exception
  /// that leaves it is logged and ends the process: owners catch what they expect.
  void spawn(Task<void> task);

  // --- Files. Offsets explicit; buffers must live until the operation ends.
  /// At most `into.size()` bytes; fewer at the end of the file, 0 past it.
  IoOp read_at(int fd, MutableByteSpan into, std::uint64_t offset);
  /// One write; may be short. `write_all_at` below loops.
  IoOp write_at(int fd, ByteSpan from, std::uint64_t offset);
  IoOp sync_data(int fd);
  IoOp sync_file(int fd);
  /// fallocate with the size set, so that writes change no metadata but times.
  IoOp allocate(int fd, std::uint64_t offset, std::uint64_t bytes);
  /// The end of the file before the last byte is kCorrupt.
  Task<Result<>> read_exactly_at(int fd, MutableByteSpan into, std::uint64_t offset);
  Task<Result<>> write_all_at(int fd, ByteSpan from, std::uint64_t offset);
  /// What a pipe holds, the first `bytes` of it. The pipe is nobody else's until then.
  Task<Result<>> splice_all_at(int fd, const Pipe& from, std::size_t bytes, std::uint64_t offset);
  /// openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS relative to `dir_fd` when `beneath`.
  Task<Result<UniqueFd>> open_at(int dir_fd, std::string path, int flags, unsigned mode = 0,
                                 bool beneath = false);

  // --- Sockets and pipes (non-blocking descriptors). Multishot receive and accept: receiver.hpp.
  IoOp recv(int fd, MutableByteSpan into);
  /// Likewise, but until `into` is full. The peer's FIN, an error or a cancellation before that
  /// gives what had come, if anything had.
  IoOp recv_all(int fd, MutableByteSpan into);
  /// One send of several pieces; may be short. MSG_NOSIGNAL always.
  IoOp send(int fd, std::span<const ::iovec> pieces, bool more_follows = false);
  /// Likewise, but what the socket cannot take at once is left; kUnavailable when it takes nothing.
  IoOp send_now(int fd, std::span<const ::iovec> pieces, bool more_follows = false);
  /// What the socket takes at once, without an operation: bytes, or a negated errno (EAGAIN).
  [[nodiscard]] static std::ptrdiff_t try_send(int fd, std::span<const ::iovec> pieces,
                                               bool more_follows = false) noexcept;
  /// What the socket has and the pipe takes at once, without an operation: bytes, 0 after the
  /// peer's FIN, or a negated errno; EAGAIN when the socket is empty or the pipe full.
  [[nodiscard]] static std::ptrdiff_t try_splice(int socket, const Pipe& into,
                                                 std::size_t bytes) noexcept;
  /// One step of moving file bytes to a socket: at most limits::kSendStepBytes, may be shorter; 0
  /// is the end of the file. Never blocks the reactor on a page that is not in memory, and holds
  /// no memory while it waits, so slow readers cost none. A turn sends at most
  /// limits::kTurnSendBytes; who comes later goes on in the next. `byte_weight` is what a byte
  /// counts in that: more than 1 on a socket whose kernel side encrypts.
  Task<Result<std::size_t>> send_file(int socket, int file, std::uint64_t offset, std::size_t bytes,
                                      std::size_t byte_weight = 1);
  /// For who must touch a file's bytes before a socket gets them (TLS): the next of them, at most
  /// limits::kFileBufferBytes; none is the end of the file. As with `send_file`, what is in memory
  /// is taken at once, the rest comes by the backend, and a turn gives so much and no more. The
  /// buffer is one of few: let it go before waiting for anything.
  Task<Result<FileBytes>> read_to_send(int file, std::uint64_t offset, std::size_t bytes);
  /// Likewise, but all of the pieces, at most `kPiecesBytesMax` in total; a file that ends before
  /// its piece does is kCorrupt. Of one file's neighbouring pieces what is in memory comes in one
  /// call, whatever is to stand between them.
  Task<Result<FileBytes>> read_to_send(std::span<const FilePiece> pieces);
  static constexpr std::size_t kPiecesBytesMax = 252 * 1024;
  IoOp connect(int fd, const ::sockaddr* address, unsigned address_bytes);
  /// read(2)/write(2) on pipes and other descriptors without a position.
  IoOp read(int fd, MutableByteSpan into);
  IoOp write(int fd, ByteSpan from);
  /// Waits until poll(2)'s `events` hold for `fd`; gives the events that do.
  IoOp poll(int fd, short events);
  /// Ends every operation in flight on `fd` with kCancelled, receivers and acceptors included. Call
  /// before closing it. A file operation that has begun may still end as if nothing had happened.
  void cancel(int fd) noexcept;
  /// Ends this one, when it is in flight.
  void cancel(IoOp& op) noexcept;

  // --- Time.
  Task<void> sleep_ms(std::uint32_t ms);
  /// Milliseconds of the monotonic clock, read once a turn.
  [[nodiscard]] std::uint64_t now_ms() const noexcept;
  [[nodiscard]] TimerWheel& timers() noexcept;

  [[nodiscard]] StagingPool& staging() noexcept;
  [[nodiscard]] unsigned index() const noexcept;
  [[nodiscard]] BackendKind backend() const noexcept;
  /// For receiver.hpp and the backends.
  [[nodiscard]] Backend& backend_impl() noexcept;

 private:
  struct Impl;
  explicit Reactor(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::io

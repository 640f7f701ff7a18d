#pragma once

/// One reactor per core: a thread, its ring (or epoll), its buffers, its timers. Everything that a
/// reactor hands out belongs to its thread; only `post`, `stop` and the counters may be called from
/// another. Nothing that runs on a reactor may block: calls that do go through `offload`.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/task.hpp>

#include <sys/uio.h>

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct sockaddr;

namespace sf::io {

class Backend;
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
  unsigned index = 0;         ///< For names, logs and metric labels.
  int cpu = -1;               ///< Pin the running thread to this core; -1 leaves it free.
  std::size_t staging_bytes;  ///< Ingest pool; 0 for reactors that take no uploads.
};

/// The base of a running operation: the backend calls `on_complete` once, on the reactor's thread.
/// Lives inside the awaiting coroutine's frame, so an operation costs no allocation.
struct Completion {
  void (*on_complete)(Completion* self, std::int32_t result, std::uint32_t flags) = nullptr;
};

/// An operation in flight: `Result<std::size_t> n = co_await reactor.read_at(…)`. Trivially
/// destructible; await it at once, in the expression that made it. Bytes moved (files, sockets), or
/// 0 for operations without a count. Cancelled operations fail with kCancelled.
class [[nodiscard]] IoOp;

class Reactor {
 public:
  /// Makes the reactor on the calling thread's behalf; `run` must then be called on the one thread
  /// that is to own it.
  static Result<std::unique_ptr<Reactor>> create(const ReactorConfig& config);
  ~Reactor();

  /// The reactor whose `run` the calling thread is in; asserts that there is one.
  [[nodiscard]] static Reactor& current() noexcept;
  [[nodiscard]] static Reactor* current_or_null() noexcept;

  /// Runs until `stop`. What is spawned must have ended by then: owners close their gates first.
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
  Task<Result<>> read_exactly_at(int fd, MutableByteSpan into, std::uint64_t offset);
  Task<Result<>> write_all_at(int fd, ByteSpan from, std::uint64_t offset);
  /// openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS relative to `dir_fd` when `beneath`.
  Task<Result<UniqueFd>> open_at(int dir_fd, std::string path, int flags, unsigned mode = 0,
                                 bool beneath = false);

  // --- Sockets and pipes (non-blocking descriptors). Multishot receive and accept: receiver.hpp.
  IoOp recv(int fd, MutableByteSpan into);
  /// One send of several pieces; may be short. MSG_NOSIGNAL always.
  IoOp send(int fd, std::span<const ::iovec> pieces, bool more_follows = false);
  /// Moves file bytes to a socket without a copy through user space; may be short. Does not block
  /// the reactor when the bytes are not in memory.
  IoOp send_file(int socket, int file, std::uint64_t offset, std::size_t bytes);
  IoOp connect(int fd, const ::sockaddr* address, unsigned address_bytes);
  /// read(2)/write(2) on pipes and other descriptors without a position.
  IoOp read(int fd, MutableByteSpan into);
  IoOp write(int fd, ByteSpan from);
  /// Waits until poll(2)'s `events` hold for `fd`; gives the events that do.
  IoOp poll(int fd, short events);
  /// Ends every operation in flight on `fd` with kCancelled. Call before closing it.
  void cancel(int fd) noexcept;

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
  explicit Reactor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class [[nodiscard]] IoOp : private Completion {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiter) noexcept;
  Result<std::size_t> await_resume() const;
  // The op's kind and arguments; filled by Reactor, read by Backend. (Owned by the io room.)
};

}  // namespace sf::io

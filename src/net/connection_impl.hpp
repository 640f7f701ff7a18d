#pragma once

#include <streamforge/io/file_bytes.hpp>
#include <streamforge/io/gate.hpp>
#include <streamforge/io/receiver.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/net/connection.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tls_session.hpp"

namespace sf::net {

/// Bounds one operation: cancels it when the time is up. Lives in the awaiting coroutine.
class Deadline {
 public:
  Deadline(io::Reactor& reactor, std::uint32_t ms, io::IoOp& op) : reactor_(reactor), op_(op) {
    timer_.arm(reactor.timers(), ms, [this] {
      passed_ = true;
      reactor_.cancel(op_);
    });
  }
  Deadline(const Deadline&) = delete;
  [[nodiscard]] bool passed() const noexcept { return passed_; }

 private:
  io::Reactor& reactor_;
  io::IoOp& op_;
  bool passed_ = false;
  io::Timer timer_;
};

std::unexpected<Error> aborted_error();
/// Why an operation failed: our own doing first, for the kernel sees only a cancellation.
std::unexpected<Error> why(Error error, bool was_aborted, bool timed_out, std::string_view what);

/// How many more bytes the socket takes at once, roughly and rather too few.
std::size_t room_in(int socket) noexcept;

/// A place in a listener's list; leaves it when destroyed.
struct Listed {
  Listed* previous = this;
  Listed* next = this;

  Listed() noexcept = default;
  Listed(const Listed&) = delete;
  ~Listed() {
    previous->next = next;
    next->previous = previous;
  }
  void insert_before(Listed& place) noexcept {
    previous = place.previous;
    next = &place;
    previous->next = this;
    place.previous = this;
  }
};

/// Without TLS the receiver is what receives; with TLS the session does, and the receiver only sees
/// what comes after our last word.
struct Connection::Impl : Listed {
  Impl(io::Reactor& home, UniqueFd descriptor, Address other, std::shared_ptr<TlsContext> context)
      : reactor(home),
        socket(std::move(descriptor)),
        peer(std::move(other)),
        receiver(home, socket.get()) {
    if (context) tls = std::make_unique<TlsSession>(std::move(context), socket.get());
  }

  io::Reactor& reactor;
  UniqueFd socket;
  const Address peer;
  io::Receiver receiver;
  io::RecvChunk chunk;        ///< What `read` gave last, or what `read_into` could not place yet.
  bool chunk_unread = false;  ///< The latter.
  bool aborted = false;
  std::uint16_t low_water = 1;  ///< The socket's SO_RCVLOWAT.
  io::IoOp* reading = nullptr;  ///< Of `read_into`, `fill` or `splice`, while it waits.
  bool interrupted = false;     ///< `interrupt_read` came since such a read began.
  io::Timer read_timer;         ///< Of a `read`, or of the drain behind our last word.
  std::vector<std::byte>
      kept;                 ///< Given and not taken by the socket; with TLS the session keeps it.
  std::size_t kept_at = 0;  ///< Where it goes on.
  int give_error = 0;       ///< Of `give`, where nothing is sealed: errno, for `flush` to tell.
  io::Gate in_flight;       ///< Reads and writes that have not ended.
  std::unique_ptr<TlsSession> tls;         ///< Null: in the clear, as most idle connections are.
  std::unique_ptr<std::byte[]> decrypted;  ///< What `read` gave last, with TLS.

  /// Whether what is written must be encrypted here; else it goes to the socket as it is, which
  /// with TLS means that the kernel encrypts it.
  [[nodiscard]] bool seals() const noexcept { return tls && !tls->in_kernel(); }
  [[nodiscard]] bool usable() const noexcept { return !aborted && !in_flight.closed(); }
  void abort() noexcept;
  io::Task<Result<ByteSpan>> read(std::uint32_t timeout_ms);
  io::Task<Result<>> write(std::span<const ByteSpan> pieces, std::uint32_t timeout_ms,
                           bool more_follows);
  io::Task<Result<>> write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                                std::uint32_t timeout_ms);
  io::Task<Result<std::size_t>> receive(MutableByteSpan into, std::uint32_t timeout_ms, bool all);
  io::Task<void> drain_and_forget();
  [[nodiscard]] std::optional<Error> unwritable() const;
  std::unexpected<Error> write_failed(Error error, bool timed_out);

  // The same with TLS (connection_tls.cpp).
  io::Task<Result<>> tls_handshake(std::uint32_t timeout_ms);
  io::Task<Result<ByteSpan>> tls_read(std::uint32_t timeout_ms);
  io::Task<Result<std::size_t>> tls_receive(MutableByteSpan into, std::uint32_t timeout_ms,
                                            bool all);
  io::Task<Result<>> tls_readable(std::uint32_t timeout_ms, std::string_view what);
  io::Task<Result<>> tls_write(std::span<const ByteSpan> pieces, std::uint32_t timeout_ms,
                               bool more_follows);
  io::Task<Result<>> tls_write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                                    std::uint32_t timeout_ms);
  io::Task<Result<>> tls_flush(std::uint32_t timeout_ms);
  io::Task<void> tls_close();
  io::Task<void> kernel_queues_all();
  [[nodiscard]] std::size_t tls_write_now(std::span<const ByteSpan> pieces) noexcept;

  [[nodiscard]] std::size_t step() const noexcept;
  bool send_kept();
  io::Task<Result<>> flush(std::uint32_t timeout_ms);
};

}  // namespace sf::net

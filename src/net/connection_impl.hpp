#pragma once

#include <streamforge/io/gate.hpp>
#include <streamforge/io/receiver.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/net/connection.hpp>

#include <utility>

namespace sf::net {

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

struct Connection::Impl : Listed {
  Impl(io::Reactor& home, UniqueFd descriptor, Address other)
      : reactor(home),
        socket(std::move(descriptor)),
        peer(std::move(other)),
        receiver(home, socket.get()) {}

  io::Reactor& reactor;
  UniqueFd socket;
  const Address peer;
  io::Receiver receiver;
  io::RecvChunk chunk;        ///< What `read` gave last, or what `read_into` could not place yet.
  bool chunk_unread = false;  ///< The latter.
  bool aborted = false;
  io::IoOp* reading = nullptr;  ///< Of `read_into`, `fill` or `splice`, while it waits.
  bool interrupted = false;     ///< `interrupt_read` came since such a read began.
  io::Timer read_timer;
  io::Timer write_timer;
  io::Gate in_flight;  ///< Reads and writes that have not ended.

  [[nodiscard]] bool usable() const noexcept { return !aborted && !in_flight.closed(); }
  void abort() noexcept;
  io::Task<Result<std::size_t>> receive(MutableByteSpan into, std::uint32_t timeout_ms, bool all);
  io::Task<void> drain_and_forget();
};

}  // namespace sf::net

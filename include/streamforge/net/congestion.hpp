#pragma once

/// Which TCP congestion control connections have. BBR, which many servers have as their default
/// because long and lossy lines like it, paces what it sends with timers of the kernel; to a peer
/// on this machine or in the same rack (a proxy, a CDN's node, a load test) that costs several
/// times the CPU a byte and wins nothing. So near peers have a control that does not pace, and the
/// others what the system has. docs/decisions/0024 has the measurements.

#include <streamforge/base/error.hpp>
#include <streamforge/base/limits.hpp>

#include <string>
#include <string_view>

namespace sf::net {

/// A value; any thread.
struct Congestion {
  std::string near;  ///< Set on listening sockets and inherited; empty: the system's default.
  std::string far;   ///< For peers whose handshake took `near_us` or more; empty: as `near`.
  unsigned near_us = limits::kNearPeerUs;

  /// "auto": as above, where the system's default paces. "system": the default for all. Else the
  /// name of a control that the kernel has, for all: kInvalidArgument names those that there are.
  [[nodiscard]] static Result<Congestion> choose(std::string_view setting);

  /// Of a listening socket, before it accepts.
  void prepare(int listening) const noexcept;
  /// Of a connection just accepted: one or two system calls when `far` is set, else none.
  void begin(int accepted) const noexcept;
  /// For people: "cubic for peers nearer than 1 ms, bbr for others".
  [[nodiscard]] std::string to_string() const;
};

}  // namespace sf::net

#pragma once

/// What every driver does around an exchange, whatever carries it. One reactor's thread.

#include "access_line.hpp"
#include "server_state.hpp"

namespace sf::http {

/// Takes what a trusted proxy says of the request for what it is: client, scheme, authority.
void take_forwarded(const ServerState& state, const net::Address& peer, Request& request);

/// The router's answer; an exception of a handler is told to the log, and 500 to the client.
io::Task<Response> run_handler(const ServerState& state, Request& request);

/// An exchange that is over.
struct Ended {
  const Request& request;  ///< Without a target: nothing that could be read as one.
  int status = 0;
  std::uint64_t took_ns = 0;
  std::uint64_t bytes = 0;
  const Result<>& sent;
};
/// Into the reactor's metrics.
void count_exchange(ReactorShare& share, int status, std::uint64_t took_ns, std::uint64_t bytes);

/// "192.0.2.7:4711", "unix", or without its port whom a proxy names.
[[nodiscard]] std::string peer_text(const net::Address& peer);
/// Of an exchange that ends now.
void log_access(ReactorShare& share, AccessLine line);
[[nodiscard]] std::string_view how_ended(const Result<>& sent) noexcept;
/// What is to be said of it: a line of the access log, if there is one.
void log_exchange(const ServerOptions& options, ReactorShare& share, std::string_view peer,
                  const Ended& ended);

}  // namespace sf::http

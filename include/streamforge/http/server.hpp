#pragma once

/// Serves connections: HTTP/1.1 (parses by llhttp, strict; keeps alive, pipelines in order) or, by
/// ALPN or prior knowledge, HTTP/2 (nghttp2), with the same handlers. RFC 9110, 9112, 9113;
/// docs/protocols/http.md has the rows. Same object on every reactor; what it counts is per
/// reactor.

#include <streamforge/base/limits.hpp>
#include <streamforge/http/router.hpp>
#include <streamforge/net/address_limit.hpp>
#include <streamforge/net/connection.hpp>

#include <memory>
#include <string>
#include <vector>

namespace sf::http {

struct ServerOptions {
  bool access_log = true;
  /// Largest body of a request whose route sets none; tus bounds its own.
  std::uint64_t body_bytes_max = std::uint64_t{1} << 62;
  std::string server_name = "StreamForge";
  /// Fields that every response carries, each "Name: value" with its CRLF.
  std::string fixed_fields;
  /// Answers that each reactor keeps (Response::reuse); those of files hold one descriptor each.
  unsigned quick_answers_max = limits::kQuickAnswersMax;
  /// Whose Forwarded and X-Forwarded-* fields are believed.
  std::vector<net::AddressPrefix> trusted_proxies;
  unsigned head_timeout_ms = limits::kHeadTimeoutMs;
  unsigned idle_timeout_ms = limits::kIdleTimeoutMs;
  unsigned body_stall_timeout_ms = limits::kBodyStallTimeoutMs;
  unsigned send_stall_timeout_ms = limits::kSendStallTimeoutMs;
};

class Server {
 public:
  /// `router` must outlive the server, the server every connection that it serves.
  Server(const Router& router, ServerOptions options);
  Server(const Server&) = delete;
  ~Server();

  /// Serves one connection to its end, TLS handshake included. Give this to net::Listener.
  io::Task<void> serve(std::unique_ptr<net::Connection> connection) const;
  /// 429 for a connection that is one too many of its address, whatever it would have asked for.
  io::Task<void> turn_away(std::unique_ptr<net::Connection> connection) const;
  /// From now on every response says `Connection: close` and idle connections end. Any thread,
  /// while the reactors that serve connections still run.
  void begin_drain() noexcept;
  [[nodiscard]] bool draining() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::http

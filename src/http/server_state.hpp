#pragma once

/// What the connections of one server share. ServerState is read-only but for `draining`; a
/// ReactorShare belongs to one reactor's thread.

#include <streamforge/base/log.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/http/server.hpp>
#include <streamforge/io/timer.hpp>

#include <array>
#include <atomic>

#include "quick_answers.hpp"

namespace sf::http {

struct ReactorShare;

/// A connection in its reactor's list, while it is being served. Reactor's thread.
class Served {
 public:
  explicit Served(ReactorShare& share) noexcept;
  Served(const Served&) = delete;
  virtual ~Served();
  /// Ends the connection if it waits for a request that has not begun.
  virtual void end_if_idle() noexcept = 0;

 protected:
  [[nodiscard]] ReactorShare& share() const noexcept { return share_; }

 private:
  friend struct ReactorShare;
  ReactorShare& share_;
  Served* previous_ = nullptr;
  Served* next_;
};

/// Counted per reactor, so that no two share a cache line.
struct ReactorMetrics {
  explicit ReactorMetrics(const std::string& reactor);
  std::array<metrics::Counter*, 6> requests{};  ///< By status class; [0] is unused.
  metrics::Counter& bytes_in;
  metrics::Counter& bytes_out;
  metrics::Histogram& latency;
  metrics::Counter& quick;
  metrics::Gauge& connections;
  metrics::Counter& full_handshakes;
  metrics::Counter& resumed_handshakes;
  metrics::Counter& failed_handshakes;
  metrics::Counter& kernel_tls;
  metrics::Gauge& http2_connections;
  metrics::Counter& http2_requests;
  metrics::Counter& http2_floods;
};

/// One reactor's connections, so that draining can end the idle ones.
struct ReactorShare {
  ReactorShare(io::Reactor& home, const ServerOptions& options);
  void end_idle() noexcept;
  /// `access` has a line more: it is written soon.
  void access_added();
  void write_access() noexcept;

  io::Reactor& reactor;
  ReactorMetrics metrics;
  QuickAnswers answers;
  /// Server and ServerOptions::fixed_fields, as HTTP/2 has them.
  std::vector<std::pair<std::string, std::string>> fixed_fields;
  log::Batch access;  ///< The access log's lines; none is left when no connection is.
  io::Timer access_timer;
  Served* first = nullptr;
  std::atomic<unsigned> count{0};  ///< Written by the reactor, read by `begin_drain`.
};

struct ServerState {
  const Router& router;
  const ServerOptions options;
  std::atomic<bool> draining{false};

  [[nodiscard]] bool is_draining() const noexcept {
    return draining.load(std::memory_order_relaxed);
  }
};

}  // namespace sf::http

#pragma once

/// Counts an HTTP/2 connection's coroutines, so that `run` can outlive them all: each holds one for
/// as long as its frame exists. One reactor's thread.

#include "http2_driver.hpp"

namespace sf::http {

class Http2Driver::Running {
 public:
  explicit Running(Http2Driver& driver) noexcept : driver_(&driver) { ++driver.running_; }
  Running(Running&& other) noexcept : driver_(std::exchange(other.driver_, nullptr)) {}
  Running& operator=(Running&&) = delete;
  ~Running() {
    if (!driver_ || --driver_->running_ > 0 || !driver_->quiet_) return;
    // Not from here: who holds this is just being destroyed.
    const auto waiter = std::exchange(driver_->quiet_, nullptr);
    driver_->reactor().post([waiter] { waiter.resume(); });
  }

 private:
  Http2Driver* driver_;
};

}  // namespace sf::http

#pragma once

/// What a peer may make us do for nothing. Frames that carry no request and no body (PING,
/// SETTINGS, WINDOW_UPDATE, cancelled streams) cost; requests, bodies and time earn. Honest peers
/// stay far from the end of it; a flood reaches it whatever it is made of. Pure.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sf::http {

class Http2Budget {
 public:
  static constexpr int kMax = 2'000;
  static constexpr int kPerSecond = 50;
  static constexpr int kFrame = 1;      ///< Costs: any frame but what earns.
  static constexpr int kCancelled = 5;  ///< Costs: a stream reset by the peer, or for its mistakes.
  static constexpr int kRequest = 4;    ///< Earns.
  /// Earns: a received DATA frame of so many bytes; a smaller one costs.
  static constexpr int kBody = 1;
  static constexpr std::size_t kBodyBytes = 64;
  /// So many bytes of an answer earn one. Some clients give back each 4 KiB, by a WINDOW_UPDATE for
  /// the stream and one for the connection.
  static constexpr std::size_t kSentBytes = 1024;
  /// So many bytes that are no body cost one more: heads of some size, frames that nobody knows.
  static constexpr std::int64_t kBytes = 256;

  explicit Http2Budget(std::uint64_t now_ms) noexcept : refilled_ms_(now_ms) {}

  /// False when it is used up: the connection is to end.
  [[nodiscard]] bool spend(int cost, std::uint64_t now_ms) noexcept {
    const std::uint64_t passed_ms = now_ms - refilled_ms_;
    const std::uint64_t earned = passed_ms * kPerSecond / 1000;
    if (earned > 0) {
      earn(static_cast<int>(std::min<std::uint64_t>(earned, kMax)));
      refilled_ms_ += earned * 1000 / kPerSecond;
    }
    left_ -= cost;
    return left_ >= 0;
  }
  void earn_by_sending(std::size_t bytes) noexcept { earn(static_cast<int>(bytes / kSentBytes)); }
  void earn(int points) noexcept { left_ = std::min(left_ + points, kMax); }

 private:
  int left_ = kMax;
  std::uint64_t refilled_ms_;
};

}  // namespace sf::http

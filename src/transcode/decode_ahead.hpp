#pragma once

/// Decodes a stretch of pictures on a thread of its own while its user scales and encodes the ones
/// before: the same pictures, sooner, where a second core is free. For what somebody waits for.

#include "decode.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace sf::transcode {

class DecodeAhead {
 public:
  /// The next picture; none at the end of the source.
  using Source = std::function<Result<std::optional<Picture>>()>;

  /// `source` is called on the other thread alone until this one is destroyed, and not again once
  /// it gave an error, the end, or a picture shown at `until_ticks` or later.
  DecodeAhead(Source source, std::int64_t until_ticks);
  ~DecodeAhead();  ///< After the picture that is being decoded.
  DecodeAhead(const DecodeAhead&) = delete;

  /// What `source` gave, in order; throws what it threw. Not to be called again after the last.
  Result<std::optional<Picture>> next();

 private:
  void run();
  [[nodiscard]] bool is_last(const Result<std::optional<Picture>>& picture) const;

  const Source source_;
  const std::int64_t until_ticks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by the mutex.
  std::deque<Result<std::optional<Picture>>> ready_;
  std::int64_t pixels_ = 0;  // Of all in `ready_`.
  std::exception_ptr thrown_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace sf::transcode

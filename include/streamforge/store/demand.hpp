#pragma once

/// Where a viewer's wish for a segment that does not exist yet meets the scheduler; or for a whole
/// rung as one file, "720p.mp4", as segment 0 of a track of that name. Volatile.
/// Wishes for the same segment are one. `serve` asks and awaits on its reactor; the scheduler
/// subscribes on its own and answers. Any thread.
///
/// A wish may arrive just after its segment was committed and satisfied: the listener answers a
/// wish for a segment that exists with `satisfy`.

#include <streamforge/base/error.hpp>
#include <streamforge/io/task.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sf::store {

struct Wish {
  std::string video;
  std::string track;  ///< "360p", "audio/0" or "360p.mp4".
  std::uint32_t segment = 0;
};
inline constexpr std::string_view kMp4Ending = ".mp4";

inline bool is_whole_file(const Wish& wish) { return wish.track.ends_with(kMp4Ending); }

class Demand {
 public:
  Demand();
  ~Demand();
  Demand(const Demand&) = delete;

  /// Waits until the segment is committed (success), cannot be made (the scheduler's error) or
  /// `timeout_ms` has passed (kTimedOut). On the calling reactor.
  io::Task<Result<>> want(Wish wish, std::uint32_t timeout_ms);

  /// `on_wish` is called, from the asking thread, for each first wish of a segment: post it home.
  void set_listener(std::function<void(const Wish&)> on_wish);
  /// Whether somebody still waits for it.
  [[nodiscard]] bool wanted(const Wish& wish) const;
  /// The scheduler's answer to all who wait for it.
  void satisfy(const Wish& wish);
  void refuse(const Wish& wish, const Error& error);
  /// To all who wait for a segment of a video, made or not; its whole files are another matter.
  void answer_segments(const std::string& video, const Result<>& answer);
  /// Everybody's: shutdown.
  void refuse_all(const Error& error);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::store

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

#include <compare>
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
  friend auto operator<=>(const Wish&, const Wish&) = default;
};
inline constexpr std::string_view kMp4Ending = ".mp4";

inline bool is_whole_file(const Wish& wish) { return wish.track.ends_with(kMp4Ending); }

class Demand {
 public:
  Demand();
  ~Demand();
  Demand(const Demand&) = delete;

  /// Waits until the segment is committed (success), cannot be made (the scheduler's error) or
  /// `timeout_ms` has passed (kTimedOut). On the calling reactor, where `gone`, if there is one, is
  /// asked every kLookMs whether nobody hears the answer: from then on it is answered only if the
  /// segment is made for others.
  io::Task<Result<>> want(Wish wish, std::uint32_t timeout_ms, std::function<bool()> gone = {});
  static constexpr std::uint32_t kLookMs = 100;

  using Listener = std::function<void(const Wish&)>;
  /// `on_wish` is called, from the asking thread, for each first wish of a segment, and the first
  /// after all who asked were gone; `on_left` when the last who waited is found to be gone, not
  /// when somebody's time is up: who is told to ask again does. Post them home.
  void set_listener(Listener on_wish, Listener on_left = {});
  /// Whether somebody still waits for it and is not gone.
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

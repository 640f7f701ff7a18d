#pragma once

/// What the connections of one upload are at, put together for its observer, and the word that ends
/// them all. Any thread; the observer is called under the lock, so never twice at once.

#include <streamforge/tus/uploader.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sf::tus {

class UploadMonitor {
 public:
  /// `observer` outlives this.
  UploadMonitor(const UploadObserver& observer, std::uint64_t total_bytes)
      : observer_(observer), total_bytes_(total_bytes) {}

  /// One connection, for as long as it exists. One thread.
  class Line {
   public:
    explicit Line(UploadMonitor& monitor);
    ~Line();
    Line(const Line&) = delete;

    /// A body is under way: of this part, from its `offset` on.
    void begin_body(std::size_t part, std::uint64_t offset);
    /// So much of that body has left; false when all is to end.
    bool report_body(std::uint64_t bytes);
    void end_body();
    /// Sleeps until then, because of `trouble`; false when all is to end.
    bool wait(std::uint64_t until_ms, std::string trouble);

   private:
    friend class UploadMonitor;

    UploadMonitor& monitor_;
    // Under the monitor's lock.
    std::optional<std::size_t> part_;
    std::uint64_t offset_ = 0;
    std::uint64_t left_bytes_ = 0;
    std::uint64_t retry_at_ms_ = 0;  ///< 0: it is not waiting.
    std::string trouble_;
  };

  /// So many parts, none of which has sent anything.
  void expect_parts(std::size_t count);
  void set_sent(std::size_t part, std::uint64_t bytes);
  [[nodiscard]] std::uint64_t sent(std::size_t part);
  /// While it is unknown where the parts stand.
  void set_asking(bool asking);
  /// Lets the observer look; false when all is to end.
  bool report();
  void notice(std::string_view text);

  /// Ends all, because of the first of such errors.
  void fail_with(Error error);
  /// That error, if any; takes it back.
  [[nodiscard]] std::optional<Error> take_failure();

 private:
  [[nodiscard]] UploadProgress progress() const;

  const UploadObserver& observer_;
  const std::uint64_t total_bytes_;

  std::mutex mutex_;
  std::vector<std::uint64_t> sent_bytes_;
  std::uint64_t moved_bytes_ = 0;
  bool asking_ = false;
  std::vector<const Line*> lines_;
  std::optional<Error> failure_;
};

/// Of the monotonic clock, as `Line::wait` counts.
[[nodiscard]] std::uint64_t now_ms();

}  // namespace sf::tus

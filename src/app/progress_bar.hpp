#pragma once

/// One line on stderr about an upload, drawn again at most ten times a second; where stderr is no
/// terminal, a line a tenth and one for each change for the worse or the better. One thread at a
/// time.

#include <streamforge/tus/uploader.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace sf::app {

class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  void show(const tus::UploadProgress& now);
  /// A sentence of its own line, above the bar.
  void notice(std::string_view text);
  /// Leaves the line; with how long it took when the file is up.
  void end(bool is_up);

 private:
  struct Sample {
    std::uint64_t at_ns = 0;
    std::uint64_t moved_bytes = 0;
  };

  void sample(const tus::UploadProgress& now, std::uint64_t now_ns);
  [[nodiscard]] bool is_due(const tus::UploadProgress& now, std::uint64_t now_ns);
  [[nodiscard]] std::string pace(const tus::UploadProgress& now, std::uint64_t now_ns) const;
  void draw(double share, std::string_view numbers) const;

  std::string label_;
  bool terminal_;
  std::uint64_t start_ns_;
  std::deque<Sample> samples_;  ///< Of the last moments, oldest first: what the rate is taken from.
  std::uint64_t moved_at_ns_;
  std::uint64_t drawn_ns_ = 0;
  unsigned drawn_tenth_ = 11;
  bool was_in_trouble_ = false;
  tus::UploadProgress last_;
};

}  // namespace sf::app

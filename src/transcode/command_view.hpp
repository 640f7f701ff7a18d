#pragma once

/// What `streamforge transcode` shows of its progress: a bar on a terminal, a line now and then on
/// anything else, or one JSON event a line on standard output.

#include "manifest.hpp"

#include <streamforge/hls/presentation.hpp>
#include <streamforge/transcode/command.hpp>

#include <string>
#include <string_view>

namespace sf::transcode {

struct ProgressState {
  double done = 0;           ///< 0–1.
  std::uint64_t eta_ms = 0;  ///< 0: not known.
  double speed = 0;          ///< Seconds of the film a second.
  std::string_view stage;    ///< "reading", "encoding".
};

/// "[#######.......]  42 %   3.1x   ETA 1:05", at most `columns` wide. Pure.
[[nodiscard]] std::string progress_line(const ProgressState& state, unsigned columns);
/// "1:05", "2:03:04". Pure.
[[nodiscard]] std::string clock_text(std::uint64_t ms);

class ProgressView {
 public:
  explicit ProgressView(ProgressStyle style);

  void planned(const hls::Presentation& shown, std::size_t segments_kept, std::size_t segments);
  void segment(const ManifestSegment& made);
  void update(const ProgressState& state);
  void quality(std::string_view rung, std::size_t segments, const Quality& mean);
  void warning(std::string_view text);
  void ready(std::string_view master, std::uint64_t wall_ms, double speed);
  void failed(std::string_view code, std::string_view message);
  void interrupted(std::string_view out_dir);
  /// The bar's own line is gone: other text may follow.
  void clear();

 private:
  const ProgressStyle style_;
  const bool terminal_;
  bool drawn_ = false;
  int tenths_told_ = 0;
  std::string stage_told_;
};

}  // namespace sf::transcode

#include "command_view.hpp"

#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/json.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace sf::transcode {
namespace {

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void emit(json::Writer&& event) {
  std::string line = std::move(event).take();
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

unsigned terminal_columns() {
  struct winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string one_decimal(double value) {
  const auto tenths = static_cast<std::uint64_t>(std::max(0.0, value) * 10 + 0.5);
  return concat(tenths / 10, '.', tenths % 10);
}

std::string two_digits(std::uint64_t value) { return concat(value < 10 ? "0" : "", value); }

}  // namespace

std::string clock_text(std::uint64_t ms) {
  const std::uint64_t seconds = (ms + 999) / 1'000;
  const std::uint64_t hours = seconds / 3'600;
  const std::uint64_t minutes = seconds / 60 % 60;
  if (hours == 0) return concat(minutes, ':', two_digits(seconds % 60));
  return concat(hours, ':', two_digits(minutes), ':', two_digits(seconds % 60));
}

std::string progress_line(const ProgressState& state, unsigned columns) {
  const auto percent = static_cast<unsigned>(std::clamp(state.done, 0.0, 1.0) * 100);
  std::string text = concat(percent < 10 ? "  " : percent < 100 ? " " : "", percent, " %");
  if (state.speed > 0) text += concat("   ", one_decimal(state.speed), 'x');
  if (state.eta_ms > 0) text += concat("   ETA ", clock_text(state.eta_ms));
  text += concat("   ", state.stage);
  constexpr unsigned kBarMax = 40;
  constexpr unsigned kBarMin = 8;
  constexpr unsigned kFrame = 3;  // "[", "] ".
  if (columns < text.size() + kBarMin + kFrame) return text.substr(0, columns);
  const unsigned width = std::min(kBarMax, columns - static_cast<unsigned>(text.size()) - kFrame);
  const unsigned full = width * percent / 100;
  return concat('[', std::string(full, '#'), std::string(width - full, '.'), "] ", text);
}

ProgressView::ProgressView(ProgressStyle style)
    : style_(style), terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressView::clear() {
  if (std::exchange(drawn_, false)) say("\r\x1b[K");
}

void ProgressView::planned(const hls::Presentation& shown, std::size_t segments_kept,
                           std::size_t segments) {
  const auto duration_ms =
      static_cast<std::uint64_t>(shown.timeline.duration_ticks()) / (hls::kTicksPerSecond / 1'000);
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "planned").field("duration_ms", duration_ms);
    out.field("segments", std::uint64_t{segments});
    out.field("segments_kept", std::uint64_t{segments_kept}).key("rungs").begin_array();
    for (const auto& track : shown.video) {
      out.begin_object().field("name", track.name).field("width", track.width);
      out.field("height", track.height).end_object();
    }
    out.end_array().field("audio", std::uint64_t{shown.audio.size()}).end_object();
    emit(std::move(out));
  } else if (style_ == ProgressStyle::kAuto) {
    clear();
    std::string rungs;
    for (const auto& track : shown.video) rungs += concat(rungs.empty() ? "" : ", ", track.name);
    if (rungs.empty()) rungs = "sound only";
    say(concat(clock_text(duration_ms), " of film, ", rungs));
    if (segments_kept > 0) say(concat("; ", segments_kept, " of ", segments, " segments kept"));
    say("\n");
  }
}

void ProgressView::segment(const ManifestSegment& made) {
  if (style_ != ProgressStyle::kJson) return;
  json::Writer out;
  out.begin_object().field("event", "segment").field("track", made.track);
  out.field("segment", made.segment).field("bytes", made.bytes);
  out.field("duration_ms", made.duration_ticks / (hls::kTicksPerSecond / 1'000)).end_object();
  emit(std::move(out));
}

void ProgressView::update(const ProgressState& state) {
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "progress").field("stage", state.stage);
    out.field("done", state.done).field("eta_ms", state.eta_ms);
    out.field("speed", state.speed).end_object();
    emit(std::move(out));
  } else if (style_ == ProgressStyle::kAuto && terminal_) {
    drawn_ = true;
    say(concat("\r", progress_line(state, terminal_columns() - 1), "\x1b[K"));
  } else if (style_ == ProgressStyle::kAuto) {
    if (state.stage != stage_told_) tenths_told_ = 0;
    stage_told_ = state.stage;
    const int tenths = static_cast<int>(state.done * 10);
    if (tenths <= tenths_told_) return;
    tenths_told_ = tenths;
    say(concat(progress_line(state, 80), '\n'));
  }
}

void ProgressView::quality(std::string_view rung, std::size_t segments, const Quality& mean) {
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "quality").field("rung", rung);
    write_quality(out, mean);
    out.field("segments", std::uint64_t{segments}).end_object();
    emit(std::move(out));
  } else if (style_ == ProgressStyle::kAuto) {
    clear();
    char text[64];
    std::snprintf(text, sizeof text, ": SSIM %.4f, PSNR %.2f dB in ", mean.ssim, mean.psnr_db);
    say(concat(rung, text, segments, segments == 1 ? " segment\n" : " segments\n"));
  }
}

void ProgressView::warning(std::string_view text) {
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "warning").field("message", text).end_object();
    emit(std::move(out));
  } else {
    clear();
    say(concat("streamforge: warning: ", text, '\n'));
  }
}

void ProgressView::ready(std::string_view master, std::uint64_t wall_ms, double speed) {
  clear();
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "ready").field("master", master);
    out.field("wall_ms", wall_ms).end_object();
    emit(std::move(out));
  } else if (style_ == ProgressStyle::kAuto) {
    say(concat("Done in ", clock_text(wall_ms)));
    if (speed > 0) say(concat(" (", one_decimal(speed), "x)"));
    say(concat(": ", master, '\n'));
  }
}

void ProgressView::failed(std::string_view code, std::string_view message) {
  clear();
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "failed").field("code", code);
    out.field("message", message).end_object();
    emit(std::move(out));
  }
  say(concat("streamforge: ", message, '\n'));
}

void ProgressView::interrupted(std::string_view out_dir) {
  clear();
  if (style_ == ProgressStyle::kJson) {
    json::Writer out;
    out.begin_object().field("event", "interrupted").end_object();
    emit(std::move(out));
  }
  say(concat("streamforge: interrupted; the same command goes on in ", out_dir, '\n'));
}

}  // namespace sf::transcode

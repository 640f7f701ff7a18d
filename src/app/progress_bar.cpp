#include "progress_bar.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <utility>

namespace sf::app {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kDrawEveryNs = kSecondNs / 10;
constexpr std::uint64_t kSampleEveryNs = kSecondNs / 2;
/// The rate is that of so long: short enough to follow the line, long enough for a steady forecast.
constexpr std::uint64_t kRateOverNs = 20 * kSecondNs;
constexpr std::uint64_t kRateFromNs = kSecondNs;
constexpr std::uint64_t kStalledAfterNs = 5 * kSecondNs;
constexpr std::size_t kCells = 24;
constexpr std::size_t kCellsMin = 8;
constexpr std::size_t kLabelColumnsMin = 12;

/// "3.4 GiB"
std::string human_bytes(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  unsigned unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}
std::string human_bytes(std::uint64_t bytes) { return human_bytes(static_cast<double>(bytes)); }

/// "2 h 5 min", "8 min", "1 min 40 s", "12 s": no finer than a forecast can be.
std::string human_time(std::uint64_t seconds) {
  const std::uint64_t minutes = seconds / 60;
  if (minutes >= 60) return concat(minutes / 60, " h ", minutes % 60, " min");
  if (minutes >= 5) return concat(minutes, " min");
  if (minutes >= 1) return concat(minutes, " min ", seconds % 60 / 10 * 10, " s");
  return concat(seconds, " s");
}

/// Columns it takes, each code point counted as one.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

/// At most `columns` of it, the last an ellipsis when something is missing.
std::string clipped(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  while (columns_of(text) >= columns) text.remove_suffix(1);
  return concat(text, "…");
}

double share_of(const tus::UploadProgress& now) {
  if (now.total_bytes == 0) return 1;
  return static_cast<double>(now.sent_bytes) / static_cast<double>(now.total_bytes);
}

/// " 42 %  4.2 GiB of 10.0 GiB"; 100 % is when all is there. Trouble needs the room for itself.
std::string amount_of(const tus::UploadProgress& now) {
  if (!now.sent_is_known) return {};
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3u %%", static_cast<unsigned>(share_of(now) * 100));
  if (!now.trouble.empty()) return percent;
  return concat(percent, "  ", human_bytes(now.sent_bytes), " of ", human_bytes(now.total_bytes));
}

std::size_t terminal_columns() {
  ::winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_ns_(mono_ns()),
      moved_at_ns_(start_ns_) {}

void ProgressBar::show(const tus::UploadProgress& now) {
  if (!now.sent_is_known && now.trouble.empty()) return;
  const std::uint64_t now_ns = mono_ns();
  sample(now, now_ns);
  last_ = now;
  last_.trouble = {};  // It is the uploader's.
  if (!is_due(now, now_ns)) return;
  drawn_ns_ = now_ns;
  draw(share_of(now), concat(amount_of(now), pace(now, now_ns)));
}

void ProgressBar::notice(std::string_view text) {
  std::cerr << (terminal_ ? "\r\033[K" : "") << label_ << ": " << text << std::endl;
}

void ProgressBar::end(bool is_up) {
  if (is_up) {
    const double seconds = static_cast<double>(mono_ns() - start_ns_) / double{kSecondNs};
    std::string numbers = concat("100 %  ", human_bytes(last_.total_bytes));
    if (last_.moved_bytes > 0) {
      numbers += concat("  ", human_bytes(static_cast<double>(last_.moved_bytes) / seconds), "/s, ",
                        human_time(static_cast<std::uint64_t>(std::ceil(seconds))));
    }
    draw(1, numbers);
  }
  if (terminal_ && drawn_ns_ != 0) std::cerr << std::endl;
}

/// While nothing moves for a known reason there is no rate, and it begins anew after that.
void ProgressBar::sample(const tus::UploadProgress& now, std::uint64_t now_ns) {
  if (!now.trouble.empty()) samples_.clear();
  if (now.moved_bytes != last_.moved_bytes || !now.trouble.empty()) moved_at_ns_ = now_ns;
  if (!samples_.empty() && now_ns - samples_.back().at_ns < kSampleEveryNs) return;
  samples_.push_back({now_ns, now.moved_bytes});
  while (samples_.size() > 2 && now_ns - samples_[1].at_ns >= kRateOverNs) samples_.pop_front();
}

bool ProgressBar::is_due(const tus::UploadProgress& now, std::uint64_t now_ns) {
  if (terminal_) return now_ns - drawn_ns_ >= kDrawEveryNs;
  const bool turned = was_in_trouble_ == now.trouble.empty();
  was_in_trouble_ = !now.trouble.empty();
  const unsigned tenth =
      now.total_bytes == 0 ? 10 : static_cast<unsigned>(now.sent_bytes * 10 / now.total_bytes);
  // The last line is end()'s: the server has not said yet that the file is up.
  if (tenth == 10 && !turned) return false;
  return std::exchange(drawn_tenth_, tenth) != tenth || turned;
}

std::string ProgressBar::pace(const tus::UploadProgress& now, std::uint64_t now_ns) const {
  if (!now.trouble.empty()) {
    return concat("  next try in ", (now.retry_in_ms + 999) / 1000, " s: ", now.trouble);
  }
  const std::uint64_t still_ns = now_ns - moved_at_ns_;
  if (still_ns >= kStalledAfterNs && now.sent_bytes < now.total_bytes) {
    return concat("  nothing moves since ", still_ns / kSecondNs, " s");
  }
  const std::uint64_t over_ns = now_ns - samples_.front().at_ns;
  const std::uint64_t moved = now.moved_bytes - samples_.front().moved_bytes;
  if (over_ns < kRateFromNs || moved == 0) return {};
  const double rate = static_cast<double>(moved) * double{kSecondNs} / static_cast<double>(over_ns);
  std::string text = concat("  ", human_bytes(rate), "/s");
  if (now.sent_bytes < now.total_bytes) {
    const double left = static_cast<double>(now.total_bytes - now.sent_bytes) / rate;
    text += concat("  ", human_time(static_cast<std::uint64_t>(left) + 1), " left");
  }
  return text;
}

/// On a terminal the line fits: the cells give way first, then the name.
void ProgressBar::draw(double share, std::string_view numbers) const {
  constexpr std::size_t kGaps = 3;
  std::size_t cells = kCells;
  std::string label = label_;
  std::string line;
  const std::size_t columns = terminal_ ? terminal_columns() : 0;
  if (terminal_) {
    const auto left_of = [columns](std::size_t taken) {
      return columns - std::min(columns, taken);
    };
    const std::size_t taken = columns_of(numbers) + kGaps;
    cells = std::clamp(left_of(taken + columns_of(label)), kCellsMin, kCells);
    label = clipped(label, std::max(left_of(taken + cells), kLabelColumnsMin));
  }
  line = concat(label, "  ");
  for (std::size_t i = 0; i < cells; ++i) {
    line += static_cast<double>(i + 1) <= share * static_cast<double>(cells) ? "█" : "░";
  }
  line += concat(' ', numbers);
  if (terminal_) {
    std::cerr << "\r\033[K" << clipped(line, columns) << std::flush;
  } else {
    std::cerr << line << std::endl;
  }
}

}  // namespace sf::app

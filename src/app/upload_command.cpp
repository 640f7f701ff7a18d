#include "admin.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/tus/uploader.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace sf::app {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // Set from a signal handler.

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

/// One line on stderr, drawn again at most ten times a second; a line a tenth when stderr is no
/// terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label)
      : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), start_ns_(mono_ns()) {}

  void show(std::uint64_t sent, std::uint64_t total) {
    if (first_sent_ == kNone) first_sent_ = sent;
    const std::uint64_t now = mono_ns();
    const unsigned tenth = total == 0 ? 10 : static_cast<unsigned>(sent * 10 / total);
    const bool last = sent == total;
    if (terminal_ ? (!last && now - drawn_ns_ < 100'000'000) : tenth == drawn_tenth_) return;
    drawn_ns_ = now;
    drawn_tenth_ = tenth;
    std::cerr << (terminal_ ? "\r\033[K" : "") << line(sent, total, now) << (terminal_ ? "" : "\n")
              << std::flush;
  }
  void end() const {
    if (terminal_) std::cerr << '\n';
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  [[nodiscard]] std::string line(std::uint64_t sent, std::uint64_t total,
                                 std::uint64_t now_ns) const {
    const double share = total == 0 ? 1 : static_cast<double>(sent) / static_cast<double>(total);
    const double seconds = static_cast<double>(now_ns - start_ns_) / 1e9;
    const double rate = seconds > 0 ? static_cast<double>(sent - first_sent_) / seconds : 0;
    constexpr unsigned kCells = 24;
    const auto filled = static_cast<unsigned>(share * kCells);
    std::string bar;
    for (unsigned i = 0; i < kCells; ++i) bar += i < filled ? "█" : "░";
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, " %3.0f %%  %s of %s  %s/s", share * 100,
                  human_bytes(static_cast<double>(sent)).c_str(),
                  human_bytes(static_cast<double>(total)).c_str(), human_bytes(rate).c_str());
    std::string text = concat(label_, "  ", bar, numbers);
    if (rate > 0 && sent < total) {
      const auto left = static_cast<std::uint64_t>(static_cast<double>(total - sent) / rate);
      text += concat("  ", left / 60, " min ", left % 60, " s left");
    }
    return text;
  }

  std::string label_;
  bool terminal_;
  std::uint64_t start_ns_;
  std::uint64_t drawn_ns_ = 0;
  unsigned drawn_tenth_ = 11;
  std::uint64_t first_sent_ = kNone;
};

/// Fills in server and token when they were not given: from the server that runs on `data_dir`.
Result<> find_server(UploadOptions& options) {
  if (!options.to.empty()) return {};
  const auto server = running_server(options.data_dir);
  if (!server) {
    return fail(ErrorCode::kUnavailable,
                concat("No server runs on ", options.data_dir,
                       "; start one with `streamforge serve`, or name one with --to URL."));
  }
  options.to = server->url;
  if (server->open || !options.token.empty()) return {};
  AccountRequest order;
  order.verb = "token create";
  order.label = "upload from the command line";
  order.days = 7;  // As long as an unfinished upload is kept.
  auto token = ask_running_server(options.data_dir, order);
  if (!token) return fail(std::move(token.error()));
  options.token = trim(token->substr(0, token->find('\n')));
  return {};
}

/// Where programs of this user keep what should outlive a run (XDG base directories).
std::string state_dir() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state && *state) return concat(state, "/streamforge");
  const char* home = std::getenv("HOME");
  return home && *home ? concat(home, "/.local/state/streamforge") : std::string();
}

}  // namespace

int run_upload(const UploadOptions& given) {
  UploadOptions options = given;
  if (auto found = find_server(options); !found) {
    std::cerr << "streamforge: " << found.error().message << '\n';
    return 1;
  }
  std::signal(SIGINT, [](int) { interrupted = true; });
  std::signal(SIGPIPE, SIG_IGN);
  int exit_code = 0;
  for (const std::string& file : options.files) {
    tus::UploadOrder order;
    order.file = file;
    order.base_url = options.to;
    order.token = options.token;
    order.visibility = options.visibility;
    order.state_dir = state_dir();
    ProgressBar bar(std::filesystem::path(file).filename().string());
    const auto outcome = tus::upload(order, [&bar](std::uint64_t sent, std::uint64_t total) {
      bar.show(sent, total);
      return !interrupted.load();
    });
    bar.end();
    if (interrupted) {
      std::cerr << "Stopped; run the same command again to continue.\n";
      return 130;
    }
    if (!outcome) {
      std::cerr << "streamforge: " << file << ": " << outcome.error().message << '\n';
      exit_code = 1;
      continue;
    }
    std::cout << outcome->watch_url << std::endl;
  }
  return exit_code;
}

}  // namespace sf::app

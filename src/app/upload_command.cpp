#include "admin.hpp"

#include <streamforge/tus/uploader.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "progress_bar.hpp"

namespace sf::app {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // Set from a signal handler.

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

/// What ends a run leaves its uploads resumable. A second signal ends at once, which does too.
void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Result<tus::UploadOutcome> upload_one(const UploadOptions& options, const std::string& file) {
  tus::UploadOrder order;
  order.file = file;
  order.base_url = options.to;
  order.insecure = options.insecure;
  order.token = options.token;
  order.visibility = options.visibility;
  order.state_dir = state_dir();
  order.parallel = options.parallel;
  ProgressBar bar(std::filesystem::path(file).filename().string());
  tus::UploadObserver observer;
  observer.on_progress = [&bar](const tus::UploadProgress& now) {
    bar.show(now);
    return !interrupted.load();
  };
  observer.on_notice = [&bar](std::string_view text) { bar.notice(text); };
  auto outcome = tus::upload(order, observer);
  bar.end(outcome.has_value());
  return outcome;
}

}  // namespace

int run_upload(const UploadOptions& given) {
  UploadOptions options = given;
  if (auto found = find_server(options); !found) {
    std::cerr << "streamforge: " << found.error().message << '\n';
    return 1;
  }
  stop_on_signals();
  int exit_code = 0;
  for (const std::string& file : options.files) {
    const auto outcome = upload_one(options, file);
    if (outcome) {
      std::cout << outcome->watch_url << std::endl;
    } else if (outcome.error().code == ErrorCode::kCancelled) {
      std::cerr << "Stopped; run the same command again to continue.\n";
      return 130;
    } else {
      std::cerr << "streamforge: " << file << ": " << outcome.error().message << '\n';
      exit_code = 1;
    }
  }
  return exit_code;
}

}  // namespace sf::app

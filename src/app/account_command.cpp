#include "admin.hpp"
#include "reactor_thread.hpp"
#include "stores.hpp"

#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>

namespace sf::app {

namespace {

/// A line from standard input; on a terminal asked for, and not shown while it is typed.
std::string read_password() {
  const bool terminal = isatty(STDIN_FILENO) == 1;
  termios saved{};
  if (terminal) {
    std::cerr << "Password: " << std::flush;
    tcgetattr(STDIN_FILENO, &saved);
    termios hidden = saved;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  }
  std::string password;
  std::getline(std::cin, password);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSANOW, &saved);
    std::cerr << '\n';
  }
  return password;
}

/// No server runs: opens DIR itself, with a reactor for the moment.
Result<std::string> execute_here(const std::string& data_dir, AccountRequest request) {
  auto backend = io::resolve(io::BackendKind::kAuto, nullptr);
  if (!backend) return fail(std::move(backend.error()));
  auto stores = Stores::open(data_dir, false);
  if (!stores) return fail(std::move(stores.error()));
  io::ReactorConfig config;
  config.backend = *backend;
  config.staging_bytes = 0;
  auto thread = ReactorThread::start(config, "sf-reactor");
  if (!thread) return fail(std::move(thread.error()));
  return (*thread)->run(execute(*(*stores)->accounts, std::move(request)));
}

}  // namespace

int run_account(const AccountOptions& options) {
  AccountRequest request;
  request.verb = options.verb;
  request.name = options.name;
  request.role = options.role;
  request.label = options.label;
  request.days = options.days;
  if (options.verb == "user add" || options.verb == "user passwd") {
    request.password = read_password();
  }
  const auto result = running_server(options.data_dir)
                          ? ask_running_server(options.data_dir, request)
                          : execute_here(options.data_dir, request);
  if (!result) {
    std::cerr << "streamforge: " << result.error().message << '\n';
    return 1;
  }
  std::cout << *result;
  return 0;
}

}  // namespace sf::app

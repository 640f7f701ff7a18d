#pragma once

/// The real binary as a server on a loopback port of its own: what black-box tests talk to.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace sf::test {

/// Every test that touches sockets or files runs once on each:
///   INSTANTIATE_TEST_SUITE_P(Io, HeadTest, testing::ValuesIn(sf::test::kBackends));
inline constexpr const char* kBackends[] = {"uring", "epoll"};

/// The program under test.
[[nodiscard]] std::string binary();

struct ServerOptions {
  std::string io = "uring";
  /// Uploads and management without an account.
  bool open = true;
  /// More for the command line, behind ours: {"--transcoders", "0"}.
  std::vector<std::string> flags;
  Process::Environment environment;
  unsigned start_timeout_ms = 30'000;
};

/// One server on one data folder. Start failures throw with what the server said on stderr; a test
/// that has failed gets the end of it in its output.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {});
  ~TestServer();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  /// "http://127.0.0.1:PORT"
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::filesystem::path data() const { return root_.path() / "data"; }
  [[nodiscard]] bool running() { return process_ && process_->running(); }
  /// All that it wrote to stderr, over all restarts.
  [[nodiscard]] std::string log() const;

  /// SIGKILL, and gone when it returns.
  void kill9();
  /// SIGTERM and the exit status; nothing when it still runs after `timeout_ms`.
  [[nodiscard]] std::optional<int> terminate(unsigned timeout_ms = 20'000);
  /// Starts again on the same data folder (after kill9() or terminate()); the port changes.
  void start();
  ServerOptions& options() noexcept { return options_; }

 private:
  [[nodiscard]] std::uint16_t read_port(int fd) const;

  ServerOptions options_;
  TempDir root_;
  std::unique_ptr<Process> process_;
  UniqueFd stdout_;
  std::uint16_t port_ = 0;
};

}  // namespace sf::test

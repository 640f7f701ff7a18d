#include "support/server.hpp"

#include <streamforge/base/bytes.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace sf::test {

namespace {

constexpr std::string_view kReadyLine = "listening on http://127.0.0.1:";
constexpr std::size_t kLogTailBytes = 8192;

std::string tail(const std::string& text) {
  return text.size() <= kLogTailBytes ? text : text.substr(text.size() - kLogTailBytes);
}

/// One line from a pipe, without its newline; empty at the end of the stream or of the time.
std::string read_line(int fd, unsigned timeout_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  std::string line;
  for (char c = 0;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd readable{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return {};
    if (::read(fd, &c, 1) != 1) return {};
    if (c == '\n') return line;
    line.push_back(c);
  }
}

}  // namespace

std::string binary() { return SF_BINARY; }

TestServer::TestServer(ServerOptions options) : options_(std::move(options)) { start(); }

TestServer::~TestServer() {
  if (testing::Test::HasFailure()) {
    std::fprintf(stderr, "--- server log (%s, end) ---\n%s--- end of server log ---\n",
                 options_.io.c_str(), tail(log()).c_str());
  }
}

std::string TestServer::url() const { return concat("http://127.0.0.1:", int{port_}); }

std::string TestServer::log() const { return read_file(root_.file("server.log")); }

void TestServer::start() {
  process_.reset();
  std::vector<std::string> argv{binary(),   "serve",       "--data", data().string(),
                                "--listen", "127.0.0.1:0", "--io",   options_.io};
  if (options_.open) argv.emplace_back("--open");
  argv.insert(argv.end(), options_.flags.begin(), options_.flags.end());

  const UniqueFd err(
      ::open(root_.file("server.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  stdout_ = UniqueFd(ends[0]);
  UniqueFd write_end(ends[1]);
  process_ = std::make_unique<Process>(argv, Process::Streams{-1, write_end.get(), err.get()},
                                       options_.environment);
  write_end.reset();
  port_ = read_port(stdout_.get());
}

std::uint16_t TestServer::read_port(int fd) const {
  const std::string line = read_line(fd, options_.start_timeout_ms);
  if (line.starts_with(kReadyLine)) {
    const auto digits = std::string_view(line).substr(kReadyLine.size());
    if (const auto port = parse_decimal(digits.substr(0, digits.find('/')), 65535)) {
      return static_cast<std::uint16_t>(*port);
    }
  }
  throw std::runtime_error(
      concat("the server did not become ready; it said \"", line, "\" and logged:\n", tail(log())));
}

void TestServer::kill9() {
  process_->signal(SIGKILL);
  if (!process_->wait(10'000)) throw std::runtime_error("the server survived SIGKILL for 10 s");
}

std::optional<int> TestServer::terminate(unsigned timeout_ms) {
  process_->signal(SIGTERM);
  return process_->wait(timeout_ms);
}

}  // namespace sf::test

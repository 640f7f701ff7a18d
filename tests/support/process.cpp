#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace sf::test {

namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// A file without a name that holds `content` and is read from its start.
UniqueFd file_of(const std::string& content) {
  UniqueFd fd(::memfd_create("stdin", MFD_CLOEXEC));
  if (!fd) throw_errno("memfd_create");
  if (::write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      ::lseek(fd.get(), 0, SEEK_SET) != 0) {
    throw_errno("write stdin");
  }
  return fd;
}

std::string all_of(int fd) {
  std::string out;
  std::array<char, 16384> chunk;
  ssize_t got = 0;
  while ((got = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(out.size()))) > 0) {
    out.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return out;
}

void connect_stream(int from, int to) {
  if (from == to) {
    ::fcntl(from, F_SETFD, 0);
  } else if (from >= 0) {
    ::dup2(from, to);
  }
}

}  // namespace

Process::Process(const std::vector<std::string>& argv, Streams streams,
                 const Environment& added_environment) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    connect_stream(streams.in >= 0 ? streams.in : nothing.get(), STDIN_FILENO);
    connect_stream(streams.out, STDOUT_FILENO);
    connect_stream(streams.err, STDERR_FILENO);
    for (const auto& [name, value] : added_environment) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  handle_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!handle_) throw_errno("pidfd_open");
}

Process::~Process() {
  if (running()) signal(SIGKILL);
  (void)wait(10'000);
}

bool Process::running() { return !wait(0).has_value(); }

void Process::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

std::optional<int> Process::wait(unsigned timeout_ms) {
  if (status_) return status_;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  pollfd ended{handle_.get(), POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    const int ready = ::poll(&ended, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready > 0) break;
    if (ready == 0) return std::nullopt;
    if (errno != EINTR) throw_errno("poll");
  }
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) throw_errno("waitpid");
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

ProgramOutput run_program(const std::vector<std::string>& argv, const ProgramOptions& options) {
  // Files, not pipes: a program may write as much as it likes before anybody reads.
  const UniqueFd in = file_of(options.input);
  const UniqueFd out = file_of("");
  const UniqueFd err = file_of("");
  Process process(argv, {in.get(), out.get(), err.get()}, options.environment);
  const auto status = process.wait(options.timeout_ms);
  if (!status) {
    process.signal(SIGKILL);
    (void)process.wait(10'000);
  }
  return {status.value_or(-1), all_of(out.get()), all_of(err.get())};
}

}  // namespace sf::test

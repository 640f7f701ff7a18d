#include "process.hpp"

#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

// The child runs on our memory, where a sanitizer's bookkeeping is the parent's.
#define SF_UNSANITIZED __attribute__((no_sanitize("address", "thread", "undefined")))

namespace sf::transcode {
namespace {

constexpr std::size_t kChildStackBytes = std::size_t{256} << 10;
constexpr rlim_t kChildFiles = 256;
constexpr rlim_t kChildFileBytes = rlim_t{1} << 30;  // Until a task needs more.

#if defined(SF_SANITIZED)
constexpr bool kSanitized = true;  // Shadow memory is beyond any limit worth setting.
#else
constexpr bool kSanitized = false;
#endif

// All that the child needs, made before it exists: between clone and exec it shares our memory and
// may not allocate.
struct ChildPlan {
  const char* program = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  int input = -1;
  int output = -1;
  int errors = -1;
  pid_t parent = -1;
  int nice = 0;
  int policy = SCHED_BATCH;
  bool pinned = false;
  cpu_set_t cpus{};
  rlim_t data_bytes_max = RLIM_INFINITY;
  int error = 0;  // Written by the child: errno of what failed.
};

SF_UNSANITIZED void limit(int which, rlim_t value, rlim_t hard) {
  const struct rlimit both{value, hard};
  ::setrlimit(static_cast<__rlimit_resource>(which), &both);
}

// Runs in the child, on a stack of its own, in our address space (CLONE_VM | CLONE_VFORK): system
// calls only. Failing to lower a priority or to pin is no reason not to start.
SF_UNSANITIZED int become_worker(void* argument) {
  auto& plan = *static_cast<ChildPlan*>(argument);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != plan.parent) ::_exit(127);  // Our parent died before the line above.
  // A group of its own: Ctrl-C goes to the program in front, which ends its workers in order.
  ::setpgid(0, 0);
  if (plan.pinned) ::sched_setaffinity(0, sizeof plan.cpus, &plan.cpus);
  if (plan.nice != 0) ::setpriority(PRIO_PROCESS, 0, plan.nice);
  const struct sched_param none{0};
  ::sched_setscheduler(0, plan.policy, &none);
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_NOFILE, kChildFiles, kChildFiles);
  limit(RLIMIT_FSIZE, kChildFileBytes, RLIM_INFINITY);  // We may raise it, it cannot.
  if (plan.data_bytes_max != RLIM_INFINITY) {
    limit(RLIMIT_DATA, plan.data_bytes_max, plan.data_bytes_max);
  }
  const bool wired =
      ::dup2(plan.input, 0) >= 0 && ::dup2(plan.output, 1) >= 0 && ::dup2(plan.errors, 2) >= 0;
  if (wired) {
    ::syscall(SYS_close_range, 3u, ~0u, 0u);
    ::execve(plan.program, plan.arguments, plan.environment);
  }
  plan.error = errno;
  ::_exit(127);
}

// A daemon may run with 0, 1 or 2 closed: what we make must not land there.
Result<UniqueFd> above_stdio(int fd) {
  UniqueFd owned(fd);
  if (fd > 2) return owned;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (moved < 0) return fail_errno(errno, "fcntl(F_DUPFD_CLOEXEC)");
  return UniqueFd(moved);
}

struct FdPair {
  UniqueFd ours;
  UniqueFd theirs;
};

Result<FdPair> make_pair(int ours, int theirs) {
  auto first = above_stdio(ours);
  auto second = above_stdio(theirs);
  if (!first) return fail(std::move(first.error()));
  if (!second) return fail(std::move(second.error()));
  if (::fcntl(first->get(), F_SETFL, O_NONBLOCK) < 0) return fail_errno(errno, "fcntl(F_SETFL)");
  return FdPair{std::move(*first), std::move(*second)};
}

Result<FdPair> make_socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    return fail_errno(errno, "socketpair");
  }
  return make_pair(ends[0], ends[1]);
}

Result<FdPair> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno(errno, "pipe2");
  return make_pair(ends[0], ends[1]);
}

// What a worker may know of our environment: settings of the allocator and the sanitizers.
std::vector<std::string> worker_environment() {
  constexpr std::array<std::string_view, 6> kPassed = {"ASAN_", "UBSAN_",    "LSAN_",
                                                       "TSAN_", "MIMALLOC_", "LD_LIBRARY_PATH="};
  std::vector<std::string> out = {"LC_ALL=C"};
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    for (const auto prefix : kPassed) {
      if (text.starts_with(prefix)) out.emplace_back(text);
    }
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// The child's stack; gone when this is.
class ChildStack {
 public:
  ChildStack()
      : base_(::mmap(nullptr, kChildStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  ChildStack(const ChildStack&) = delete;
  ~ChildStack() {
    if (base_ != MAP_FAILED) ::munmap(base_, kChildStackBytes);
  }
  [[nodiscard]] void* top() const noexcept {
    return base_ == MAP_FAILED ? nullptr : static_cast<char*>(base_) + kChildStackBytes;
  }

 private:
  void* base_;
};

struct Child {
  pid_t pid = -1;
  UniqueFd handle;
};

Result<Child> clone_child(ChildPlan& plan) {
  const ChildStack stack;
  if (!stack.top()) return fail_errno(ENOMEM, "mmap of a stack");
  // No handler of ours may run in the child while it shares our memory.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int handle = -1;
  const int pid = ::clone(become_worker, stack.top(),
                          CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &handle);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return fail_errno(error, "clone");
  return Child{pid, UniqueFd(handle)};
}

}  // namespace

std::string ProcessEnd::in_words() const {
  if (!by_signal) return concat("exited with status ", code);
  const char* name = ::strsignal(code);
  return concat("ended by signal ", code, " (", name ? name : "unknown", ')');
}

Result<Process> Process::start(const ProcessOptions& options) {
  auto commands = make_socket_pair();
  if (!commands) return fail(std::move(commands.error()));
  auto output = make_pipe();
  if (!output) return fail(std::move(output.error()));
  auto errors = make_pipe();
  if (!errors) return fail(std::move(errors.error()));

  std::vector<std::string> argument_texts = {"streamforge", "worker"};
  std::vector<std::string> environment_texts = worker_environment();
  const auto arguments = pointers(argument_texts);
  const auto environment = pointers(environment_texts);
  ChildPlan plan;
  plan.program = options.program.empty() ? "/proc/self/exe" : options.program.c_str();
  plan.arguments = arguments.data();
  plan.environment = environment.data();
  plan.input = commands->theirs.get();
  plan.output = output->theirs.get();
  plan.errors = errors->theirs.get();
  plan.parent = ::getpid();
  plan.nice = options.nice;
  plan.policy = options.idle_class ? SCHED_IDLE : options.awaited ? SCHED_OTHER : SCHED_BATCH;
  plan.pinned = options.cpu >= 0 && options.cpu < CPU_SETSIZE;
  CPU_ZERO(&plan.cpus);
  if (plan.pinned) CPU_SET(static_cast<unsigned>(options.cpu), &plan.cpus);
  if (!kSanitized && options.memory_bytes_max > 0) plan.data_bytes_max = options.memory_bytes_max;

  auto child = clone_child(plan);
  if (!child) return fail(std::move(child.error()));
  Process process;
  process.pid_ = child->pid;
  process.handle_ = std::move(child->handle);
  process.commands_ = std::move(commands->ours);
  process.output_ = std::move(output->ours);
  process.errors_ = std::move(errors->ours);
  if (plan.error != 0) {
    return fail_errno(plan.error, concat("start the worker ", plan.program));
  }
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      handle_(std::move(other.handle_)),
      commands_(std::move(other.commands_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      end_(other.end_) {}

Process::~Process() {
  if (pid_ < 0 || end_) return;
  signal(SIGKILL);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) < 0 && errno == EINTR) {
  }
}

Result<> Process::send(std::string_view packet, std::span<const int> descriptors) const {
  if (!commands_) return fail(ErrorCode::kClosed, "the worker's command socket is closed");
  if (descriptors.size() > kDescriptorsMax) {
    return fail(ErrorCode::kTooLarge, "more descriptors than one command carries");
  }
  struct iovec piece{const_cast<char*>(packet.data()), packet.size()};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kDescriptorsMax)> control{};
  struct msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  for (;;) {
    if (::sendmsg(commands_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return fail(ErrorCode::kUnavailable, "the worker takes no command");
    return fail_errno(errno, "send a command to the worker");
  }
}

void Process::signal(int number) const noexcept {
  if (pid_ < 0 || end_) return;
  // By pid: it is ours until we reap it.
  ::kill(pid_, number);
}

void Process::allow_cpu_ms(std::uint64_t cpu_ms) const noexcept {
  const auto now = state();
  if (!now || kSanitized) return;
  const struct rlimit budget{(now->cpu_ms + cpu_ms + 999) / 1'000, RLIM_INFINITY};
  ::prlimit(pid_, RLIMIT_CPU, &budget, nullptr);
}

void Process::allow_file_bytes(std::uint64_t bytes) const noexcept {
  if (pid_ < 0 || end_) return;
  const struct rlimit most{bytes, RLIM_INFINITY};
  ::prlimit(pid_, RLIMIT_FSIZE, &most, nullptr);
}

std::optional<ProcessState> Process::state() const {
  if (pid_ < 0 || end_) return std::nullopt;
  const std::string path = concat("/proc/", std::int64_t{pid_}, "/stat");
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text{};
  const ssize_t bytes = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (bytes <= 0) return std::nullopt;
  // "pid (name) S ppid …": the name may hold anything, so from its last bracket on.
  std::string_view rest(text.data(), static_cast<std::size_t>(bytes));
  const auto bracket = rest.rfind(')');
  if (bracket == std::string_view::npos || bracket + 2 >= rest.size()) return std::nullopt;
  const auto fields = split(rest.substr(bracket + 2), ' ');
  if (fields.size() < 13 || fields[0].empty()) return std::nullopt;
  const auto user = parse_decimal(fields[11]);
  const auto system = parse_decimal(fields[12]);
  if (!user || !system) return std::nullopt;
  static const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return ProcessState{fields[0].front(), (*user + *system) * 1'000 / ticks};
}

std::optional<ProcessEnd> Process::reap() noexcept {
  if (end_ || pid_ < 0) return end_;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) < 0) {
    if (errno == ECHILD) end_ = ProcessEnd{};
    return end_;
  }
  if (info.si_pid == 0) return std::nullopt;
  end_ = ProcessEnd{info.si_code != CLD_EXITED, info.si_status};
  return end_;
}

}  // namespace sf::transcode

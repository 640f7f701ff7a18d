#include "sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace sf::transcode {
namespace {

#if defined(SF_SANITIZED)
TEST(Sandbox, IsLeftOutUnderSanitizers) { EXPECT_TRUE(lock_down().empty()); }
#else

/// What an attacker inside a worker would try; each attempt in a process of its own.
class SandboxDeathTest : public ::testing::Test {
 protected:
  // Exits 0 when `attempt` fails with EPERM or EACCES, 1 when it succeeds.
  template <class Attempt>
  static void locked(Attempt attempt) {
    if (!lock_down().empty()) ::_exit(77);
    errno = 0;
    const long result = attempt();
    ::_exit(result >= 0 ? 1 : errno == EPERM || errno == EACCES ? 0 : 2);
  }
  static bool kernel_has_all() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(lock_down().empty() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0;
  }
  void SetUp() override {
    if (!kernel_has_all()) GTEST_SKIP() << "no seccomp or no Landlock here";
  }
};

const auto kRefused = ::testing::ExitedWithCode(0);
const auto kKilled = ::testing::KilledBySignal(SIGSYS);

TEST_F(SandboxDeathTest, FilesCannotBeOpenedOrChanged) {
  EXPECT_EXIT(locked([] { return long{::open("/etc/passwd", O_RDONLY)}; }), kRefused, "");
  EXPECT_EXIT(locked([] { return long{::open("/tmp/sf-escape", O_CREAT | O_RDWR, 0600)}; }),
              kRefused, "");
  EXPECT_EXIT(locked([] { return long{::unlink("/tmp/sf-escape")}; }), kRefused, "");
  EXPECT_EXIT(locked([] { return ::syscall(SYS_openat2, AT_FDCWD, "/", nullptr, 0); }), kRefused,
              "");
  EXPECT_EXIT(locked([] {
                struct stat status{};
                return long{::stat("/etc/passwd", &status)};
              }),
              kRefused, "");
}

TEST_F(SandboxDeathTest, NothingIsExecuted) {
  EXPECT_EXIT(locked([] {
                char name[] = "/bin/true";
                char* const arguments[] = {name, nullptr};
                return long{::execve(name, arguments, nullptr)};
              }),
              kKilled, "");
  EXPECT_EXIT(locked([] { return long{::fork()}; }), kRefused, "");
  EXPECT_EXIT(locked([] { return long{::vfork()}; }), kKilled, "");
}

TEST_F(SandboxDeathTest, NobodyIsContacted) {
  EXPECT_EXIT(locked([] { return long{::socket(AF_INET, SOCK_STREAM, 0)}; }), kKilled, "");
  EXPECT_EXIT(locked([] { return long{::socket(AF_UNIX, SOCK_STREAM, 0)}; }), kKilled, "");
}

TEST_F(SandboxDeathTest, OtherProcessesAreLeftAlone) {
  EXPECT_EXIT(locked([] { return long{::kill(::getppid(), SIGTERM)}; }), kKilled, "");
  EXPECT_EXIT(locked([] { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }),
              kKilled, "");
  EXPECT_EXIT(locked([] { return ::syscall(SYS_tgkill, 1, 1, SIGTERM); }), kRefused, "");
  EXPECT_EXIT(locked([] { return ::syscall(SYS_pidfd_open, 1, 0); }), kKilled, "");
}

bool is_stopped(int status) {
  return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
         (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

// Ways around the doors above: each is refused or ends the process.
TEST_F(SandboxDeathTest, NoOtherWayLeadsOut) {
  const struct {
    const char* name;
    long (*attempt)();
  } cases[] = {
      {"io_uring", [] { return ::syscall(SYS_io_uring_setup, 8, nullptr); }},
      {"its parent's memory",
       [] { return ::syscall(SYS_process_vm_readv, ::getppid(), 0, 0, 0, 0, 0); }},
      {"its parent's limits",
       [] { return ::syscall(SYS_prlimit64, ::getppid(), 7, nullptr, nullptr); }},
      {"its parent's priority", [] { return ::syscall(SYS_setpriority, 0, ::getppid(), 19); }},
      {"a queued signal",
       [] { return ::syscall(SYS_rt_sigqueueinfo, ::getppid(), SIGTERM, nullptr); }},
      {"a program in memory",
       [] { return ::syscall(SYS_execveat, 0, "", nullptr, nullptr, 0x1000); }},
      {"a process of its own", [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
      {"a user namespace", [] { return ::syscall(SYS_unshare, 0x10000000); }},
      {"another namespace", [] { return ::syscall(SYS_setns, 0, 0); }},
      {"another root", [] { return ::syscall(SYS_chroot, "/tmp"); }},
      {"a mount", [] { return ::syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr); }},
      {"a link",
       [] { return ::syscall(SYS_linkat, AT_FDCWD, "/etc/passwd", AT_FDCWD, "/tmp/x", 0); }},
      {"a name",
       [] { return ::syscall(SYS_renameat2, AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b", 0); }},
      {"a folder", [] { return ::syscall(SYS_mkdirat, AT_FDCWD, "/tmp/sf-escape", 0700); }},
      {"what its standard input may reach",
       [] { return ::syscall(SYS_open_by_handle_at, 0, nullptr, O_RDONLY); }},
      {"a pair of sockets",
       [] {
         int pair[2];
         return ::syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
       }},
      {"descriptors for others", [] { return ::syscall(SYS_sendmsg, 0, nullptr, 0); }},
      {"an answer to nobody", [] { return ::syscall(SYS_sendto, 0, "x", 1, 0, nullptr, 0); }},
      {"eBPF", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"page faults", [] { return ::syscall(SYS_userfaultfd, 0); }},
      {"keys", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"a terminal's input", [] { return ::syscall(SYS_ioctl, 0, 0x5412, "x"); }},
      {"looser limits", [] { return ::syscall(SYS_prctl, PR_SET_SECCOMP, 0, 0, 0, 0); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EXIT(locked(c.attempt), is_stopped, "");
  }
}

TEST_F(SandboxDeathTest, NoCodeIsMade) {
  EXPECT_EXIT(locked([] {
                void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                return page == MAP_FAILED ? -1L : 0L;
              }),
              kRefused, "");
}

TEST_F(SandboxDeathTest, WorkGoesOn) {
  EXPECT_EXIT(
      {
        const int file = ::memfd_create("output", MFD_CLOEXEC);
        if (!lock_down().empty()) ::_exit(77);
        int made = 0;
        std::thread other([&made] { made = static_cast<int>(std::string(1 << 20, 'x').size()); });
        other.join();
        struct stat status{};
        const bool fine = ::write(file, "abc", 3) == 3 && ::fstat(file, &status) == 0 &&
                          status.st_size == 3 && made == 1 << 20;
        ::_exit(fine ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        (void)lock_down();
        std::abort();
      },
      ::testing::KilledBySignal(SIGABRT), "");
}

#endif

}  // namespace
}  // namespace sf::transcode

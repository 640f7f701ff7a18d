#include "sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

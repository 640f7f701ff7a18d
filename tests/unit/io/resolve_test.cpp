#include <streamforge/io/reactor.hpp>

#include <gtest/gtest.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

namespace sf::io {
namespace {

/// From here on io_uring_setup answers `sys`, as under a container's seccomp profile.
void refuse_io_uring(int sys) {
  ::sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(::seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(sys)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const ::sock_fprog filter{4, program};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    ::_exit(99);
  }
}

/// The exit status of a child that does `work`, for what cannot be undone in a process.
template <class Work>
int status_of(Work work) {
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

TEST(Resolve, KeepsAWishForEpoll) {
  std::string reason;
  EXPECT_EQ(resolve(BackendKind::kEpoll, &reason), BackendKind::kEpoll);
  EXPECT_TRUE(reason.empty());
}

TEST(Resolve, SaysWhyWhenItIsNotUring) {
  std::string reason;
  const Result<BackendKind> chosen = resolve(BackendKind::kAuto, &reason);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(*chosen == BackendKind::kUring, reason.empty());
}

TEST(Resolve, FallsBackWhereIoUringIsRefused) {
  for (const int sys : {ENOSYS, EPERM, EINVAL}) {
    EXPECT_EQ(status_of([sys] {
                refuse_io_uring(sys);
                std::string reason;
                const Result<BackendKind> chosen = resolve(BackendKind::kAuto, &reason);
                const Result<BackendKind> insisted = resolve(BackendKind::kUring, nullptr);
                return chosen && *chosen == BackendKind::kEpoll && !reason.empty() && !insisted &&
                               insisted.error().code == ErrorCode::kUnsupported
                           ? 0
                           : 1;
              }),
              0)
        << sys;
  }
}

TEST(Resolve, OtherErrorsAreErrors) {
  EXPECT_EQ(status_of([] {
              refuse_io_uring(ENOMEM);
              return resolve(BackendKind::kAuto, nullptr) ? 1 : 0;
            }),
            0);
}

}  // namespace
}  // namespace sf::io

#include "sandbox.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace sf::transcode {
namespace {

#if defined(SF_SANITIZED)
constexpr bool kSanitized = true;  // Its runtime opens files and starts threads as it likes.
#else
constexpr bool kSanitized = false;
#endif

// Newer than the oldest header we build with; the kernel reads as much of it as it knows.
struct LandlockAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;  // ABI 4.
  std::uint64_t scoped = 0;              // ABI 6.
};

LandlockAttributes landlock_attributes(long abi) {
  LandlockAttributes out;
  // Rights are bits from 0 on: 13 in ABI 1, then REFER, TRUNCATE, IOCTL_DEV.
  const unsigned rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
  out.handled_access_fs = (std::uint64_t{1} << rights) - 1;
  if (abi >= 4) out.handled_access_net = 3;  // BIND_TCP, CONNECT_TCP.
  if (abi >= 6) out.scoped = 3;              // ABSTRACT_UNIX_SOCKET, SIGNAL.
  return out;
}

Result<> restrict_files() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 0) return fail_errno(errno, "Landlock is not there");
  const LandlockAttributes attributes = landlock_attributes(abi);
  const std::size_t bytes = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, bytes, 0)));
  if (!rules) return fail_errno(errno, "landlock_create_ruleset");
  // No rule is added: nothing is allowed.
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) < 0) {
    return fail_errno(errno, "landlock_restrict_self");
  }
  return {};
}

scmp_arg_cmp equal(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  Filter(const Filter&) = delete;
  ~Filter() {
    if (context_) ::seccomp_release(context_);
  }

  void allow(std::initializer_list<int> calls) { add(SCMP_ACT_ALLOW, calls); }
  void kill(std::initializer_list<int> calls) { add(SCMP_ACT_KILL_PROCESS, calls); }
  void refuse(int call, int error) {
    note(::seccomp_rule_add(context_, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, 0));
  }
  void allow_if(int call, const scmp_arg_cmp& condition) {
    note(::seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call, 1, &condition));
  }
  [[nodiscard]] Result<> load() {
    if (!context_) return fail(ErrorCode::kInternal, "seccomp_init failed");
    if (error_ == 0) error_ = ::seccomp_load(context_);
    if (error_ != 0) return fail_errno(-error_, "seccomp is not there");
    return {};
  }

 private:
  void add(std::uint32_t action, std::initializer_list<int> calls) {
    // Negative beyond -1: a call that this architecture does not have.
    for (const int call : calls) note(::seccomp_rule_add(context_, action, call, 0));
  }
  void note(int result) {
    if (error_ == 0 && result < 0) error_ = result;
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

Result<> restrict_calls() {
  Filter filter;
  // Memory, threads, time, signals to itself.
  filter.allow({SCMP_SYS(brk),
                SCMP_SYS(munmap),
                SCMP_SYS(mremap),
                SCMP_SYS(madvise),
                SCMP_SYS(futex),
                SCMP_SYS(rseq),
                SCMP_SYS(set_robust_list),
                SCMP_SYS(membarrier),
                SCMP_SYS(exit),
                SCMP_SYS(exit_group),
                SCMP_SYS(sched_yield),
                SCMP_SYS(sched_getaffinity),
                SCMP_SYS(clock_gettime),
                SCMP_SYS(clock_nanosleep),
                SCMP_SYS(gettimeofday),
                SCMP_SYS(nanosleep),
                SCMP_SYS(getrusage),
                SCMP_SYS(getrandom),
                SCMP_SYS(getpid),
                SCMP_SYS(gettid),
                SCMP_SYS(getcpu),
                SCMP_SYS(sysinfo),
                SCMP_SYS(uname),
                SCMP_SYS(rt_sigprocmask),
                SCMP_SYS(rt_sigaction),
                SCMP_SYS(rt_sigreturn),
                SCMP_SYS(sigaltstack),
                SCMP_SYS(restart_syscall)});
  // The descriptors it has.
  filter.allow({SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv),
                SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev),
                SCMP_SYS(lseek), SCMP_SYS(ftruncate), SCMP_SYS(fstat), SCMP_SYS(fadvise64),
                SCMP_SYS(close), SCMP_SYS(ppoll), SCMP_SYS(poll), SCMP_SYS(recvmsg)});
  // fstat of newer C libraries; with a path it finds nothing, Landlock or not, but tells of it.
  filter.allow_if(SCMP_SYS(newfstatat), masked(3, AT_EMPTY_PATH, AT_EMPTY_PATH));
  // No code is made at run time.
  filter.allow_if(SCMP_SYS(mmap), masked(2, PROT_EXEC, 0));
  filter.allow_if(SCMP_SYS(mprotect), masked(2, PROT_EXEC, 0));
  // Threads, never processes: clone3 hides its flags behind a pointer; the C library then uses
  // clone.
  filter.refuse(SCMP_SYS(clone3), ENOSYS);
  filter.allow_if(SCMP_SYS(clone), masked(0, CLONE_THREAD, CLONE_THREAD));
  // abort() and the names and stacks of threads; all signals only to this very process.
  const auto self = static_cast<scmp_datum_t>(::getpid());
  filter.allow_if(SCMP_SYS(tgkill), equal(0, self));
  filter.allow_if(SCMP_SYS(prctl), equal(0, PR_SET_NAME));
  filter.kill({SCMP_SYS(execve),
               SCMP_SYS(execveat),
               SCMP_SYS(fork),
               SCMP_SYS(vfork),
               SCMP_SYS(ptrace),
               SCMP_SYS(process_vm_readv),
               SCMP_SYS(process_vm_writev),
               SCMP_SYS(kill),
               SCMP_SYS(tkill),
               SCMP_SYS(pidfd_open),
               SCMP_SYS(pidfd_getfd),
               SCMP_SYS(socket),
               SCMP_SYS(connect),
               SCMP_SYS(bind),
               SCMP_SYS(listen),
               SCMP_SYS(io_uring_setup),
               SCMP_SYS(bpf),
               SCMP_SYS(userfaultfd),
               SCMP_SYS(mount),
               SCMP_SYS(unshare),
               SCMP_SYS(setns),
               SCMP_SYS(keyctl),
               SCMP_SYS(init_module)});
  return filter.load();
}

}  // namespace

std::vector<std::string> lock_down() {
  std::vector<std::string> missing;
  if (kSanitized) return missing;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
    missing.push_back(concat("no_new_privs: ", std::strerror(errno)));
  }
  if (auto files = restrict_files(); !files) missing.push_back(files.error().message);
  if (auto calls = restrict_calls(); !calls) missing.push_back(calls.error().message);
  return missing;
}

}  // namespace sf::transcode

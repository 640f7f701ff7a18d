#include "serve_command.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/io/pipe.hpp>
#include <streamforge/net/congestion.hpp>
#include <streamforge/net/tls.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <thread>

namespace sf::app {

namespace {

/// One line of the report; counts what is wrong.
class Report {
 public:
  void good(std::string_view what, std::string_view how) { line("ok  ", what, how); }
  void slower(std::string_view what, std::string_view how) { line("slow", what, how); }
  void bad(std::string_view what, std::string_view how) {
    line("FAIL", what, how);
    failed_ = true;
  }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

 private:
  static void line(std::string_view mark, std::string_view what, std::string_view how) {
    std::cout << mark << "  " << what;
    for (std::size_t i = what.size(); i < 14; ++i) std::cout << ' ';
    std::cout << ' ' << how << '\n';
  }
  bool failed_ = false;
};

void report_machine(Report& report) {
  utsname name{};
  uname(&name);
  report.good("kernel", concat(name.sysname, ' ', name.release, ", ",
                               std::thread::hardware_concurrency(), " cores"));
}

void report_io(Report& report) {
  std::string reason;
  const auto backend = io::resolve(io::BackendKind::kAuto, &reason);
  if (backend && *backend == io::BackendKind::kUring) {
    report.good("io", "uring: io_uring works here");
  } else {
    report.slower("io", concat("epoll: ", reason,
                               " (containers: allow io_uring_setup, io_uring_enter and "
                               "io_uring_register in the seccomp profile)"));
  }
}

void report_limits(Report& report) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const std::uint64_t files = limit.rlim_max;
  if (files < 10'000) {
    report.slower("open files", concat("at most ", files, "; raise with LimitNOFILE=65536"));
  } else {
    report.good("open files", concat("at most ", files));
  }
  getrlimit(RLIMIT_MEMLOCK, &limit);
  const bool privileged = geteuid() == 0;
  if (!privileged && limit.rlim_cur < limits::kStagingPoolBytes) {
    report.slower("locked memory", concat(std::uint64_t{limit.rlim_cur} / limits::kKiB,
                                          " KiB: ingest buffers stay unregistered; set "
                                          "LimitMEMLOCK=infinity"));
  } else {
    report.good("locked memory", "enough to register the ingest buffers");
  }
}

/// Whether bytes of a pipe can be moved into the file without a copy through us.
bool takes_splice(int file) {
  const auto pipe = io::Pipe::make();
  return pipe && write(pipe->write_end(), "x", 1) == 1 &&
         splice(pipe->read_end(), nullptr, file, nullptr, 1, 0) == 1;
}

void report_data_dir(Report& report, const std::string& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error || access(dir.c_str(), W_OK) != 0) {
    report.bad("data", concat(dir,
                              " cannot be written; choose another with --data, or change its "
                              "owner"));
    return;
  }
  struct statvfs space{};
  statvfs(dir.c_str(), &space);
  const std::uint64_t free_gib = std::uint64_t{space.f_bavail} * space.f_frsize / limits::kGiB;
  report.good("data", concat(dir, ", ", free_gib, " GiB free"));
  const std::string probe = dir + "/doctor-probe";
  const UniqueFd file(open(probe.c_str(), O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600));
  const std::unique_ptr<void, decltype(&std::free)> block(
      std::aligned_alloc(limits::kDirectIoAlignment, limits::kDirectIoAlignment), &std::free);
  const bool direct = file && pwrite(file.get(), block.get(), limits::kDirectIoAlignment, 0) ==
                                  static_cast<ssize_t>(limits::kDirectIoAlignment);
  const UniqueFd plain(open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string_view splice = takes_splice(plain.get()) ? "; --upload-io splice would work too"
                                                            : "; --upload-io splice would fail";
  unlink(probe.c_str());
  if (direct) {
    report.good("uploads", concat("direct: this filesystem takes O_DIRECT", splice));
  } else {
    report.slower("uploads", concat("buffered: this filesystem has no O_DIRECT", splice));
  }
}

void report_codecs(Report& report) {
  const auto missing = transcode::missing_codecs();
  if (missing.empty()) {
    report.good("codecs", "all that is needed");
    return;
  }
  std::string list;
  for (const auto& name : missing) list += concat(list.empty() ? "" : ", ", name);
  report.bad("codecs", concat("libav here lacks ", list,
                              "; install Debian's libavcodec59 or "
                              "libavcodec61 with libx264"));
}

void report_tls(Report& report) {
  const net::KernelTls kernel = net::probe_kernel_tls();
  report.good("tls", concat(net::tls_library(), ": TLS 1.2 and 1.3; what is sent is encrypted ",
                            kernel.available ? "by the kernel (kTLS)"
                                             : "here, not by the kernel, which could not: ",
                            kernel.why));
}

void report_congestion(Report& report) {
  if (const auto chosen = net::Congestion::choose("auto")) {
    report.good("congestion", concat("TCP's congestion control is ", chosen->to_string()));
  }
}

}  // namespace

int run_doctor(const std::string& data_dir) {
  Report report;
  report_machine(report);
  report_io(report);
  report_limits(report);
  report_congestion(report);
  report_tls(report);
  report_data_dir(report, data_dir);
  report_codecs(report);
  return report.failed() ? 1 : 0;
}

}  // namespace sf::app

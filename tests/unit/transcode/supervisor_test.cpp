#include "supervisor.hpp"

#include "fake_worker.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>

namespace sf::transcode {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

UniqueFd memory_file() { return UniqueFd(::memfd_create("output", MFD_CLOEXEC)); }

std::string content(const UniqueFd& file) {
  std::string text(4'096, '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

/// A reactor on the test's own thread and a supervisor of fake workers on it.
struct Workshop {
  using Story = io::Task<void> (*)(Workshop&);

  explicit Workshop(io::BackendKind backend) {
    io::ReactorConfig config;
    config.backend = backend;
    auto made = io::Reactor::create(config);
    if (made) home = std::move(*made);
    options.urgent_workers = 0;
    options.followers = 0;
    options.nice = 5;
    options.idle_class = false;
    options.log_dir = dir.file("log");
    timing.silence_ms = 300;
    timing.stop_ms = 300;
    timing.watch_ms = 50;
    timing.back_off_ms = 10;
  }

  /// Runs `story` with the workers up, then stops all.
  void play(Story story) {
    if (!home) GTEST_SKIP() << "this machine has no such backend";
    played = true;
    {
      VideoLog log(options.log_dir);
      Supervisor made(*home, options, log, timing);
      supervisor = &made;
      home->spawn(whole(story));
      home->run();
    }
    home.reset();
  }
  io::Task<void> whole(Story story) {
    supervisor->start([](unsigned) {});
    co_await story(*this);
    co_await supervisor->stop();
    home->stop();
  }
  io::Task<void> until_idle(unsigned worker) {
    for (int i = 0; i < 6'000 && !supervisor->idle(worker); ++i) co_await home->sleep_ms(10);
    EXPECT_TRUE(supervisor->idle(worker));
  }
  io::Task<void> until_reported() {
    for (int i = 0; i < 6'000 && report.wall_ms == 0; ++i) co_await home->sleep_ms(10);
  }
  /// Segment 7 of two rungs, into `out`.
  io::Task<TaskReport> make(std::string video, unsigned worker = 0) {
    co_await until_idle(worker);
    for (UniqueFd& file : out) file = memory_file();
    TaskSpec spec;
    spec.command.kind = TaskKind::kVideo;
    spec.command.video = std::move(video);
    spec.command.segment = 7;
    spec.command.rungs = {"720p", "360p"};
    spec.descriptors = {source.get(), plan.get(), out[0].get(), out[1].get()};
    spec.on_progress = [this](double done) { progress = done; };
    co_return co_await supervisor->run(worker, std::move(spec));
  }
  io::Task<void> make_into(std::string video, TaskReport& into) {
    into = co_await make(std::move(video));
  }
  /// Begins it and comes back when it is under way.
  io::Task<void> begin(std::string video) {
    report = {};
    progress = 0;
    home->spawn(make_into(std::move(video), report));
    for (int i = 0; i < 1'000 && progress == 0; ++i) co_await home->sleep_ms(10);
    EXPECT_GT(progress, 0);
  }
  [[nodiscard]] std::string log_of(const std::string& video) const {
    return test::read_file(options.log_dir + "/" + video + ".log");
  }

  test::TempDir dir;
  WorkerOptions options;
  Supervisor::Timing timing;
  std::unique_ptr<io::Reactor> home;
  Supervisor* supervisor = nullptr;
  UniqueFd source = memory_file();
  UniqueFd plan = memory_file();
  UniqueFd out[2];
  bool played = false;
  double progress = 0;
  TaskReport report;
};

class SupervisorTest : public ::testing::TestWithParam<io::BackendKind> {};
INSTANTIATE_TEST_SUITE_P(Backends, SupervisorTest,
                         ::testing::Values(io::BackendKind::kUring, io::BackendKind::kEpoll),
                         [](const auto& backend) { return std::string(name_of(backend.param)); });

io::Task<void> passes_descriptors(Workshop& shop) {
  const TaskReport report = co_await shop.make("ok");
  EXPECT_EQ(report.end, TaskEnd::kDone) << report.error.message;
  EXPECT_EQ(report.outputs.size(), 2u);
  EXPECT_EQ(content(shop.out[0]), "ok 7 720p\n");
  EXPECT_EQ(content(shop.out[1]), "ok 7 360p\n");
  EXPECT_EQ(shop.progress, 0.5);
  const pid_t pid = shop.supervisor->pid(0);
  EXPECT_EQ((co_await shop.make("other-ok")).end, TaskEnd::kDone);
  EXPECT_EQ(shop.supervisor->pid(0), pid) << "long-lived";
}
TEST_P(SupervisorTest, PassesTasksAndDescriptors) { Workshop(GetParam()).play(passes_descriptors); }

io::Task<void> looks_around(Workshop& shop) { shop.report = co_await shop.make("look"); }
TEST_P(SupervisorTest, WorkersStartPoor) {
  Workshop shop(GetParam());
  shop.options.cpus = {0};
  shop.options.idle_class = true;
  shop.options.memory_bytes_max = std::uint64_t{1} << 30;
  shop.play(looks_around);
  const std::string& seen = shop.report.error.message;
  EXPECT_THAT(seen, HasSubstr("policy 5 nice 5 leader 1 core 0")) << "SCHED_IDLE";
  // Its three, and the four that came with the task.
  EXPECT_THAT(seen, HasSubstr("fds 0 1 2 3 4 5 6 cpus 1 path 0"));
#if !defined(SF_SANITIZED)
  EXPECT_THAT(seen, HasSubstr("data 1073741824 "));
#endif
}

io::Task<void> reports_words(Workshop& shop) {
  const TaskReport report = co_await shop.make("reject");
  EXPECT_EQ(report.end, TaskEnd::kReported);
  EXPECT_EQ(report.error.code, ErrorCode::kUnsupported);
  EXPECT_EQ(report.error.message, "This file is not a video.");
}
TEST_P(SupervisorTest, PassesOnTheReason) { Workshop(GetParam()).play(reports_words); }

io::Task<void> replaces_the_dead(Workshop& shop) {
  const struct {
    const char* video;
    TaskEnd end;
    const char* words;
  } cases[] = {
      {"crash", TaskEnd::kCrashed, "signal 11 (Segmentation fault)"},
      {"exit", TaskEnd::kCrashed, "exited with status 3"},
      {"garbage", TaskEnd::kCrashed, "no event: Segmentation fault"},
      {"endless", TaskEnd::kCrashed, "without end"},
  };
  for (const auto& c : cases) {
    const TaskReport report = co_await shop.make(c.video);
    EXPECT_EQ(report.end, c.end) << c.video;
    EXPECT_THAT(report.error.message, HasSubstr(c.words)) << c.video;
    EXPECT_EQ((co_await shop.make("ok")).end, TaskEnd::kDone) << "after " << c.video;
  }
}
TEST_P(SupervisorTest, ReplacesWorkersThatDie) {
  Workshop shop(GetParam());
  shop.play(replaces_the_dead);
  if (shop.played) {
    EXPECT_THAT(shop.log_of("crash"), HasSubstr("task failed: ended by signal 11"));
  }
}

io::Task<void> ends_the_silent(Workshop& shop) {
  for (const char* video : {"hang", "spin"}) {
    const TaskReport report = co_await shop.make(video);
    EXPECT_EQ(report.end, TaskEnd::kHung) << video;
    EXPECT_GE(report.wall_ms, 300u);
    EXPECT_EQ((co_await shop.make("ok")).end, TaskEnd::kDone) << "after " << video;
  }
}
TEST_P(SupervisorTest, EndsWorkersThatHang) { Workshop(GetParam()).play(ends_the_silent); }

io::Task<void> tolerates_a_stop(Workshop& shop) {
  co_await shop.begin("s10w");
  const pid_t pid = shop.supervisor->pid(0);
  ::kill(pid, SIGSTOP);
  co_await shop.home->sleep_ms(1'000);  // More than three times the silence that is a hang.
  ::kill(pid, SIGCONT);
  co_await shop.until_reported();
  EXPECT_EQ(shop.report.end, TaskEnd::kDone) << shop.report.error.message;
  EXPECT_EQ(shop.supervisor->pid(0), pid);
}
TEST_P(SupervisorTest, ToleratesAnOperatorsStop) { Workshop(GetParam()).play(tolerates_a_stop); }

io::Task<void> cancels(Workshop& shop) {
  for (const char* video : {"s10w", "stubborn"}) {
    co_await shop.begin(video);
    shop.supervisor->cancel(0);
    co_await shop.until_reported();
    EXPECT_EQ(shop.report.end, TaskEnd::kCancelled) << video;
    EXPECT_LT(shop.report.wall_ms, 2'900u) << video;
  }
  EXPECT_EQ((co_await shop.make("ok")).end, TaskEnd::kDone);
}
TEST_P(SupervisorTest, CancelsInOrderElseByForce) { Workshop(GetParam()).play(cancels); }

io::Task<void> leaves_one_running(Workshop& shop) { co_await shop.begin("s10w"); }
TEST_P(SupervisorTest, StoppingEndsWhatRuns) {
  Workshop shop(GetParam());
  shop.play(leaves_one_running);
  if (!shop.played) return;
  EXPECT_EQ(shop.report.end, TaskEnd::kCancelled);
}

io::Task<void> is_flooded(Workshop& shop) {
  EXPECT_EQ((co_await shop.make("flood")).end, TaskEnd::kDone);
}
TEST_P(SupervisorTest, KeepsABoundedLogOfEachVideo) {
  Workshop shop(GetParam());
  shop.play(is_flooded);
  if (!shop.played) return;
  const std::string log = shop.log_of("flood");
  EXPECT_LE(log.size(), limits::kVideoLogBytesMax);
  EXPECT_THAT(log, HasSubstr("worker 0: yyyy"));
  EXPECT_THAT(log, HasSubstr("says too much"));
}

io::Task<void> cannot_start(Workshop& shop) {
  co_await shop.home->sleep_ms(100);
  EXPECT_FALSE(shop.supervisor->idle(0));
  EXPECT_THAT(shop.supervisor->trouble(), HasSubstr("/nonexistent/streamforge"));
}
TEST_P(SupervisorTest, SaysWhyNoWorkerStarts) {
  Workshop shop(GetParam());
  shop.options.program = "/nonexistent/streamforge";
  shop.play(cannot_start);
}

io::Task<void> knows_urgent_ones(Workshop& shop) {
  EXPECT_EQ(shop.supervisor->count(), 3u);
  EXPECT_EQ(shop.supervisor->role(1), WorkerRole::kOrdinary);
  EXPECT_EQ(shop.supervisor->role(2), WorkerRole::kUrgent);
  const TaskReport report = co_await shop.make("look", 2);
  EXPECT_THAT(report.error.message, HasSubstr("policy 0 ")) << "SCHED_OTHER";
}
TEST_P(SupervisorTest, UrgentWorkersHaveTheirShareOfTheProcessor) {
  Workshop shop(GetParam());
  shop.options.workers = 2;
  shop.options.urgent_workers = 1;
  shop.options.idle_class = true;
  shop.play(knows_urgent_ones);
}

TEST(VideoLog, KeepsTheNewestAndNothingUnprintable) {
  const test::TempDir dir;
  const std::string path = dir.file("log");
  {
    VideoLog log(path);
    log.write("v", "first \x1b[31m\n#EXTM3U");
  }
  EXPECT_THAT(test::read_file(path + "/v.log"), HasSubstr(" first ?[31m?#EXTM3U\n"));
  for (int i = 0; i < 12; ++i) {
    VideoLog log(path);
    for (int n = 0; n < 60; ++n) log.write("v", std::string(900, static_cast<char>('a' + i)));
  }
  const std::string text = test::read_file(path + "/v.log");
  EXPECT_LE(text.size(), limits::kVideoLogBytesMax);
  EXPECT_THAT(text, Not(HasSubstr("first")));
  EXPECT_THAT(text, HasSubstr("lll"));
  {
    VideoLog log(path);
    log.remove("v");
  }
  EXPECT_FALSE(std::filesystem::exists(path + "/v.log"));
}

}  // namespace
}  // namespace sf::transcode

#include "reactor_impl.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>

namespace sf::io {

namespace {

thread_local Reactor* running_here = nullptr;

constexpr std::uint64_t kNsPerMs = 1'000'000;

/// A broken pipe or socket answers the write with EPIPE; the signal would end the process.
void block_sigpipe() noexcept {
  ::sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void pin(int cpu, unsigned index) {
  ::cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(cpu), &cpus);
  const int sys = ::pthread_setaffinity_np(::pthread_self(), sizeof cpus, &cpus);
  if (sys != 0) {
    log::warn("io", "cannot pin a reactor; it runs unpinned",
              {{"reactor", index}, {"cpu", cpu}, {"error", std::strerror(sys)}});
  }
}

[[noreturn]] void end_process(const char* what) noexcept {
  log::error("io", "an exception left a spawned task", {{"what", what}});
  log::stop();
  std::abort();
}

/// The coroutine that owns a spawned task; its frame frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

Detached run_detached(Task<void> task, unsigned* count) {
  ++*count;
  try {
    co_await task;
  } catch (const std::exception& thrown) {
    end_process(thrown.what());
  } catch (...) {
    end_process("not a std::exception");
  }
  --*count;
}

}  // namespace

ReactorMetrics::ReactorMetrics(unsigned index, BackendKind backend)
    : turns(metrics::counter("streamforge_io_turns_total", "Turns of the reactor's loop",
                             {{"reactor", std::to_string(index)}})),
      completions(metrics::counter("streamforge_io_completions_total", "Operations completed",
                                   {{"reactor", std::to_string(index)}})),
      messages(metrics::counter("streamforge_io_messages_total", "Messages posted to the reactor",
                                {{"reactor", std::to_string(index)}})),
      long_turns(metrics::counter(
          "streamforge_io_long_turns_total",
          "Turns that took longer than 5 ms by the clock: stalls, and those that had to wait",
          {{"reactor", std::to_string(index)}})),
      stalls(metrics::counter("streamforge_io_stalls_total",
                              "Turns that took longer than 5 ms of the reactor's CPU time",
                              {{"reactor", std::to_string(index)}})),
      cpu(metrics::time_counter("streamforge_io_cpu_seconds_total",
                                "CPU time of the reactor's thread, user and system",
                                {{"reactor", std::to_string(index)}})),
      from_memory(metrics::counter("streamforge_io_file_sent_bytes_total",
                                   "Bytes of files sent, from the page cache or by way of a read",
                                   {{"reactor", std::to_string(index)}, {"from", "memory"}})),
      from_disk(metrics::counter("streamforge_io_file_sent_bytes_total",
                                 "Bytes of files sent, from the page cache or by way of a read",
                                 {{"reactor", std::to_string(index)}, {"from", "disk"}})),
      zero_copy(metrics::counter("streamforge_io_zero_copy_bytes_total",
                                 "Bytes of files that went to a socket untouched (sendfile)",
                                 {{"reactor", std::to_string(index)}})),
      staging_in_use(metrics::gauge("streamforge_io_staging_buffers_in_use",
                                    "Ingest buffers of 1 MiB that hold bytes",
                                    {{"reactor", std::to_string(index)}})) {
  metrics::gauge("streamforge_io_backend", "1 for the backend that carries the reactor's I/O",
                 {{"reactor", std::to_string(index)}, {"backend", name_of(backend)}})
      .set(1);
}

Reactor::Impl::Impl(const ReactorConfig& configuration, std::shared_ptr<Mailbox> messages,
                    std::unique_ptr<Backend> carrier)
    : config(configuration),
      metrics(configuration.index, carrier->kind()),
      mailbox(std::move(messages)),
      backend(std::move(carrier)),
      staging(configuration.staging_bytes),
      timers(mono_ns() / kNsPerMs),
      turn_began_ns(mono_ns()) {
  backend->use_fixed(staging.range());
  backend->use_fixed(file_buffers.range());
}

Result<std::unique_ptr<Reactor>> Reactor::create(const ReactorConfig& config) {
  Result<BackendKind> kind = resolve(config.backend, nullptr);
  if (!kind) return fail(std::move(kind.error()));
  UniqueFd eventfd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!eventfd) return fail_errno(errno, "eventfd");
  auto mailbox = std::make_shared<Mailbox>(std::move(eventfd));
  auto make = config.make_backend;
  if (!make) make = *kind == BackendKind::kUring ? make_uring_backend : make_epoll_backend;
  Result<std::unique_ptr<Backend>> backend = make(mailbox->eventfd());
  if (!backend) return fail(std::move(backend.error()));
  return std::unique_ptr<Reactor>(
      new Reactor(std::make_unique<Impl>(config, std::move(mailbox), std::move(*backend))));
}

Reactor::Reactor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Reactor::~Reactor() {
  SF_ASSERT(running_here != this);
  SF_ASSERT(impl_->spawned == 0);
}

Reactor& Reactor::current() noexcept {
  SF_ASSERT(running_here);
  return *running_here;
}

Reactor* Reactor::current_or_null() noexcept { return running_here; }

void Reactor::run() {
  SF_ASSERT(!running_here);
  running_here = this;
  block_sigpipe();
  if (impl_->config.cpu >= 0) pin(impl_->config.cpu, impl_->config.index);
  impl_->backend->attach();
  impl_->turn_began_ns = mono_ns();
  impl_->timers.set_now(impl_->turn_began_ns / kNsPerMs);
  while (!impl_->stopping.load(std::memory_order_acquire)) {
    impl_->run_messages();
    impl_->wait_and_complete();
  }
  impl_->stopping.store(false, std::memory_order_relaxed);
  impl_->backend->detach();
  running_here = nullptr;
}

void Reactor::stop() noexcept {
  // Once the sign is given the reactor may go, so its mailbox is held for the rest of the call.
  const std::shared_ptr<Mailbox> mailbox = impl_->mailbox;
  impl_->stopping.store(true);
  mailbox->wake();
}

void Reactor::post(std::function<void()> work) {
  if (running_here == this) return impl_->mailbox->push(std::move(work));
  const std::shared_ptr<Mailbox> mailbox = impl_->mailbox;  // Likewise.
  mailbox->push(std::move(work));
}

void Reactor::spawn(Task<void> task) { run_detached(std::move(task), &impl_->spawned); }

void Reactor::Impl::run_messages() {
  std::uint64_t count = 0;
  for (Mailbox::Message* each = mailbox->take(); each; ++count) {
    const std::unique_ptr<Mailbox::Message> message(std::exchange(each, each->next));
    message->work();
  }
  if (count > 0) metrics.messages.add(count);
}

void Reactor::Impl::wait_and_complete() {
  const std::uint64_t before_ns = mono_ns();
  if (before_ns - turn_began_ns > limits::kTurnStallMs * kNsPerMs) note_long_turn();
  metrics.turns.add();
  metrics.staging_in_use.set(staging.in_use());

  std::uint32_t timeout_ms = timers.until_next_ms(before_ns / kNsPerMs);
  if (!mailbox->fall_asleep() || stopping.load()) timeout_ms = 0;
  backend->wait(timeout_ms);
  mailbox->awake();

  turn_began_ns = mono_ns();
  timers.set_now(turn_began_ns / kNsPerMs);
  read_cpu();
  sendable_bytes = limits::kTurnSendBytes;
  // Completions first: what has arrived in time beats its timeout, however late this turn comes.
  const unsigned count = backend->complete();
  if (count > 0) metrics.completions.add(count);
  timers.advance(turn_began_ns / kNsPerMs);
}

/// The clock is a system call, so it is read once a millisecond of busy time and no more.
void Reactor::Impl::read_cpu() noexcept {
  if (turn_began_ns - cpu_read_at_ns < kNsPerMs) return;
  cpu_read_at_ns = turn_began_ns;
  metrics.cpu.set_ns(thread_cpu_ns());
}

/// A machine that is busy with others, or a call that blocks, makes a turn long without its fault.
void Reactor::Impl::note_long_turn() noexcept {
  metrics.long_turns.add();
  const std::uint64_t used_ns = thread_cpu_ns() - metrics.cpu.ns();
  // Since before this turn: at most that long of it was another's.
  const std::uint64_t before_ns = turn_began_ns - cpu_read_at_ns;
  if (used_ns > limits::kTurnStallMs * kNsPerMs + before_ns) metrics.stalls.add();
}

Task<void> Reactor::sleep_ms(std::uint32_t ms) {
  struct Sleep {
    Timer timer;
    TimerWheel& wheel;
    std::uint32_t ms;
    Sleep(TimerWheel& w, std::uint32_t duration_ms) : wheel(w), ms(duration_ms) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> sleeper) {
      timer.arm(wheel, ms, [sleeper] { sleeper.resume(); });
    }
    void await_resume() const noexcept {}
  };
  // The present millisecond has partly gone; one more makes it "at least".
  Sleep sleep(timers(), ms == std::numeric_limits<std::uint32_t>::max() ? ms : ms + 1);
  co_await sleep;
}

std::uint64_t Reactor::now_ms() const noexcept { return impl_->timers.now_ms(); }
TimerWheel& Reactor::timers() noexcept { return impl_->timers; }
StagingPool& Reactor::staging() noexcept { return impl_->staging; }
unsigned Reactor::index() const noexcept { return impl_->config.index; }
BackendKind Reactor::backend() const noexcept { return impl_->backend->kind(); }
Backend& Reactor::backend_impl() noexcept { return *impl_->backend; }

}  // namespace sf::io

#include "command_session.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace sf::transcode {
namespace {

struct Running {
  Session& session;
  const UniqueFd& signals;
  int exit_code = kExitFailed;
  bool ended = false;
};

io::Task<void> hear_signals(Running& running) {
  io::Reactor& home = running.session.home;
  while (!running.ended) {
    const auto ready = co_await home.poll(running.signals.get(), POLLIN);
    if (!ready || running.ended) break;
    struct signalfd_siginfo heard{};
    if (::read(running.signals.get(), &heard, sizeof heard) != sizeof heard) continue;
    if (running.session.interrupted.exchange(true)) ::_exit(kExitInterrupted);
    if (running.session.on_interrupt) running.session.on_interrupt();
  }
}

io::Task<void> work_and_stop(Running& running, const std::function<io::Task<int>(Session&)>& work) {
  io::Task<int> task = work(running.session);
  running.exit_code = co_await task;
  running.ended = true;
  running.session.home.cancel(running.signals.get());
  running.session.home.stop();
}

int give_up(const Error& error) {
  complain(error.message);
  return kExitFailed;
}

}  // namespace

void complain(std::string_view message) {
  const std::string line = concat("streamforge: ", message, '\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int run_session(io::BackendKind backend, const std::function<io::Task<int>(Session&)>& work) {
  // Before any thread is made, so that all of them leave these to us.
  sigset_t heard;
  sigset_t before;
  ::sigemptyset(&heard);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&heard, number);
  ::pthread_sigmask(SIG_BLOCK, &heard, &before);
  const UniqueFd signals(::signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC));
  int exit_code = kExitFailed;
  auto kind = io::resolve(backend, nullptr);
  if (!signals) {
    exit_code = give_up(error_from_errno(errno, "signalfd"));
  } else if (!kind) {
    exit_code = give_up(kind.error());
  } else {
    io::ReactorConfig config;
    config.backend = *kind;
    auto reactor = io::Reactor::create(config);
    if (!reactor) {
      exit_code = give_up(reactor.error());
    } else {
      io::OffloadPool pool(2, "files");
      Session session{**reactor, pool, {}, {}};
      Running running{session, signals};
      (*reactor)->post([&] {
        session.home.spawn(hear_signals(running));
        session.home.spawn(work_and_stop(running, work));
      });
      (*reactor)->run();
      exit_code = running.exit_code;
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return exit_code;
}

}  // namespace sf::transcode

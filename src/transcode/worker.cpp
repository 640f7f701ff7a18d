#include "engine.hpp"
#include "protocol.hpp"
#include "sandbox.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/base/write_whole.hpp>
#include <streamforge/transcode/command.hpp>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>

namespace sf::transcode {
namespace {

constexpr std::uint64_t kProgressEveryNs = 250'000'000;
constexpr std::uint64_t kPlanBytesMax = std::uint64_t{256} << 20;
constexpr std::uint64_t kSegmentBytesMax = std::uint64_t{256} << 20;

volatile std::sig_atomic_t terminated = 0;
void on_terminate(int) { terminated = 1; }

void tell(int fd, std::string_view text) {
  if (!write_whole(fd, as_bytes(text))) ::_exit(0);  // Nobody listens any more.
}

void emit(const WorkerEvent& event) { tell(STDOUT_FILENO, encode(event) + '\n'); }

void complain(std::string_view line) { tell(STDERR_FILENO, concat(line, '\n')); }

struct Received {
  std::string text;
  std::vector<UniqueFd> descriptors;
};

void take_descriptors(struct msghdr& message, std::vector<UniqueFd>& into) {
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      into.emplace_back(fd);
    }
  }
}

// Waits so that SIGTERM is seen whenever it comes: it is only let through inside ppoll.
bool wait_for_command() {
  sigset_t blocked;
  sigset_t open;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &open);
  int ready = 0;
  while (!terminated && ready <= 0) {
    struct pollfd socket{STDIN_FILENO, POLLIN, 0};
    ready = ::ppoll(&socket, 1, nullptr, &open);
    if (ready < 0 && errno != EINTR) break;
  }
  ::sigprocmask(SIG_SETMASK, &open, nullptr);
  return !terminated && ready > 0;
}

// The next command; nullopt at the end of the session.
std::optional<Received> receive() {
  if (!wait_for_command()) return std::nullopt;
  Received received;
  received.text.resize(kMessageBytesMax);
  struct iovec piece{received.text.data(), received.text.size()};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kDescriptorsMax)> control{};
  struct msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t bytes = -1;
  do {
    bytes = ::recvmsg(STDIN_FILENO, &message, MSG_CMSG_CLOEXEC);
  } while (bytes < 0 && errno == EINTR);
  if (bytes <= 0) return std::nullopt;
  take_descriptors(message, received.descriptors);
  received.text.resize(static_cast<std::size_t>(bytes));
  return received;
}

/// What tells one open file from another, for as long as it exists.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

Result<Identity> identify(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) < 0) return fail_errno(errno, "fstat");
  return Identity{status.st_dev, status.st_ino, status.st_size,
                  std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Result<std::string> read_file(int descriptor, std::uint64_t bytes_max) {
  auto identity = identify(descriptor);
  if (!identity) return fail(std::move(identity.error()));
  const auto bytes = static_cast<std::uint64_t>(identity->bytes);
  if (bytes > bytes_max) return fail(ErrorCode::kTooLarge, "a file is larger than it may be");
  std::string text(bytes, '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t got =
        ::pread(descriptor, text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read a file");
    if (got == 0) return fail(ErrorCode::kCorrupt, "a file is shorter than it was");
    at += static_cast<std::size_t>(got);
  }
  return text;
}

class Worker {
 public:
  int serve() {
    for (const std::string& line : lock_down()) complain(concat("sandbox incomplete: ", line));
    emit({});
    while (auto received = receive()) {
      auto command = parse_command(received->text);
      if (!command) {
        complain(concat("command refused: ", command.error().message));
        return EXIT_FAILURE;
      }
      if (received->descriptors.size() != descriptor_count(*command)) {
        complain("command refused: it came with another number of descriptors");
        return EXIT_FAILURE;
      }
      answer(*command, std::move(received->descriptors));
    }
    return EXIT_SUCCESS;
  }

 private:
  using Outputs = std::vector<SegmentOutput>;

  void answer(const Command& command, std::vector<UniqueFd> descriptors) {
    if (command.kind == TaskKind::kForget) {
      drop_source();
      return;
    }
    WorkerEvent event;
    event.kind = WorkerEventKind::kStarted;
    event.task = command.task;
    emit(event);
    auto made = attempt(command, descriptors);
    if (made) {
      event.kind = WorkerEventKind::kDone;
      event.outputs = std::move(*made);
    } else {
      event.kind = WorkerEventKind::kFailed;
      event.error = std::move(made.error());
    }
    emit(event);
  }

  Result<Outputs> attempt(const Command& command, std::vector<UniqueFd>& descriptors) {
    try {
      return perform(command, descriptors);
    } catch (const std::bad_alloc&) {
      drop_source();
      return fail(ErrorCode::kTooLarge, "It needs more memory than a transcoder may use.");
    } catch (const std::exception& error) {
      drop_source();
      return fail(ErrorCode::kInternal, error.what());
    }
  }

  Result<Outputs> perform(const Command& command, std::vector<UniqueFd>& descriptors) {
    if (command.kind == TaskKind::kMp4) return join(command, descriptors[0].get());
    if (auto held = hold_source(command, std::move(descriptors[0])); !held) {
      return fail(std::move(held.error()));
    }
    const SourceFile source{source_.get(), command.source_bytes, command.source_tail,
                            command.source_length};
    const Progress progress = progress_of(command.task);
    if (command.kind == TaskKind::kIndex) {
      return index(command, source, descriptors[1].get(), progress);
    }
    if (auto held = hold_plan(command.video, descriptors[1].get()); !held) {
      return fail(std::move(held.error()));
    }
    if (command.kind == TaskKind::kAudio) {
      if (command.track >= plan_->audio.size()) {
        return fail(ErrorCode::kInvalidArgument, "the plan has no such audio track");
      }
      auto made = engine_.encode_audio(command.video, source, *plan_, command.track,
                                       command.segment, descriptors[2].get(), progress);
      if (!made) return fail(std::move(made.error()));
      return Outputs{std::move(*made)};
    }
    if (command.kind == TaskKind::kSubtitles) {
      auto made = engine_.extract_subtitles(source, *plan_, descriptors[2].get(), progress);
      if (!made) return fail(std::move(made.error()));
      return Outputs{std::move(*made)};
    }
    if (command.kind == TaskKind::kPoster || command.kind == TaskKind::kSheet) {
      auto drawn =
          command.kind == TaskKind::kPoster
              ? engine_.draw_poster(command.video, source, *plan_, descriptors[2].get(), progress)
              : engine_.draw_sheet(command.video, source, *plan_, command.segment,
                                   descriptors[2].get(), descriptors[3].get(), progress);
      if (!drawn) return fail(std::move(drawn.error()));
      return Outputs{std::move(*drawn)};
    }
    std::vector<int> outputs;
    for (std::size_t i = 0; i < command.rungs.size(); ++i) {
      outputs.push_back(descriptors[2 + i].get());
    }
    const EncodeManner manner{.tiles = command.tiles ? descriptors.back().get() : -1,
                              .awaited = command.awaited,
                              .measure = command.measure};
    return engine_.encode_video(command.video, source, *plan_, command.segment, command.rungs,
                                outputs, progress, manner);
  }

  Result<Outputs> index(const Command& command, const SourceFile& source, int output,
                        const Progress& progress) {
    const AwaitMore more = [&](const SourceIndex* so_far) {
      return await_more(command, so_far, output);
    };
    auto found = command.arriving ? engine_.index_arriving(source, more, progress)
                                  : engine_.index(source, progress);
    if (!found) return fail(std::move(found.error()));
    auto bytes = write_index(*found, output);
    if (!bytes) return fail(std::move(bytes.error()));
    SegmentOutput out;
    out.bytes = *bytes;
    return Outputs{out};
  }

  // Asks for segments until it has all.
  Result<Outputs> join(const Command& command, int output) {
    Mp4Writer writer(output, command.mp4);
    const Progress progress = progress_of(command.task);
    std::uint64_t joined = 0;
    for (bool whole = false; !whole;) {
      WorkerEvent event;
      event.kind = WorkerEventKind::kWaiting;
      event.task = command.task;
      emit(event);
      const auto received = receive();
      const auto feed = received ? parse_command(received->text) : fail(ErrorCode::kCancelled, "");
      if (!feed || feed->kind != TaskKind::kFeed || feed->task != command.task ||
          received->descriptors.size() != feed->tracks.size()) {
        return fail(ErrorCode::kCancelled, "the task was cancelled");
      }
      whole = feed->whole;
      for (std::size_t i = 0; i < feed->tracks.size(); ++i) {
        auto segment = read_file(received->descriptors[i].get(), kSegmentBytesMax);
        if (!segment) return fail(std::move(segment.error()));
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(segment->data());
        const std::span all(bytes, segment->size());
        auto added = feed->tracks[i] == 'v' ? writer.add_picture(all) : writer.add_sound(all);
        if (!added) return fail(std::move(added.error()));
        joined += segment->size();
        const double share = static_cast<double>(joined) /
                             static_cast<double>(std::max<std::uint64_t>(1, command.source_bytes));
        if (!progress(std::min(share, 1.0))) {
          return fail(ErrorCode::kCancelled, "the task was cancelled");
        }
      }
    }
    auto bytes = writer.finish();
    if (!bytes) return fail(std::move(bytes.error()));
    SegmentOutput out;
    out.bytes = *bytes;
    return Outputs{out};
  }

  static Result<std::uint64_t> write_index(const SourceIndex& index, int output) {
    const std::string bytes = serialize(index);
    auto written = write_whole_at(output, 0, as_bytes(bytes), "write the index");
    if (!written) return fail(std::move(written.error()));
    return bytes.size();
  }

  // Says what has been found so far and waits until more of the source is there. The index stays
  // as it is in the output until then.
  std::optional<Arrived> await_more(const Command& command, const SourceIndex* so_far,
                                    int output) noexcept {
    if (command.whole) return Arrived{command.source_bytes, true};
    WorkerEvent event;
    event.kind = WorkerEventKind::kWaiting;
    event.task = command.task;
    if (so_far != nullptr) {
      const auto written = write_index(*so_far, output);
      if (!written) complain(concat("the index so far: ", written.error().message));
      event.bytes = written.value_or(0);
    }
    emit(event);
    const auto received = receive();
    if (!received) return std::nullopt;
    const auto answer = parse_command(received->text);
    // Anything else: the video is going away.
    if (!answer || answer->kind != TaskKind::kGrow || answer->task != command.task) {
      return std::nullopt;
    }
    return Arrived{answer->source_bytes, answer->whole};
  }

  Progress progress_of(std::uint64_t task) {
    return [task, last_ns = mono_ns()](double done) mutable {
      if (terminated) return false;
      const std::uint64_t now_ns = mono_ns();
      if (now_ns - last_ns >= kProgressEveryNs) {
        last_ns = now_ns;
        WorkerEvent event;
        event.kind = WorkerEventKind::kProgress;
        event.task = task;
        event.done = done;
        emit(event);
      }
      return true;
    };
  }

  // The engine keeps its demuxer and decoder on the descriptor it saw first: that one stays open
  // until another source comes.
  Result<> hold_source(const Command& command, UniqueFd descriptor) {
    auto identity = identify(descriptor.get());
    if (!identity) return fail(std::move(identity.error()));
    // A source that still grows is the same file.
    const bool same = source_ && source_video_ == command.video &&
                      source_identity_.device == identity->device &&
                      source_identity_.inode == identity->inode;
    if (same) return {};
    drop_source();
    source_ = std::move(descriptor);
    source_identity_ = *identity;
    source_video_ = command.video;
    return {};
  }

  void drop_source() noexcept {
    engine_.forget();
    source_.reset();
    source_video_.clear();
    plan_.reset();
  }

  Result<> hold_plan(const std::string& video, int descriptor) {
    auto identity = identify(descriptor);
    if (!identity) return fail(std::move(identity.error()));
    if (plan_ && plan_video_ == video && plan_identity_ == *identity) return {};
    auto text = read_file(descriptor, kPlanBytesMax);
    if (!text) return fail(std::move(text.error()));
    auto plan = parse_plan(*text);
    if (!plan) return fail(std::move(plan.error()));
    // Another plan may cut the source elsewhere: nothing that was kept for the old one is right.
    engine_.forget();
    plan_.emplace(std::move(*plan));
    plan_video_ = video;
    plan_identity_ = *identity;
    return {};
  }

  Engine engine_;  // First: loads its libraries before the process is locked down.
  UniqueFd source_;
  std::string source_video_;
  Identity source_identity_;
  std::optional<Plan> plan_;
  std::string plan_video_;
  Identity plan_identity_;
};

void prepare_signals() {
  struct sigaction terminate{};
  terminate.sa_handler = on_terminate;  // Without SA_RESTART: waiting ends.
  ::sigaction(SIGTERM, &terminate, nullptr);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);  // Errors of the write are seen where they happen.
  ::sigaction(SIGXFSZ, &ignore, nullptr);
  ::sigaction(SIGHUP, &ignore, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);  // Our parent started us with all blocked.
}

}  // namespace

int run_worker() {
  prepare_signals();
  ::prctl(PR_SET_NAME, "sf-worker");
  // x264 asks for huge pages, of which it then uses a part: 50 MB a worker at 1080p.
  ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  int type = 0;
  socklen_t bytes = sizeof type;
  if (::getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &bytes) < 0 ||
      type != SOCK_SEQPACKET) {
    complain("streamforge worker: started by the server, not by hand");
    return 2;
  }
  Worker worker;
  return worker.serve();
}

}  // namespace sf::transcode

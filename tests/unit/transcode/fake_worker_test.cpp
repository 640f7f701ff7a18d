#include "fake_worker.hpp"

#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/subtitle_pack.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace sf::transcode::fake {
namespace {

volatile std::sig_atomic_t terminated = 0;

void print(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) ::_exit(9);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}
void emit(const WorkerEvent& event) { print(1, encode(event) + "\n"); }

void emit_progress(std::uint64_t task, double done) {
  WorkerEvent event;
  event.kind = WorkerEventKind::kProgress;
  event.task = task;
  event.done = done;
  emit(event);
}

std::string surroundings() {
  std::string out =
      concat("policy ", ::sched_getscheduler(0), " nice ", ::getpriority(PRIO_PROCESS, 0),
             " leader ", ::getpgrp() == ::getpid() ? 1 : 0);
  struct rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  struct rlimit data{};
  ::getrlimit(RLIMIT_DATA, &data);
  out += concat(" core ", std::uint64_t{core.rlim_cur}, " data ", std::uint64_t{data.rlim_cur});
  out += " fds";
  for (int fd = 0; fd < 256; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) out += concat(' ', fd);
  }
  cpu_set_t cpus;
  ::sched_getaffinity(0, sizeof cpus, &cpus);
  return concat(out, " cpus ", CPU_COUNT(&cpus), " path ", ::getenv("PATH") ? 1 : 0);
}

bool receive(std::string& text, std::vector<int>& descriptors);

SourceIndex index_of(std::int64_t seconds, std::int64_t frame_ticks = 3'000) {
  SourceIndex index;
  index.container = "mp4";
  VideoInfo video;
  video.stream = 0;
  video.codec = "vp9";
  video.coded_width = video.display_width = 854;
  video.coded_height = video.display_height = 480;
  video.frame_rate = {30, 1};
  video.pixel_format = "yuv420p";
  index.video = video;
  const std::int64_t frames = seconds * 90'000 / frame_ticks;
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    const std::int64_t at = frame * frame_ticks;
    index.packets.push_back({at, at, frame * 1'000, 1'000, frame % 150 == 0});
  }
  index.video_end_ticks = index.audio_end_ticks = seconds * 90'000;
  AudioInfo audio;
  audio.stream = 1;
  audio.codec = "opus";
  audio.channels = 2;
  audio.sample_rate = 48'000;
  audio.language = "en";
  audio.end_ticks = index.audio_end_ticks;
  audio.runs = {{0, static_cast<std::uint32_t>(seconds * 50), 960}};
  index.audio.push_back(audio);
  return index;
}

// Two tracks: of text, and of pictures.
SourceIndex with_subtitles(SourceIndex index) {
  SubtitleInfo text;
  text.stream = 2;
  text.codec = "subrip";
  text.language = "en";
  text.title = "English";
  text.is_default = true;
  SubtitleInfo pictures;
  pictures.stream = 3;
  pictures.codec = "hdmv_pgs_subtitle";
  pictures.language = "fr";
  pictures.left_out = "it is made of pictures, not of text";
  index.subtitles = {text, pictures};
  return index;
}

std::string subtitles_of(const Command& command) {
  if (command.video.ends_with("textg")) return "this is no pack of subtitles";
  hls::SubtitlePack pack({{0, 360'000}, {360'000, 720'000}, {720'000, 1'080'000}});
  pack.add({{90'000, 180'000, "Hello", false}});
  pack.add(hls::TrackFault::kUnreadable);
  return std::move(pack).take();
}

std::uint64_t rewrite(int output, const std::string& bytes) {
  if (::pwrite(output, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    ::_exit(9);
  }
  return bytes.size();
}

// As the real one does with a source that still arrives; kBytesPerSecond of it are a second.
void follow(Command& command, const std::vector<int>& descriptors) {
  while (!command.whole) {
    const auto seconds = static_cast<std::int64_t>(command.source_bytes / kBytesPerSecond);
    WorkerEvent event;
    event.kind = WorkerEventKind::kWaiting;
    event.task = command.task;
    event.bytes = rewrite(descriptors[1], serialize(index_of(seconds)));
    emit(event);
    std::string text;
    std::vector<int> none;
    if (!receive(text, none)) ::_exit(0);
    const auto answer = parse_command(text);
    if (!answer || answer->kind != TaskKind::kGrow) ::_exit(0);
    command.source_bytes = answer->source_bytes;
    command.whole = answer->whole;
  }
}

// As of a file whose table of contents is there: all of it, and what each half second needs.
void finish_by_table(const Command& command, const std::vector<int>& descriptors) {
  SourceIndex index = index_of(60);
  for (std::int64_t half = 1; half <= 120; ++half) {
    index.needs.push_back({half * 45'000, static_cast<std::uint64_t>(half) * kBytesPerSecond / 2});
  }
  WorkerEvent event;
  event.kind = WorkerEventKind::kDone;
  event.task = command.task;
  event.outputs.emplace_back().bytes = rewrite(descriptors[1], serialize(index));
  emit(event);
}

// What is fed, one behind the other.
void join(const Command& command, int output) {
  std::string joined;
  for (bool whole = false; !whole;) {
    WorkerEvent event;
    event.kind = WorkerEventKind::kWaiting;
    event.task = command.task;
    emit(event);
    std::string text;
    std::vector<int> segments;
    if (!receive(text, segments)) ::_exit(0);
    const auto feed = parse_command(text);
    if (!feed || feed->kind != TaskKind::kFeed || segments.size() != feed->tracks.size()) {
      ::_exit(4);
    }
    whole = feed->whole;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      std::array<char, 4096> bytes{};
      const ssize_t got = ::pread(segments[i], bytes.data(), bytes.size(), 0);
      joined += concat(feed->tracks[i], ' ',
                       std::string_view(bytes.data(), static_cast<std::size_t>(got)));
      ::close(segments[i]);
    }
    if (command.video.ends_with("j01ner")) ::raise(SIGKILL);
    if (command.video.ends_with("jstay")) {
      ::pause();
      ::_exit(0);
    }
  }
  WorkerEvent event;
  event.kind = WorkerEventKind::kDone;
  event.task = command.task;
  event.outputs.emplace_back().bytes = rewrite(output, joined);
  emit(event);
}

void finish(const Command& command, const std::vector<int>& descriptors) {
  WorkerEvent event;
  event.kind = WorkerEventKind::kDone;
  event.task = command.task;
  if (command.kind == TaskKind::kIndex) {
    std::int64_t seconds = 12;
    if (command.arriving) {
      seconds = static_cast<std::int64_t>(command.source_bytes / kBytesPerSecond);
    }
    const bool lies = command.arriving && command.video.ends_with("faked");
    SourceIndex index = index_of(seconds, lies ? 3'500 : 3'000);
    if (command.video.contains("text")) index = with_subtitles(std::move(index));
    const std::string bytes = serialize(index);
    rewrite(descriptors[1], bytes);
    SegmentOutput output;
    output.bytes = bytes.size();
    event.outputs.push_back(output);
    return emit(event);
  }
  if (command.kind == TaskKind::kSubtitles) {
    event.outputs.emplace_back().bytes = rewrite(descriptors[2], subtitles_of(command));
    return emit(event);
  }
  const std::size_t first = command.kind == TaskKind::kSheet ? 3 : 2;
  const std::size_t end = descriptors.size() - (command.tiles ? 1 : 0);
  for (std::size_t i = first; i < end; ++i) {
    const std::string rung = command.kind == TaskKind::kVideo ? command.rungs[i - first] : "";
    const std::string text = concat(command.video, ' ', command.segment, ' ', rung, '\n');
    print(descriptors[i], text);
    SegmentOutput output;
    output.bytes = text.size();
    output.duration_ticks = 360'000;
    output.codecs = command.kind == TaskKind::kAudio ? "mp4a.40.2" : "avc1.64001f";
    if (command.kind == TaskKind::kVideo) {
      output.i_frames.push_back({.pts_ticks = command.segment * 360'000, .offset = 1, .bytes = 9});
    }
    event.outputs.push_back(output);
  }
  emit(event);
}

void fail_with(const Command& command, ErrorCode code, std::string message) {
  WorkerEvent event;
  event.kind = WorkerEventKind::kFailed;
  event.task = command.task;
  event.error = {code, std::move(message), 0};
  emit(event);
}

void perform(Command command, const std::vector<int>& descriptors) {
  const auto is = [&](std::string_view end) { return command.video.ends_with(end); };
  const bool draws = command.kind == TaskKind::kPoster || command.kind == TaskKind::kSheet;
  if (is("b1ank") && draws) return fail_with(command, ErrorCode::kCorrupt, "no picture");
  if (command.kind == TaskKind::kSubtitles && is("textf")) {
    return fail_with(command, ErrorCode::kIo, "the disk is broken");
  }
  for (unsigned i = 0; command.kind == TaskKind::kSubtitles && is("textw") && i < 20; ++i) {
    ::usleep(50'000);
    if (terminated) return fail_with(command, ErrorCode::kCancelled, "cancelled");
  }
  if (is("drawn") && command.kind == TaskKind::kSheet) {
    ::pause();
    ::_exit(0);
  }
  if (is("crash") || (is("crash1") && command.kind == TaskKind::kVideo && command.segment == 1)) {
    ::signal(SIGSEGV, SIG_DFL);  // A sanitizer's handler would turn it into an exit.
    ::raise(SIGSEGV);
  }
  if (is("exit")) ::_exit(3);
  if (is("reject")) return fail_with(command, ErrorCode::kUnsupported, "This file is not a video.");
  if (is("look")) return fail_with(command, ErrorCode::kInternal, surroundings());
  if (is("hang")) {
    for (;;) ::pause();
  }
  if (is("spin")) {
    for (volatile bool on = true; on;) {
    }
  }
  if (is("garbage")) print(1, "Segmentation fault\n");
  if (is("endless")) print(1, std::string(2 * kMessageBytesMax, 'x'));
  if (is("flood")) {
    for (int i = 0; i < 16'384; ++i) print(2, std::string(63, 'y') + "\n");
  }
  if (is("drag") || is("s10w") || is("stubborn")) {
    const int steps = is("drag") ? 6 : 60;
    for (int i = 0; i < steps || is("stubborn"); ++i) {
      ::usleep(50'000);
      emit_progress(command.task, (i + 1) / 60.0);
      if (terminated && !is("stubborn")) {
        fail_with(command, ErrorCode::kCancelled, "cancelled");
        ::_exit(0);
      }
    }
  }
  if (command.kind == TaskKind::kIndex && command.arriving && !command.whole) {
    if (is("mapped")) return finish_by_table(command, descriptors);
    if (is("tardy")) return fail_with(command, ErrorCode::kUnavailable, "not before all is there");
    follow(command, descriptors);
  }
  emit_progress(command.task, 0.5);
  if (command.kind == TaskKind::kMp4) return join(command, descriptors[0]);
  finish(command, descriptors);
}

bool receive(std::string& text, std::vector<int>& descriptors) {
  text.resize(kMessageBytesMax);
  struct iovec piece{text.data(), text.size()};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kDescriptorsMax)> control{};
  struct msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t bytes = ::recvmsg(0, &message, MSG_CMSG_CLOEXEC);
  if (bytes <= 0) return false;
  text.resize(static_cast<std::size_t>(bytes));
  descriptors.clear();
  if (struct cmsghdr* header = CMSG_FIRSTHDR(&message)) {
    descriptors.resize((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(descriptors.data(), CMSG_DATA(header), descriptors.size() * sizeof(int));
  }
  return true;
}

[[noreturn]] void serve() {
  struct sigaction terminate{};
  terminate.sa_handler = [](int) { terminated = 1; };
  ::sigaction(SIGTERM, &terminate, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  print(2, "fake worker up\n");
  emit({});
  std::string text;
  std::vector<int> descriptors;
  while (!terminated && receive(text, descriptors)) {
    const auto command = parse_command(text);
    if (!command || descriptors.size() != descriptor_count(*command)) ::_exit(4);
    if (command->kind == TaskKind::kForget) continue;
    perform(*command, descriptors);
    for (const int fd : descriptors) ::close(fd);
  }
  ::_exit(0);
}

// Before main, and so before the test framework reads its arguments.
[[gnu::constructor]] void become_worker(int argc, char** argv, char**) {
  if (argc == 2 && std::strcmp(argv[1], "worker") == 0) serve();
}

}  // namespace
}  // namespace sf::transcode::fake

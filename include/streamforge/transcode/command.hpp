#pragma once

/// The pipeline without a server (`streamforge transcode`, `probe`) and the worker's own main.
/// Blocking; each returns a process exit code: 0 done, 1 failed (one line on stderr), 130
/// interrupted.

#include <streamforge/transcode/plan.hpp>
#include <streamforge/transcode/scheduler.hpp>

#include <string>

namespace sf::transcode {

enum class ProgressStyle : std::uint8_t { kAuto, kJson, kNone };

struct TranscodeCommand {
  std::string input;  ///< A path, or "-" for standard input (spooled into DIR first).
  std::string out_dir;
  LadderOptions ladder;
  WorkerOptions workers;
  io::BackendKind backend = io::BackendKind::kAuto;
  ProgressStyle progress = ProgressStyle::kAuto;
  bool restart = false;  ///< Begin anew in a folder that holds another run's work.
};
/// DIR/master.m3u8, DIR/{rung}/index.m3u8, DIR/{rung}/{n}.ts, DIR/audio/{track}/…; a manifest in
/// DIR (input's size and time, options, segments done) lets a second run continue. With
/// ProgressStyle kJson one event a line on standard output: planned, progress, segment, warning,
/// ready, failed, interrupted.
int run_transcode(const TranscodeCommand& command);

struct ProbeCommand {
  std::string input;
  bool json = false;
  LadderOptions ladder;
  WorkerOptions workers;
  io::BackendKind backend = io::BackendKind::kAuto;
};
int run_probe(const ProbeCommand& command);

/// The hidden verb `worker`: standard input is the command socket. Never returns to a shell.
int run_worker();

/// What libav here can do, for `doctor`: names that are missing of what we need; empty when whole.
[[nodiscard]] std::vector<std::string> missing_codecs();

}  // namespace sf::transcode

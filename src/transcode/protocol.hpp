#pragma once

/// What supervisor and worker say to each other. Commands go down the worker's stdin, a SEQPACKET
/// socket: one JSON object a packet, descriptors beside it (SCM_RIGHTS). Events come up its stdout,
/// one JSON object a line. Everything else a worker has to say goes to stderr. Pure.
///
///   index  {"task":1,"kind":"index","video":ID,"bytes":N}                    fds: source, output
///   video  {"task":2,"kind":"video","video":ID,"bytes":N,"segment":3,"rungs":["1080p","720p"]}
///                                   fds: source, plan, output…, with "tiles":true a file of them;
///                                   "awaited":true: somebody waits for it;
///                                   "measure":true: how near it comes to the source
///   audio  {"task":3,"kind":"audio","video":ID,"bytes":N,"segment":3,"track":0}
///                                                                fds: source, plan, output
///   poster {"task":5,"kind":"poster","video":ID,"bytes":N}                   fds: source, plan,
///   output
///   sheet  {"task":6,"kind":"sheet","video":ID,"bytes":N,"segment":0}
///                                                                fds: source, plan, tiles, output
///   subtitles {"task":7,"kind":"subtitles","video":ID,"bytes":N}             fds: source, plan,
///   output
///   mp4    {"task":4,"kind":"mp4","video":ID,"bytes":N,"rungs":["720p"],"width":1280,"height":720,
///           "end":…,"head":…,"sound":true,"language":"en"}                   fds: output
///   grow   {"task":1,"kind":"grow","bytes":N,"whole":true}   answers "waiting"    fds: none
///   feed   {"task":4,"kind":"feed","tracks":"vava","whole":true}   likewise       fds: segments
///   forget {"kind":"forget"}                                                 fds: none
///
/// An index command with "arriving":true is about a source that still arrives, or did when it was
/// indexed first: `bytes` are there, all of them with "whole":true. "tail":T and "length":L beside
/// "bytes" say that from byte T on all is there too, up to L, where the source ends. An mp4 command
/// is followed by feeds of the segments, `bytes` in all, each a "v" or an "a", until one is
/// "whole".
///
///   {"event":"ready"}                                    after start, once
///   {"event":"started","task":2}   {"event":"progress","task":2,"done":0.25}
///   {"event":"waiting","task":1,"bytes":N}     N bytes of the index so far are in the output, 0:
///                                              not yet; the worker wants more of the source
///   {"event":"done","task":2,"outputs":[{"bytes":…,"begin":…,"duration":…,"frames":…,…}]}
///                                              measured: "ssim":0.98,"psnr_db":42.5 among them
///   {"event":"failed","task":2,"code":"corrupt","message":"…"}

#include "engine.hpp"
#include "mp4.hpp"

#include <streamforge/base/error.hpp>
#include <streamforge/base/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

enum class TaskKind : std::uint8_t {
  kIndex,
  kVideo,
  kAudio,
  kForget,
  kGrow,
  kMp4,
  kFeed,
  kPoster,
  kSheet,
  kSubtitles
};

/// What a worker is there for.
enum class WorkerRole : std::uint8_t {
  kOrdinary,
  kUrgent,    ///< For what a viewer waits for, and short index passes.
  kFollower,  ///< For index passes of sources that still arrive.
};

struct Command {
  std::uint64_t task = 0;
  TaskKind kind = TaskKind::kIndex;
  std::string video;
  std::uint64_t source_bytes = 0;
  std::uint64_t source_tail = 0;    ///< As SourceFile::tail; 0: none.
  std::uint64_t source_length = 0;  ///< Of a source that has a tail.
  bool arriving = false;            ///< kIndex.
  bool whole = false;               ///< kIndex that is `arriving`, kGrow, kFeed.
  std::uint32_t segment = 0;        ///< kSheet: the sheet.
  std::uint32_t track = 0;
  bool tiles = false;    ///< kVideo: what is decoded leaves a tile.
  bool awaited = false;  ///< kVideo: somebody waits for it.
  bool measure = false;  ///< kVideo: its quality.
  std::vector<std::string> rungs;
  Mp4Shape mp4;        ///< kMp4.
  std::string tracks;  ///< kFeed: a letter for each descriptor.
};
[[nodiscard]] std::string encode(const Command& command);
[[nodiscard]] Result<Command> parse_command(std::string_view text);
/// How many descriptors come with it: source, plan, outputs.
[[nodiscard]] std::size_t descriptor_count(const Command& command) noexcept;

/// The most one message may weigh, either way; a longer one is a fault of its sender.
inline constexpr std::size_t kMessageBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kDescriptorsMax = 16;

/// The members "ssim" and "psnr_db" of an object; nullopt where they are not, or impossible.
[[nodiscard]] std::optional<Quality> quality_of(const json::Value& object);
void write_quality(json::Writer& object, const Quality& quality);

enum class WorkerEventKind : std::uint8_t { kReady, kStarted, kProgress, kDone, kFailed, kWaiting };
struct WorkerEvent {
  WorkerEventKind kind = WorkerEventKind::kReady;
  std::uint64_t task = 0;
  double done = 0;
  std::uint64_t bytes = 0;  ///< kWaiting: of the index so far.
  std::vector<SegmentOutput> outputs;
  Error error;
};
[[nodiscard]] std::string encode(const WorkerEvent& event);
[[nodiscard]] Result<WorkerEvent> parse_event(std::string_view line);

}  // namespace sf::transcode

#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace sf::transcode {
namespace {

constexpr std::array<std::string_view, 10> kTaskNames = {
    "index", "video", "audio", "forget", "grow", "mp4", "feed", "poster", "sheet", "subtitles"};
constexpr std::array<std::string_view, 6> kEventNames = {"ready", "started", "progress",
                                                         "done",  "failed",  "waiting"};

template <class Enum, std::size_t N>
std::optional<Enum> from_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

ErrorCode error_code(std::string_view name) {
  for (unsigned code = 0; code <= static_cast<unsigned>(ErrorCode::kInternal); ++code) {
    if (name_of(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kInternal;
}

// Numbers come from another process: what does not fit is a fault of the whole message.
template <class T>
bool read_number(const json::Value& object, std::string_view key, T& into) {
  const json::Value* found = object.find(key);
  if (!found) return false;
  const auto value = found->as_uint();
  if (!value || *value > std::numeric_limits<T>::max()) return false;
  into = static_cast<T>(*value);
  return true;
}

bool read_ticks(const json::Value& object, std::string_view key, std::int64_t& into) {
  const json::Value* found = object.find(key);
  const auto value = found ? found->as_int() : std::nullopt;
  if (!value) return false;
  into = *value;
  return true;
}

std::unexpected<Error> bad(std::string_view what, std::string_view text) {
  return fail(ErrorCode::kInvalidArgument, concat(what, ": ", text.substr(0, 200)));
}

void write_output(json::Writer& out, const SegmentOutput& output) {
  out.begin_object()
      .field("bytes", output.bytes)
      .field("begin", output.begin_ticks)
      .field("duration", output.duration_ticks)
      .field("frames", output.frames)
      .field("damaged", output.damaged_frames)
      .field("codecs", output.codecs);
  if (output.quality) write_quality(out, *output.quality);
  out.key("i_frames").begin_array();
  for (const IFrame& frame : output.i_frames) {
    out.begin_array().value(frame.pts_ticks).value(frame.offset).value(frame.bytes).end_array();
  }
  out.end_array().end_object();
}

bool read_i_frames(const json::Value& object, std::vector<IFrame>& into) {
  const json::Value* list = object.find("i_frames");
  if (!list) return true;
  for (const json::Value& item : list->array()) {
    const auto& parts = item.array();
    if (parts.size() != 3) return false;
    const auto pts = parts[0].as_int();
    const auto offset = parts[1].as_uint();
    const auto bytes = parts[2].as_uint();
    if (!pts || !offset || !bytes) return false;
    into.push_back({*pts, *offset, *bytes});
  }
  return true;
}

bool read_output(const json::Value& object, SegmentOutput& into) {
  into.quality = quality_of(object);
  into.codecs = object.string_at("codecs");
  return read_number(object, "bytes", into.bytes) &&
         read_ticks(object, "begin", into.begin_ticks) &&
         read_ticks(object, "duration", into.duration_ticks) && into.duration_ticks >= 0 &&
         read_number(object, "frames", into.frames) &&
         read_number(object, "damaged", into.damaged_frames) &&
         read_i_frames(object, into.i_frames);
}

bool read_outputs(const json::Value& root, std::vector<SegmentOutput>& into) {
  const json::Value* list = root.find("outputs");
  if (!list || !list->is_array()) return false;
  for (const json::Value& item : list->array()) {
    if (!read_output(item, into.emplace_back())) return false;
  }
  return true;
}

void write_mp4(json::Writer& out, const Mp4Shape& shape) {
  out.field("width", shape.width)
      .field("height", shape.height)
      .field("end", shape.end_ticks)
      .field("head", shape.head_bytes_max)
      .field("sound", shape.sound)
      .field("language", shape.language);
}

bool read_mp4(const json::Value& root, Mp4Shape& into) {
  into.sound = root.bool_at("sound");
  into.language = root.string_at("language");
  return read_number(root, "width", into.width) && read_number(root, "height", into.height) &&
         read_ticks(root, "end", into.end_ticks) && read_number(root, "head", into.head_bytes_max);
}

bool read_feed(const json::Value& root, Command& command) {
  command.tracks = root.string_at("tracks");
  return command.tracks.size() <= kDescriptorsMax &&
         command.tracks.find_first_not_of("va") == std::string::npos;
}

bool read_rungs(const json::Value& root, Command& command) {
  const json::Value* rungs = root.find("rungs");
  if (!rungs) return false;
  for (const json::Value& rung : rungs->array()) {
    const auto name = rung.as_string();
    if (!name || name->empty()) return false;
    command.rungs.emplace_back(*name);
  }
  return !command.rungs.empty();
}

// What a command of its kind says beside task, video and bytes.
bool read_fields(const json::Value& root, Command& command) {
  switch (command.kind) {
    case TaskKind::kVideo:
      return read_number(root, "segment", command.segment) && read_rungs(root, command);
    case TaskKind::kAudio:
      return read_number(root, "segment", command.segment) &&
             read_number(root, "track", command.track);
    case TaskKind::kMp4:
      return read_mp4(root, command.mp4) && read_rungs(root, command);
    case TaskKind::kFeed:
      return read_feed(root, command);
    case TaskKind::kSheet:
      return read_number(root, "segment", command.segment);
    case TaskKind::kPoster:
    case TaskKind::kSubtitles:
    case TaskKind::kIndex:
    case TaskKind::kForget:
    case TaskKind::kGrow:
      return true;
  }
  return false;
}

bool answers_a_wait(TaskKind kind) { return kind == TaskKind::kGrow || kind == TaskKind::kFeed; }

}  // namespace

std::optional<Quality> quality_of(const json::Value& object) {
  const auto member = [&object](std::string_view key) {
    const json::Value* found = object.find(key);
    return found ? found->as_double().value_or(-1) : -1;
  };
  const Quality quality{member("ssim"), member("psnr_db")};
  const bool sound = quality.ssim >= 0 && quality.ssim <= 1 && quality.psnr_db >= 0 &&
                     quality.psnr_db <= kPsnrDbMax;
  return sound ? std::optional(quality) : std::nullopt;
}

void write_quality(json::Writer& object, const Quality& quality) {
  object.field("ssim", quality.ssim).field("psnr_db", quality.psnr_db);
}

std::string encode(const Command& command) {
  json::Writer out;
  out.begin_object();
  if (command.kind != TaskKind::kForget) out.field("task", command.task);
  out.field("kind", kTaskNames[static_cast<std::size_t>(command.kind)]);
  if (command.kind != TaskKind::kForget) {
    if (!answers_a_wait(command.kind)) out.field("video", command.video);
    if (command.kind != TaskKind::kFeed) out.field("bytes", command.source_bytes);
    if (command.source_tail > 0) {
      out.field("tail", command.source_tail).field("length", command.source_length);
    }
    if (command.arriving) out.field("arriving", true);
    if (command.whole) out.field("whole", true);
  }
  if (command.kind == TaskKind::kVideo || command.kind == TaskKind::kAudio ||
      command.kind == TaskKind::kSheet) {
    out.field("segment", command.segment);
  }
  if (command.tiles) out.field("tiles", true);
  if (command.awaited) out.field("awaited", true);
  if (command.measure) out.field("measure", true);
  if (command.kind == TaskKind::kAudio) out.field("track", command.track);
  if (command.kind == TaskKind::kMp4) write_mp4(out, command.mp4);
  if (command.kind == TaskKind::kFeed) out.field("tracks", command.tracks);
  if (command.kind == TaskKind::kVideo || command.kind == TaskKind::kMp4) {
    out.key("rungs").begin_array();
    for (const std::string& rung : command.rungs) out.value(rung);
    out.end_array();
  }
  out.end_object();
  return std::move(out).take();
}

Result<Command> parse_command(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return fail(std::move(parsed.error()));
  const json::Value& root = *parsed;
  Command command;
  const auto kind = from_name<TaskKind>(kTaskNames, root.string_at("kind"));
  if (!kind) return bad("a command of no known kind", text);
  command.kind = *kind;
  if (command.kind == TaskKind::kForget) return command;
  command.video = root.string_at("video");
  command.arriving = root.bool_at("arriving");
  command.whole = root.bool_at("whole");
  command.tiles = root.bool_at("tiles");
  command.awaited = root.bool_at("awaited");
  command.measure = root.bool_at("measure");
  const bool named = !command.video.empty() || answers_a_wait(command.kind);
  const bool sized =
      command.kind == TaskKind::kFeed || read_number(root, "bytes", command.source_bytes);
  if (!named || !sized || !read_number(root, "task", command.task)) {
    return bad("a command without task, video or bytes", text);
  }
  command.source_tail = root.uint_at("tail");
  command.source_length = root.uint_at("length");
  if (command.source_tail > command.source_length) {
    return bad("a command about a source with an end beyond its end", text);
  }
  if (!read_fields(root, command)) {
    return bad("a command that does not say what to make", text);
  }
  return command;
}

std::size_t descriptor_count(const Command& command) noexcept {
  switch (command.kind) {
    case TaskKind::kIndex:
      return 2;
    case TaskKind::kVideo:
      return 2 + command.rungs.size() + (command.tiles ? 1 : 0);
    case TaskKind::kAudio:
    case TaskKind::kPoster:
    case TaskKind::kSubtitles:
      return 3;
    case TaskKind::kSheet:
      return 4;
    case TaskKind::kMp4:
      return 1;
    case TaskKind::kFeed:
      return command.tracks.size();
    case TaskKind::kForget:
    case TaskKind::kGrow:
      return 0;
  }
  return 0;
}

std::string encode(const WorkerEvent& event) {
  json::Writer out;
  out.begin_object().field("event", kEventNames[static_cast<std::size_t>(event.kind)]);
  if (event.kind != WorkerEventKind::kReady) out.field("task", event.task);
  if (event.kind == WorkerEventKind::kProgress) out.field("done", event.done);
  if (event.kind == WorkerEventKind::kWaiting) out.field("bytes", event.bytes);
  if (event.kind == WorkerEventKind::kDone) {
    out.key("outputs").begin_array();
    for (const SegmentOutput& output : event.outputs) write_output(out, output);
    out.end_array();
  }
  if (event.kind == WorkerEventKind::kFailed) {
    out.field("code", name_of(event.error.code)).field("message", event.error.message);
  }
  out.end_object();
  return std::move(out).take();
}

Result<WorkerEvent> parse_event(std::string_view line) {
  auto parsed = json::parse(line);
  if (!parsed) return fail(std::move(parsed.error()));
  const json::Value& root = *parsed;
  WorkerEvent event;
  const auto kind = from_name<WorkerEventKind>(kEventNames, root.string_at("event"));
  if (!kind) return bad("an event of no known kind", line);
  event.kind = *kind;
  if (event.kind == WorkerEventKind::kReady) return event;
  if (!read_number(root, "task", event.task)) return bad("an event of no task", line);
  if (event.kind == WorkerEventKind::kProgress) {
    event.done = std::clamp(root.double_at("done"), 0.0, 1.0);
  }
  if (event.kind == WorkerEventKind::kWaiting && !read_number(root, "bytes", event.bytes)) {
    return bad("a wait that does not say what was found", line);
  }
  if (event.kind == WorkerEventKind::kDone && !read_outputs(root, event.outputs)) {
    return bad("a result that does not say what was made", line);
  }
  if (event.kind == WorkerEventKind::kFailed) {
    event.error = {error_code(root.string_at("code")), root.string_at("message"), 0};
    if (event.error.message.empty()) event.error.message = "The transcoder gave no reason.";
  }
  return event;
}

}  // namespace sf::transcode

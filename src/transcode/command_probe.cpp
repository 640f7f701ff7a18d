#include "command_input.hpp"
#include "command_session.hpp"
#include "command_view.hpp"
#include "failure.hpp"
#include "supervisor.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/transcode/command.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

namespace sf::transcode {
namespace {

constexpr std::uint64_t kIndexBytesMax = std::uint64_t{256} << 20;
constexpr std::uint32_t kLookMs = 20;

double frames_per_second(const Plan& plan) {
  if (plan.frame_rate.denominator <= 0) return 0;
  return static_cast<double>(plan.frame_rate.numerator) /
         static_cast<double>(plan.frame_rate.denominator);
}

std::uint64_t duration_ms(const Plan& plan) {
  return static_cast<std::uint64_t>(plan.timeline.duration_ticks()) /
         (hls::kTicksPerSecond / 1'000);
}

std::string two_decimals(double value) {
  const auto hundredths = static_cast<std::uint64_t>(value * 100 + 0.5);
  const std::uint64_t rest = hundredths % 100;
  return concat(hundredths / 100, rest < 10 ? ".0" : ".", rest);
}

std::string as_json(const Plan& plan, std::uint64_t bytes) {
  const SourceIndex& index = plan.index;
  json::Writer out;
  out.begin_object().field("container", index.container).field("bytes", bytes);
  out.field("duration_ms", duration_ms(plan)).key("video");
  if (index.video) {
    const VideoInfo& video = *index.video;
    out.begin_object().field("codec", video.codec).field("profile", video.profile);
    out.field("width", video.display_width).field("height", video.display_height);
    out.field("coded_width", video.coded_width).field("coded_height", video.coded_height);
    out.field("rotation", video.rotation).field("fps", frames_per_second(plan));
    out.field("pixel_format", video.pixel_format).field("bit_depth", video.bit_depth);
    out.field("interlaced", video.interlaced).field("transfer", video.transfer);
    out.field("average_bps", video.average_bps).field("closed_gop", video.closed_gop);
    out.field("packets", std::uint64_t{index.packets.size()}).end_object();
  } else {
    out.null();
  }
  out.key("audio").begin_array();
  for (const AudioInfo& audio : index.audio) {
    out.begin_object().field("codec", audio.codec).field("profile", audio.profile);
    out.field("channels", audio.channels).field("sample_rate", audio.sample_rate);
    out.field("language", audio.language).field("title", audio.title).end_object();
  }
  out.end_array().key("renditions").begin_array();
  for (const RungPlan& rung : plan.rungs) {
    out.begin_object().field("name", rung.name).field("width", rung.width);
    out.field("height", rung.height).field("mode", rung.mode).field("why", rung.why);
    out.field("max_kbps", rung.max_kbps).end_object();
  }
  out.end_array().key("audio_renditions").begin_array();
  for (const AudioPlan& track : plan.audio) {
    out.begin_object().field("name", track.name).field("language", track.language);
    out.field("label", track.label).field("mode", track.mode).field("why", track.why);
    out.field("kbps", track.kbps);
    out.end_object();
  }
  out.end_array().field("segments",
                        std::uint64_t{plan.timeline.video.empty() ? plan.timeline.audio.size()
                                                                  : plan.timeline.video.size()});
  out.key("warnings").begin_array();
  for (const std::string& warning : index.warnings) out.value(warning);
  out.end_array().end_object();
  return std::move(out).take() + '\n';
}

std::string as_text(const Plan& plan, std::string_view name, std::uint64_t bytes) {
  const SourceIndex& index = plan.index;
  std::string out = concat(name, ": ", index.container, ", ", clock_text(duration_ms(plan)), ", ",
                           two_decimals(static_cast<double>(bytes) / 1e6), " MB\n");
  if (index.video) {
    const VideoInfo& video = *index.video;
    out +=
        concat("  video  ", video.codec, ' ', video.profile, ", ", video.display_width, 'x',
               video.display_height, ", ", two_decimals(frames_per_second(plan)), " fps, ",
               video.bit_depth, " bit", video.interlaced ? ", interlaced" : "",
               video.rotation != 0 ? concat(", turned by ", video.rotation) : std::string(), '\n');
  }
  for (const AudioInfo& audio : index.audio) {
    out += concat("  audio  ", audio.codec, ' ', audio.profile, ", ", audio.channels, " channels, ",
                  audio.sample_rate, " Hz, ", audio.language, '\n');
  }
  out += "gives\n";
  for (const RungPlan& rung : plan.rungs) {
    out +=
        concat("  ", rung.name, std::string(rung.name.size() < 6 ? 6 - rung.name.size() : 0, ' '),
               rung.width, 'x', rung.height, "  ", rung.mode, "  at most ", rung.max_kbps,
               " kbit/s", rung.why.empty() ? std::string() : concat("  (", rung.why, ')'), '\n');
  }
  for (const AudioPlan& track : plan.audio) {
    out +=
        concat("  audio ", track.name, "  ", track.language, "  ", track.mode, "  ", track.kbps,
               " kbit/s", track.why.empty() ? std::string() : concat("  (", track.why, ')'), '\n');
  }
  for (const std::string& warning : index.warnings) out += concat("warning: ", warning, '\n');
  return out;
}

Result<Plan> plan_from(int file, std::uint64_t bytes, const LadderOptions& ladder) {
  if (bytes > kIndexBytesMax) return fail(ErrorCode::kTooLarge, "too many packets to index");
  std::string text(bytes, '\0');
  if (::pread(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail(ErrorCode::kIo, "the index cannot be read back");
  }
  auto index = parse_index(text);
  if (!index) return fail(std::move(index.error()));
  return make_plan(std::move(*index), ladder);
}

io::Task<Result<Plan>> index_once(Session& session, Supervisor& supervisor, const Input& input,
                                  const LadderOptions& ladder) {
  while (!supervisor.idle(0)) {
    if (session.interrupted) co_return fail(ErrorCode::kCancelled, "interrupted");
    if (!supervisor.trouble().empty()) {
      co_return fail(ErrorCode::kUnavailable, supervisor.trouble());
    }
    co_await session.home.sleep_ms(kLookMs);
  }
  const UniqueFd output(::memfd_create("index", MFD_CLOEXEC));
  if (!output) co_return fail_errno(errno, "memfd_create");
  TaskSpec spec;
  spec.command.kind = TaskKind::kIndex;
  spec.command.video = "film";
  spec.command.source_bytes = input.bytes;
  spec.descriptors = {input.file.get(), output.get()};
  const TaskReport report = co_await supervisor.run(0, std::move(spec));
  if (report.end == TaskEnd::kDone) {
    co_return plan_from(output.get(), report.outputs.front().bytes, ladder);
  }
  if (report.end == TaskEnd::kCancelled) co_return fail(ErrorCode::kCancelled, "interrupted");
  const store::Failure failure = failure_of(report, "", 1);
  co_return fail(report.error.code, failure.message);
}

io::Task<int> probe(Session& session, const ProbeCommand& command) {
  auto input = open_input(command.input);
  if (!input) {
    complain(input.error().message);
    co_return kExitFailed;
  }
  WorkerOptions options = command.workers;
  options.workers = 1;
  options.urgent_workers = 0;
  options.followers = 0;
  options.idle_class = false;
  VideoLog log({});
  Supervisor supervisor(session.home, options, log);
  supervisor.start([](unsigned) {});
  session.on_interrupt = [&supervisor] { supervisor.cancel(0); };
  auto plan = co_await index_once(session, supervisor, *input, command.ladder);
  session.on_interrupt = nullptr;
  co_await supervisor.stop();
  if (session.interrupted) co_return kExitInterrupted;
  if (!plan) {
    complain(concat(command.input, ": ", plan.error().message));
    co_return kExitFailed;
  }
  const std::string text =
      command.json ? as_json(*plan, input->bytes) : as_text(*plan, command.input, input->bytes);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  co_return kExitDone;
}

}  // namespace

int run_probe(const ProbeCommand& command) {
  return run_session(command.backend,
                     [&command](Session& session) { return probe(session, command); });
}

}  // namespace sf::transcode

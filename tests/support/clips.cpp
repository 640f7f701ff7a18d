#include "support/clips.hpp"

#include <streamforge/base/bytes.hpp>

#include "support/process.hpp"

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace sf::test {
namespace {

namespace fs = std::filesystem;

std::string run(const std::vector<std::string>& argv) {
  ProgramOutput output = run_program(argv);
  if (output.exit != 0) {
    throw std::runtime_error(concat(argv.front(), " failed: ", output.err));
  }
  return std::move(output.out);
}

// The project's root, wherever below it the test program lies.
fs::path project_root() {
  fs::path at = fs::read_symlink("/proc/self/exe").parent_path();
  while (!fs::exists(at / "tools" / "make_clip")) {
    if (at == at.root_path()) {
      throw std::runtime_error("tools/make_clip is not above the test program");
    }
    at = at.parent_path();
  }
  return at;
}

std::int64_t ticks(std::string_view seconds) {
  try {
    return std::llround(std::stod(std::string(seconds)) * 90'000);
  } catch (const std::exception&) {
    return INT64_MIN;  // "N/A".
  }
}

// Of ffmpeg's framehash: stream, two stamps, duration, size, the hash; then those of side data.
std::vector<std::string> hashes(const std::vector<std::string>& command) {
  const std::string out = run(command);
  std::vector<std::string> found;
  for (const std::string_view line : split(out, '\n')) {
    const auto fields = split(line, ',');
    if (!line.starts_with('#') && fields.size() >= 6) {
      found.emplace_back(trim(fields[5]));
    }
  }
  return found;
}

std::string stream_of(char stream) { return concat(stream, ":0"); }

}  // namespace

std::string clip(const ClipOptions& options) {
  const fs::path tool = project_root() / "tools" / "make_clip";
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path() / "clips";
  fs::create_directories(folder);
  const auto changed = fs::last_write_time(tool).time_since_epoch().count();
  const std::string name =
      concat(options.kind, '-', options.seconds, '-', options.size, '-', options.gop, '-',
             std::hash<std::string>{}(options.fps), '-', static_cast<std::int64_t>(changed));
  const fs::path path = folder / name;
  if (!fs::exists(path)) {
    const fs::path part = folder / concat(name, '.', static_cast<std::int64_t>(::getpid()));
    run({tool.string(), "--kind", options.kind, "--out", part.string(), "--seconds",
         concat(options.seconds), "--size", options.size, "--fps", options.fps, "--gop",
         std::to_string(options.gop)});
    fs::rename(part, path);
  }
  return path.string();
}

std::vector<ProbedPacket> probe_packets(const std::string& path, char stream) {
  const std::string out =
      run({"ffprobe", "-v", "error", "-select_streams", stream_of(stream), "-show_entries",
           "packet=pts_time,dts_time,duration_time,flags", "-of", "csv=print_section=0", path});
  std::vector<ProbedPacket> packets;
  for (const std::string_view line : split(out, '\n')) {
    const auto fields = split(line, ',');
    if (fields.size() >= 4) {
      packets.push_back(
          {ticks(fields[0]), ticks(fields[1]), ticks(fields[2]), fields[3].starts_with('K')});
    }
  }
  return packets;
}

std::string probe(const std::string& path, char stream, const std::string& entry) {
  const std::string out =
      run({"ffprobe", "-v", "error", "-select_streams", stream_of(stream), "-show_entries",
           concat("stream=", entry), "-of", "default=noprint_wrappers=1:nokey=1", path});
  return std::string(split(out, '\n').front());
}

std::string decode_errors(const std::string& path) {
  ProgramOutput output =
      run_program({"ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-f", "null", "-"});
  return output.exit == 0 ? output.err : concat("exit ", output.exit, ' ', output.err);
}

std::size_t count_frames(const std::string& path) {
  const std::string out =
      run({"ffprobe", "-v", "error", "-select_streams", "v:0", "-count_frames", "-show_entries",
           "stream=nb_read_frames", "-of", "default=noprint_wrappers=1:nokey=1", path});
  return std::stoul(out);
}

std::vector<std::string> frame_hashes(const std::string& path) {
  return hashes({"ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "v:0", "-fps_mode",
                 "passthrough", "-f", "framehash", "-hash", "md5", "-"});
}

std::vector<std::string> aac_hashes(const std::string& path) {
  return hashes({"ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "a:0", "-c", "copy",
                 "-bsf:a", "aac_adtstoasc", "-f", "framehash", "-hash", "md5", "-"});
}

double ssim(const std::string& path, const std::string& reference,
            const std::string& reference_filter) {
  const ProgramOutput output = run_program(
      {"ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-i", reference, "-filter_complex",
       concat("[0:v]setpts=PTS-STARTPTS[a];[1:v]", reference_filter,
              ",setpts=PTS-STARTPTS[b];[a][b]ssim"),
       "-f", "null", "-"});
  const std::size_t at = output.err.rfind("All:");
  if (at == std::string::npos) {
    throw std::runtime_error(concat("no SSIM: ", output.err));
  }
  return std::stod(output.err.substr(at + 4));
}

std::vector<float> decode_sound(const std::string& path) {
  const std::string out = run({"ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "a:0",
                               "-ac", "1", "-ar", "48000", "-f", "f32le", "-"});
  std::vector<float> samples(out.size() / sizeof(float));
  std::memcpy(samples.data(), out.data(), samples.size() * sizeof(float));
  return samples;
}

std::vector<double> mean_luma(const std::string& path) {
  const std::string out = run({"ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "v:0",
                               "-vf", "scale=16:16:flags=area,format=gray", "-fps_mode",
                               "passthrough", "-f", "rawvideo", "-"});
  constexpr std::size_t kFrame = 256;
  std::vector<double> means;
  for (std::size_t at = 0; at + kFrame <= out.size(); at += kFrame) {
    double sum = 0;
    for (std::size_t i = 0; i < kFrame; ++i) {
      sum += static_cast<unsigned char>(out[at + i]);
    }
    means.push_back(sum / kFrame);
  }
  return means;
}

}  // namespace sf::test

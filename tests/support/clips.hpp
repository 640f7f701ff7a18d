#pragma once

/// Media files for tests, made by tools/make_clip and kept beside the test programs; and what
/// ffprobe and ffmpeg say of what we made of them.

#include <cstdint>
#include <string>
#include <vector>

namespace sf::test {

struct ClipOptions {
  std::string kind;
  double seconds = 6;
  std::string size = "320x180";
  std::string fps = "30";
  int gop = 250;
};
/// Path of the clip, made at first use; the same options give the same file. Throws when it cannot
/// be made.
[[nodiscard]] std::string clip(const ClipOptions& options);

/// One packet as ffprobe lists it; times in 90 kHz ticks.
struct ProbedPacket {
  std::int64_t pts = 0;
  std::int64_t dts = 0;
  std::int64_t duration = 0;
  bool key = false;
};
/// Packets of the first "v" or "a" stream of a file.
[[nodiscard]] std::vector<ProbedPacket> probe_packets(const std::string& path, char stream);

/// A value of the first stream: probe(path, 'v', "width").
[[nodiscard]] std::string probe(const std::string& path, char stream, const std::string& entry);

/// Decodes everything; what ffmpeg complains of, empty when all is well.
[[nodiscard]] std::string decode_errors(const std::string& path);
[[nodiscard]] std::size_t count_frames(const std::string& path);

/// MD5 of every decoded picture, in order.
[[nodiscard]] std::vector<std::string> frame_hashes(const std::string& path);
/// MD5 of every AAC frame of the first sound stream, its header not counted.
[[nodiscard]] std::vector<std::string> aac_hashes(const std::string& path);

/// SSIM over all frames, 0 to 1; `reference_filter` prepares the reference, "null" for none.
[[nodiscard]] double ssim(const std::string& path, const std::string& reference,
                          const std::string& reference_filter = "null");

/// The first sound stream as floats of one channel at 48 kHz.
[[nodiscard]] std::vector<float> decode_sound(const std::string& path);
/// Mean luminance (0–255) of every frame.
[[nodiscard]] std::vector<double> mean_luma(const std::string& path);

}  // namespace sf::test

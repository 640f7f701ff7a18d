#pragma once

/// What `streamforge transcode` has done in a folder so far: DIR/manifest.jsonl, one JSON object a
/// line, only ever appended to, so that a run that was killed loses at most its last line:
///
///   {"streamforge":1,"input":"/films/a.mp4","bytes":…,"modified_ns":…,"rungs":["720p"],
///    "segment_seconds":4,"copy":true}
///   {"spooled":"<sha256>","bytes":…}                                      standard input, whole
///   {"planned":true}                                                      plan and timeline exist
///   {"track":"720p","segment":3,"bytes":…,"duration":…,"codecs":"…","damaged":0,
///    "i_frames":[[pts,offset,bytes],…],"ssim":0.98,"psnr_db":42.5}   the last two where measured
///   {"complete":true}
/// Pure.

#include "engine.hpp"

#include <streamforge/base/error.hpp>
#include <streamforge/hls/presentation.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sf::transcode {

/// What a folder is made of and how: another of these does not continue it.
struct ManifestHead {
  std::string input;        ///< Absolute path, or "-".
  std::uint64_t bytes = 0;  ///< 0 for standard input.
  std::int64_t modified_ns = 0;
  std::vector<std::string> rungs;
  unsigned segment_seconds = 4;
  bool copy = true;
  friend bool operator==(const ManifestHead&, const ManifestHead&) = default;
};

struct ManifestSegment {
  std::string track;
  std::uint32_t segment = 0;
  std::uint64_t bytes = 0;
  std::uint64_t duration_ticks = 0;
  std::string codecs;
  std::uint32_t damaged_frames = 0;
  std::vector<hls::KeyPicture> key_pictures;
  std::optional<Quality> quality;
};

struct ManifestSpool {
  std::string sha256;
  std::uint64_t bytes = 0;
};

struct Manifest {
  ManifestHead head;
  std::optional<ManifestSpool> spool;
  bool planned = false;
  std::vector<ManifestSegment> segments;
  bool complete = false;
};

/// Each is one line, newline included.
[[nodiscard]] std::string encode(const ManifestHead& head);
[[nodiscard]] std::string encode(const ManifestSpool& spool);
[[nodiscard]] std::string encode(const ManifestSegment& segment);
[[nodiscard]] std::string planned_line();
[[nodiscard]] std::string complete_line();

/// A last line without its newline was being written when the run ended: it counts for nothing. Any
/// other line that cannot be read is kCorrupt; a newer schema is kUnsupported.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

/// Why `wanted` does not continue `found`, in words; empty when it does.
[[nodiscard]] std::string difference(const ManifestHead& found, const ManifestHead& wanted);

}  // namespace sf::transcode

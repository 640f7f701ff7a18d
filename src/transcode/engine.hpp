#pragma once

/// The media engine: everything that touches libav. Runs in worker processes only, on the worker's
/// main thread; reads its source by pread from a descriptor it was given and opens nothing. Errors
/// carry words for the person who uploaded the file; codes: kUnsupported (not media, or a kind we
/// do not take), kCorrupt (media, but unreadable here), kIo, kNoSpace.

#include <streamforge/base/error.hpp>
#include <streamforge/transcode/plan.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sf::transcode {

/// A source as a worker sees it.
struct SourceFile {
  int descriptor = -1;
  std::uint64_t bytes = 0;  ///< From its start on, that are there.
  /// From here on to `length`, its end, all is there too; 0: nothing behind `bytes`.
  std::uint64_t tail = 0;
  std::uint64_t length = 0;
};

/// How much of a source is there by now.
struct Arrived {
  std::uint64_t bytes = 0;
  bool whole = false;  ///< Nothing more will come.
};
/// Called when a source that still arrives has been read as far as it is there, with what has been
/// found so far (null while that tells nothing yet). Answers once there is more, or it is whole;
/// nullopt ends the task with kCancelled. Throws nothing.
using AwaitMore = std::function<std::optional<Arrived>(const SourceIndex* so_far)>;

/// Told often while a task runs (0–1; of the file's bytes while indexing); returning false ends the
/// task with kCancelled. May be empty.
using Progress = std::function<bool(double)>;

/// A keyframe inside a segment file: for I-frame playlists, whose EXT-X-MAP is a segment's first
/// 376 bytes (PAT and PMT).
struct IFrame {
  std::int64_t pts_ticks = 0;
  std::uint64_t offset = 0;  ///< Of its first TS packet.
  std::uint64_t bytes = 0;
};
inline constexpr double kPsnrDbMax = 100;  ///< Of equal pictures.
/// How near the pictures of a segment come to the source's, scaled to their size.
struct Quality {
  double ssim = 0;     ///< Mean of all pictures and planes, 0 to 1: equal.
  double psnr_db = 0;  ///< Of their mean squared error.
};
struct SegmentOutput {
  std::uint64_t bytes = 0;
  std::int64_t begin_ticks = 0;     ///< Of the first frame or sample written.
  std::int64_t duration_ticks = 0;  ///< Media time: the plan's.
  std::uint32_t frames = 0;
  /// Of the segment's pictures: decoded with errors, or missing, so that others are shown longer.
  /// Of sound: packets that the decoder refused.
  std::uint32_t damaged_frames = 0;
  std::string codecs;  ///< "avc1.64001f" or "mp4a.40.2".
  std::vector<IFrame> i_frames;
  std::optional<Quality> quality;  ///< Where it was asked for, and encoded.
};

/// How a segment of the picture is made.
struct EncodeManner {
  int tiles = -1;  ///< A file that gets a tile of what is decoded, or none.
  /// Somebody waits: decodes on a second thread while the first one encodes.
  bool awaited = false;
  bool measure = false;  ///< Decodes both again, and says how near they come.
};

class Engine {
 public:
  /// Loads and registers what libav needs, before the process is locked down.
  Engine();
  ~Engine();
  Engine(const Engine&) = delete;

  /// Demuxes (never decodes more than what tells the format) and lists every video packet.
  Result<SourceIndex> index(const SourceFile& source, const Progress& progress);

  /// The same of a source that still arrives, of which `source.bytes` are there: reads it from its
  /// start to its end in one go, waiting for what is not there yet. What it finds depends on the
  /// bytes alone, not on when they came. kUnavailable for a file that can only be read when it is
  /// whole: whose table of contents is at its end, or of a kind that libav must seek in.
  Result<SourceIndex> index_arriving(const SourceFile& source, const AwaitMore& await_more,
                                     const Progress& progress);

  /// Segment `segment` of `rungs` (names in the plan): copied, or from one decode scaled in cascade
  /// and encoded by one x264 each; MPEG-TS into `outputs` (same order, written from offset 0).
  /// `source_key` tells sources apart: tasks on the same key keep the demuxer and the decoder, so
  /// that segment n + 1 after n decodes nothing twice; its plan is copied at first sight and stays
  /// until another key or `forget`. The descriptor may be another one every time. Bit-identical
  /// whichever way a segment was reached.
  Result<std::vector<SegmentOutput>> encode_video(
      const std::string& source_key, const SourceFile& source, const Plan& plan,
      std::uint32_t segment, std::span<const std::string> rungs, std::span<const int> outputs,
      const Progress& progress, EncodeManner manner = {});
  /// The poster, and a sheet of the storyboard, as JPEG into `output`. `cells` is the file that
  /// `encode_video` leaves a tile of each decoded segment in where it is given it.
  Result<SegmentOutput> draw_poster(const std::string& source_key, const SourceFile& source,
                                    const Plan& plan, int output, const Progress& progress);
  Result<SegmentOutput> draw_sheet(const std::string& source_key, const SourceFile& source,
                                   const Plan& plan, std::uint32_t sheet, int cells, int output,
                                   const Progress& progress);
  /// Segment `segment` of audio rendition `track` (index into plan.audio).
  Result<SegmentOutput> encode_audio(const std::string& source_key, const SourceFile& source,
                                     const Plan& plan, std::uint32_t track, std::uint32_t segment,
                                     int output, const Progress& progress);
  /// The texts of all subtitle tracks (subtitles.hpp) into `output`.
  Result<SegmentOutput> extract_subtitles(const SourceFile& source, const Plan& plan, int output,
                                          const Progress& progress);
  /// Forgets open sources: their descriptors are about to be closed.
  void forget() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::transcode

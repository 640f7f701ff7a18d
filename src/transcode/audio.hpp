#pragma once

/// Sound of one segment: decoded from a little before it, placed by exact sample positions, mixed
/// to stereo, encoded as AAC-LC on the 1024-sample grid of the whole timeline from some frames
/// before (which are dropped), so that segments made apart join without a seam. One thread; kept
/// open by the engine between tasks on the same source.

#include "source.hpp"
#include "ts_writer.hpp"

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace sf::transcode {

class AudioReader {
 public:
  /// Keeps a reference to `plan`, which must outlive the reader.
  static Result<std::unique_ptr<AudioReader>> open(const SourceFile& file, const Plan& plan,
                                                   std::uint32_t track);
  ~AudioReader();

  /// Stereo samples [begin, begin + count) of the rendition's rate, zero being the timeline's;
  /// silence where the source has none. Left and right, one after the other.
  Result<std::vector<float>> read(std::int64_t begin, std::size_t count, const Progress& progress);

  /// Goes to a packet that begins at or before `sample` of the source's rate, the timeline's zero
  /// being 0; or to the first one.
  [[nodiscard]] bool seek(std::int64_t sample) { return position(sample); }
  /// The packet it stands at, stamped in samples as `seek` counts; `advance` goes to the next one,
  /// false at the end.
  [[nodiscard]] const AVPacket& packet() const noexcept { return *packet_; }
  [[nodiscard]] bool advance() { return next_packet(); }

  /// How many packets of that span the last `read` could not decode.
  [[nodiscard]] std::uint32_t damaged_in(hls::SegmentSpan span) const noexcept;
  void rebind(const SourceFile& file) noexcept { source_->rebind(file); }

 private:
  struct Mixer;
  AudioReader();
  Result<std::vector<float>> decode(std::int64_t begin, std::size_t count,
                                    const Progress& progress);
  bool position(std::int64_t sample);
  bool next_packet();
  [[nodiscard]] std::int64_t place_of(const AVPacket& packet) const noexcept;
  Result<> place(const AVFrame& frame, std::int64_t begin, std::vector<float>& out);

  const Plan* plan_ = nullptr;
  const AudioInfo* info_ = nullptr;
  std::uint32_t rate_ = 0;  // The rendition's.
  std::unique_ptr<Source> source_;
  CodecPtr decoder_;
  PacketPtr packet_ = new_packet();
  FramePtr frame_ = new_frame();
  std::unique_ptr<Mixer> mixer_;
  std::vector<std::int64_t> video_keys_;     // Where files without an audio index can be entered.
  std::optional<std::int64_t> next_sample_;  // Where the next decoded frame belongs.
  std::vector<std::int64_t> damaged_;        // In samples, of the last `read`.
};

/// The AAC frames of a segment of rendition `track`, in samples of its rate: on the grid of the
/// timeline, or on the source's own where the track is copied.
struct AacFrames {
  std::int64_t begin_sample = 0;
  std::size_t count = 0;
};
[[nodiscard]] AacFrames frames_of_segment(const Plan& plan, std::uint32_t track,
                                          std::uint32_t segment);

/// A whole segment of rendition `track`, as MPEG-TS.
Result<std::pair<SegmentOutput, std::vector<std::uint8_t>>> encode_audio_segment(
    AudioReader& reader, const Plan& plan, std::uint32_t track, std::uint32_t segment,
    const Progress& progress);

/// AAC-LC in ADTS of the frames in `pcm` but for the first and last `margin`; left and right one
/// after the other. One vector a frame.
Result<std::vector<std::vector<std::uint8_t>>> encode_aac(const std::vector<float>& pcm,
                                                          std::size_t margin,
                                                          const AudioPlan& track);

/// A segment of ADTS frames whose first is number `first` of a grid that begins at `zero_sample`.
[[nodiscard]] std::vector<std::uint8_t> write_audio_segment(
    std::span<const std::vector<std::uint8_t>> frames, std::uint32_t segment,
    std::int64_t first_sample, std::uint32_t sample_rate);

/// Frames of context on each side of what is kept.
inline constexpr std::size_t kAacMarginFrames = 8;

}  // namespace sf::transcode

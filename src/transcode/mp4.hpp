#pragma once

/// A rung and its sound as one MP4 file, made of their segments without encoding anything: libav's
/// muxer, the movie header in front, picture and sound in turns of half a second. Time zero is the
/// timeline's. The same segments give the same bytes. One thread; for worker processes.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace sf::transcode {

struct Mp4Shape {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::int64_t end_ticks = 0;        ///< Of the last picture.
  std::uint64_t head_bytes_max = 0;  ///< Kept for the movie header: `mp4_head_bytes`.
  bool sound = false;
  std::string language;  ///< Of the sound, BCP 47.
};

/// Room for the movie header of a file so long and so large, with `frames` pictures and `sounds`
/// frames of sound. What is not needed of it stays behind as a "free" box.
[[nodiscard]] std::uint64_t mp4_head_bytes(std::uint64_t frames, std::uint64_t sounds,
                                           std::int64_t duration_ticks,
                                           std::uint64_t media_bytes) noexcept;

class Mp4Writer {
 public:
  /// Writes into `output` from its begin; the descriptor is somebody else's and must be readable
  /// too.
  Mp4Writer(int output, Mp4Shape shape);
  ~Mp4Writer();
  Mp4Writer(const Mp4Writer&) = delete;

  /// The next segment of the picture, or the sound, whole. kCorrupt: it is no segment of ours;
  /// kNoSpace, kIo: of the output.
  Result<> add_picture(std::span<const std::uint8_t> segment);
  Result<> add_sound(std::span<const std::uint8_t> segment);
  /// Writes what is held back and the header; gives the file's size.
  Result<std::uint64_t> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::transcode

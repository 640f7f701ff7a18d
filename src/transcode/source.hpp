#pragma once

/// An open source: one demuxer over bytes that are read with pread from a descriptor somebody else
/// owns. Nothing else is ever opened. One thread.

#include <streamforge/base/limits.hpp>

#include "engine.hpp"
#include "engine_libav.hpp"
#include "source_sniff.hpp"

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sf::transcode {

/// Bytes of a file as libav's reader. In skim mode the payload of ISO files (`mdat`) reads as zeros
/// without touching the disk: indexing needs the tables only.
class ByteReader {
 public:
  struct Hole {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  void set(const SourceFile& file) noexcept;
  void set_holes(std::vector<Hole> holes) noexcept { holes_ = std::move(holes); }
  void skim(bool on) noexcept { skim_ = on; }
  /// While it skims, what is not there counts as not needed: holes read as they always do, the rest
  /// as the end.
  void skim_what_is_missing() noexcept { skim_missing_ = true; }
  /// Whether what is not there is waited for; else it reads as the end.
  void be_patient(bool on) noexcept { patient_ = on; }
  [[nodiscard]] bool skims_what_is_missing() const noexcept { return skim_ && skim_missing_; }
  [[nodiscard]] bool has_holes() const noexcept { return !holes_.empty(); }

  /// Up to its end as far as that is known.
  [[nodiscard]] std::int64_t bytes() const noexcept { return tail_ > 0 ? length_ : bytes_; }
  /// Waits with `more` for what is not there yet, until it says that the file is whole.
  using More = std::function<std::optional<Arrived>()>;
  void wait_with(More more) noexcept { more_ = std::move(more); }
  /// Tells `progress` how far it is with every read; it may end the reading.
  void report_to(Progress progress) noexcept { progress_ = std::move(progress); }
  /// `more` or `progress` ended the reading: what was read since is no truth about the file.
  [[nodiscard]] bool cut_off() const noexcept { return cut_off_; }
  /// Up to `bytes` from `at`; 0 at the end; a negative libav code when the kernel refuses.
  int read_at(std::int64_t at, std::uint8_t* out, std::size_t bytes) noexcept;
  /// The same, skimming or not.
  int peek_at(std::int64_t at, std::uint8_t* out, std::size_t bytes) const noexcept;

  static int on_read(void* self, std::uint8_t* out, int bytes) noexcept;
  static std::int64_t on_seek(void* self, std::int64_t offset, int whence) noexcept;

 private:
  bool is_there(std::int64_t at) noexcept;
  /// How many bytes from `at` on are there without a gap.
  [[nodiscard]] std::int64_t there_from(std::int64_t at) const noexcept;

  int descriptor_ = -1;
  std::int64_t bytes_ = 0;  // From the start on.
  std::int64_t tail_ = 0;   // And from here to length_; 0: no more.
  std::int64_t length_ = 0;
  std::int64_t at_ = 0;
  std::vector<Hole> holes_;
  bool skim_ = false;
  bool skim_missing_ = false;
  bool patient_ = true;
  bool cut_off_ = false;
  More more_;
  Progress progress_;
};

class Source {
 public:
  /// Sniffs, opens the demuxer that fits, and lets it find out what its streams are. kUnsupported
  /// or kCorrupt with words for a person.
  static Result<std::unique_ptr<Source>> open(const SourceFile& file);
  /// The same of a file that still arrives: it is read in one go, as libav reads a pipe, and `more`
  /// is waited with. Of an ISO file whose table of contents is there, before its payload or in its
  /// tail, only the first pictures are waited for. kUnavailable when it can only be read whole.
  static Result<std::unique_ptr<Source>> open_arriving(const SourceFile& file,
                                                       ByteReader::More more);
  ~Source();
  Source(const Source&) = delete;

  [[nodiscard]] AVFormatContext& format() noexcept { return *format_; }
  [[nodiscard]] const Kind& kind() const noexcept { return kind_; }
  [[nodiscard]] ByteReader& reader() noexcept { return reader_; }
  /// Whether the payload may be skimmed: the tables alone list all packets.
  [[nodiscard]] bool can_skim() const noexcept { return reader_.has_holes(); }
  [[nodiscard]] AVStream& stream(int index) noexcept { return *format_->streams[index]; }
  [[nodiscard]] bool has_stream(int index) const noexcept {
    return index >= 0 && index < static_cast<int>(format_->nb_streams) &&
           index < static_cast<int>(limits::kSourceStreamsMax);
  }
  /// Bytes that the boxes of an ISO file promise beyond its end; 0 for others.
  [[nodiscard]] std::int64_t missing_bytes() const noexcept { return missing_bytes_; }

  /// Whether a table lists all packets that there are, of whose payload not all is there.
  [[nodiscard]] bool by_table() const noexcept { return by_table_; }

  /// Reads only these streams from now on.
  void keep_streams(std::initializer_list<int> indexes) noexcept;
  /// The next packet of the kept streams; false at the end. Damaged stretches are skipped, counted
  /// in `damaged_reads`.
  [[nodiscard]] bool read(AVPacket& packet);
  /// From now on packets are stamped as if the source's clock had not leapt. Owned by the caller,
  /// who may add to it.
  void follow_leaps(const std::vector<ClockLeap>* leaps) noexcept { leaps_ = leaps; }
  [[nodiscard]] unsigned damaged_reads() const noexcept { return damaged_reads_; }

  /// True when the demuxer took the request; where it stands is seen by the packets that follow.
  [[nodiscard]] bool seek_time(int stream, std::int64_t stamp) noexcept;
  [[nodiscard]] bool seek_byte(std::int64_t position) noexcept;
  /// Seeking by bytes is exact in formats whose packets stand alone.
  [[nodiscard]] bool seeks_by_byte() const noexcept;

  /// The same file, opened anew at its start.
  Result<> reopen();
  /// The same file under another descriptor, perhaps longer now.
  void rebind(const SourceFile& file) noexcept;

 private:
  Source() { stamps_.fill(AV_NOPTS_VALUE); }
  Result<> sniff_head();
  Result<> open_demuxer();
  Result<> walk_boxes();
  struct Box;
  static Result<std::optional<Box>> box_at(ByteReader& reader, std::int64_t at);
  Result<> walk_to_table();
  Result<> find_payload(const Box& moov, std::int64_t payload);
  Result<> prepare_unpacking();
  void unpack(AVPacket& packet) noexcept;
  void straighten(AVPacket& packet) noexcept;
  void forget_place() noexcept;
  void close() noexcept;

  ByteReader reader_;
  Kind kind_;
  AVFormatContext* format_ = nullptr;
  AVIOContext* io_ = nullptr;
  bool one_go_ = false;
  bool by_table_ = false;
  std::int64_t missing_bytes_ = 0;
  unsigned damaged_reads_ = 0;
  const std::vector<ClockLeap>* leaps_ = nullptr;
  std::vector<PacketFilterPtr> unpackers_;                        // By stream; most need none.
  std::array<std::int64_t, limits::kSourceStreamsMax> places_{};  // Of each stream's last packet.
  std::array<std::int64_t, limits::kSourceStreamsMax> stamps_;    // Its DTS, as read.
};

}  // namespace sf::transcode

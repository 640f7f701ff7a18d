#include "source.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/hls/timeline.hpp>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace sf::transcode {
namespace {

constexpr int kReadBufferBytes = 64 * 1024;
constexpr std::int64_t kProbeBytes = 8 << 20;
constexpr std::int64_t kAnalyzeMicroseconds = 10'000'000;
constexpr unsigned kBoxesMax = 1'000'000;
constexpr unsigned kDamagedReadsMax = 10'000;
constexpr std::int64_t kStampsApartTicks = 60 * hls::kTicksPerSecond;

int refuse_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EACCES);
}

std::uint64_t big_endian(const std::uint8_t* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) {
    value = value << 8 | bytes[i];
  }
  return value;
}

// What libav reads from its start to its end without having to seek, with the same result.
constexpr std::array<std::string_view, 8> kReadInOneGo{"mov", "matroska", "mpegts", "flv",
                                                       "avi", "asf",      "mpeg",   "ogg"};

}  // namespace

// A box of an ISO file (ISO 14496-12 section 4.2).
struct Source::Box {
  std::string type;
  std::int64_t payload = 0;
  std::int64_t end = 0;  // 0: that of the file.
};

void ByteReader::set(const SourceFile& file) noexcept {
  descriptor_ = file.descriptor;
  bytes_ = static_cast<std::int64_t>(file.bytes);
  tail_ = static_cast<std::int64_t>(file.tail);
  length_ = static_cast<std::int64_t>(file.length);
}

std::int64_t ByteReader::there_from(std::int64_t at) const noexcept {
  if (at < bytes_) {
    return bytes_ - at;
  }
  return tail_ > 0 && at >= tail_ && at < length_ ? length_ - at : 0;
}

bool ByteReader::is_there(std::int64_t at) noexcept {
  while (there_from(at) == 0 && more_ && patient_ && (tail_ == 0 || at < length_)) {
    const auto arrived = more_();
    cut_off_ = !arrived;
    if (!arrived || arrived->whole) {
      more_ = nullptr;
    }
    if (arrived) {
      bytes_ = std::max(bytes_, static_cast<std::int64_t>(arrived->bytes));
    }
  }
  return there_from(at) > 0;
}

int ByteReader::read_at(std::int64_t at, std::uint8_t* out, std::size_t bytes) noexcept {
  const auto hole = skim_ ? std::ranges::upper_bound(holes_, at, {}, &Hole::end) : holes_.end();
  const bool in_hole = hole != holes_.end() && hole->begin <= at;
  const bool waits = !skim_ || !skim_missing_;
  if (at < 0 || (waits ? !is_there(at) : !in_hole && there_from(at) == 0)) {
    return cut_off_ ? AVERROR_EXIT : 0;
  }
  if (in_hole) {
    bytes = std::min(bytes, static_cast<std::size_t>(hole->end - at));
    std::memset(out, 0, bytes);
    return static_cast<int>(bytes);
  }
  if (hole != holes_.end()) {
    bytes = std::min(bytes, static_cast<std::size_t>(hole->begin - at));
  }
  return peek_at(at, out, bytes);
}

int ByteReader::peek_at(std::int64_t at, std::uint8_t* out, std::size_t bytes) const noexcept {
  if (at < 0 || there_from(at) == 0) {
    return 0;
  }
  bytes = std::min(bytes, static_cast<std::size_t>(there_from(at)));
  ssize_t got = 0;
  do {
    got = ::pread(descriptor_, out, bytes, at);
  } while (got < 0 && errno == EINTR);
  return got < 0 ? AVERROR(errno) : static_cast<int>(got);
}

int ByteReader::on_read(void* self, std::uint8_t* out, int bytes) noexcept {
  auto& reader = *static_cast<ByteReader*>(self);
  const auto done = static_cast<double>(reader.at_) /
                    static_cast<double>(std::max<std::int64_t>(1, reader.bytes()));
  if (reader.progress_ && !reader.progress_(std::min(done, 1.0))) {
    reader.cut_off_ = true;
    return AVERROR_EXIT;
  }
  const int got = reader.read_at(reader.at_, out, static_cast<std::size_t>(bytes));
  if (got > 0) {
    reader.at_ += got;
  }
  return got == 0 ? AVERROR_EOF : got;
}

std::int64_t ByteReader::on_seek(void* self, std::int64_t offset, int whence) noexcept {
  auto& reader = *static_cast<ByteReader*>(self);
  std::int64_t base = 0;
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE:
      return reader.bytes();
    case SEEK_SET:
      break;
    case SEEK_CUR:
      base = reader.at_;
      break;
    case SEEK_END:
      base = reader.bytes();
      break;
    default:
      return AVERROR(EINVAL);
  }
  if (offset > 0 ? base > INT64_MAX - offset : base + offset < 0) {
    return AVERROR(EINVAL);
  }
  reader.at_ = base + offset;
  return reader.at_;
}

namespace {

// As many bytes from `at` as there are, up to the size of `out`.
Result<std::size_t> read_all(ByteReader& reader, std::int64_t at, std::span<std::uint8_t> out) {
  std::size_t got = 0;
  while (got < out.size()) {
    const int count =
        reader.read_at(at + static_cast<std::int64_t>(got), out.data() + got, out.size() - got);
    if (reader.cut_off()) {
      return fail(ErrorCode::kCancelled, "the task was cancelled");
    }
    if (count < 0) {
      return fail_errno(AVUNERROR(count), "read the source");
    }
    if (count == 0) {
      break;
    }
    got += static_cast<std::size_t>(count);
  }
  return got;
}

}  // namespace

// nullopt: there is none.
Result<std::optional<Source::Box>> Source::box_at(ByteReader& reader, std::int64_t at) {
  std::array<std::uint8_t, 16> head{};
  const auto got = read_all(reader, at, head);
  if (!got) {
    return fail(got.error());
  }
  if (*got < 8) {
    return std::nullopt;
  }
  std::uint64_t size = big_endian(head.data(), 4);
  std::int64_t header = 8;
  if (size == 1 && *got == 16) {
    size = big_endian(head.data() + 8, 8);
    header = 16;
  }
  const bool to_the_end = size == 0;
  if (!to_the_end && (size < static_cast<std::uint64_t>(header) ||
                      size > static_cast<std::uint64_t>(INT64_MAX - at))) {
    return std::nullopt;
  }
  return Box{std::string(reinterpret_cast<const char*>(head.data()) + 4, 4), at + header,
             to_the_end ? 0 : at + static_cast<std::int64_t>(size)};
}

Result<> Source::sniff_head() {
  std::vector<std::uint8_t> head(kSniffBytes);
  auto got = read_all(reader_, 0, head);
  if (!got) {
    return fail(std::move(got.error()));
  }
  auto kind = sniff({reinterpret_cast<const char*>(head.data()), *got});
  if (!kind) {
    return fail(std::move(kind.error()));
  }
  kind_ = std::move(*kind);
  return {};
}

Result<std::unique_ptr<Source>> Source::open_arriving(const SourceFile& file,
                                                      ByteReader::More more) {
  std::unique_ptr<Source> source(new Source);
  source->reader_.set(file);
  source->reader_.wait_with(std::move(more));
  source->one_go_ = true;
  if (auto sniffed = source->sniff_head(); !sniffed) {
    return fail(std::move(sniffed.error()));
  }
  if (std::ranges::find(kReadInOneGo, source->kind_.demuxer) == kReadInOneGo.end()) {
    return fail(ErrorCode::kUnavailable, concat("A file of the kind ", source->kind_.container,
                                                " is read when it is whole"));
  }
  if (source->kind_.demuxer == "mov") {
    if (auto walked = source->walk_to_table(); !walked) {
      return fail(std::move(walked.error()));
    }
  }
  auto opened = source->open_demuxer();
  if (source->reader_.cut_off()) {
    return fail(ErrorCode::kCancelled, "the task was cancelled");
  }
  if (!opened) {
    return fail(std::move(opened.error()));
  }
  return source;
}

Result<std::unique_ptr<Source>> Source::open(const SourceFile& file) {
  std::unique_ptr<Source> source(new Source);
  source->reader_.set(file);
  if (auto sniffed = source->sniff_head(); !sniffed) {
    return fail(std::move(sniffed.error()));
  }
  if (source->kind_.demuxer == "mov") {
    if (auto walked = source->walk_boxes(); !walked) {
      return fail(std::move(walked.error()));
    }
  }
  if (auto opened = source->open_demuxer(); !opened) {
    return fail(std::move(opened.error()));
  }
  return source;
}

Source::~Source() { close(); }

void Source::close() noexcept {
  unpackers_.clear();
  avformat_close_input(&format_);
  if (io_ != nullptr) {
    av_freep(&io_->buffer);
    avio_context_free(&io_);
  }
}

// Finds the payload boxes, and whether there is a table of contents at all.
Result<> Source::walk_boxes() {
  std::vector<ByteReader::Hole> payload;
  bool has_table = false;
  std::int64_t at = 0;
  for (unsigned count = 0; count < kBoxesMax; ++count) {
    const auto box = box_at(reader_, at);
    if (!box || !*box) {
      break;
    }
    has_table = has_table || (*box)->type == "moov" || (*box)->type == "moof";
    // A size of zero: to the end of the file.
    const std::int64_t end = (*box)->end == 0 ? reader_.bytes() : (*box)->end;
    if ((*box)->type == "mdat") {
      payload.push_back({(*box)->payload, std::min(end, reader_.bytes())});
    }
    if (end > reader_.bytes()) {
      missing_bytes_ = end - reader_.bytes();
      break;
    }
    at = end;
  }
  if (!has_table) {
    return fail(
        ErrorCode::kCorrupt,
        missing_bytes_ > 0
            ? "The file ends before its table of contents (moov): it was cut short while it "
              "was recorded or copied, and cannot be played"
            : "The file has no table of contents (moov) and cannot be played");
  }
  reader_.set_holes(std::move(payload));
  return {};
}

// Of a file that still arrives: where its table of contents is. Before the payload, or behind it
// in a part that came first.
Result<> Source::walk_to_table() {
  std::int64_t payload = -1;
  std::int64_t at = 0;
  for (unsigned count = 0; count < kBoxesMax; ++count) {
    reader_.be_patient(payload < 0);  // Behind it the end of the upload would be waited for.
    const auto box = box_at(reader_, at);
    reader_.be_patient(true);
    if (!box) {
      return fail(box.error());
    }
    if (!*box || (*box)->end == 0 || (*box)->type == "moof") {
      break;
    }
    if ((*box)->type == "moov") {
      return find_payload(**box, payload);
    }
    if ((*box)->type == "mdat" && payload < 0) {
      payload = (*box)->payload;
    }
    at = (*box)->end;
  }
  return fail(
      ErrorCode::kUnavailable,
      "The table of contents (moov) is not at the begin: the file is read when it is whole");
}

// The payload that the table `moov` tells of begins at `payload`, or behind it.
Result<> Source::find_payload(const Box& moov, std::int64_t payload) {
  const bool behind = payload < 0;
  one_go_ = behind;
  for (std::int64_t at = moov.payload; at < moov.end;) {
    const auto child = box_at(reader_, at);
    if (!child) {
      return fail(child.error());
    }
    if (!*child || (*child)->end == 0) {
      break;
    }
    by_table_ = (*child)->type != "mvex";  // More tables follow, one with each fragment.
    if (!by_table_) {
      return {};
    }
    at = (*child)->end;
  }
  for (std::int64_t at = moov.end; payload < 0;) {
    const auto box = box_at(reader_, at);
    if (!box) {
      return fail(box.error());
    }
    if (!*box || (*box)->type == "moof" || (*box)->end == 0) {
      by_table_ = false;
      return {};
    }
    payload = (*box)->type == "mdat" ? (*box)->payload : -1;
    at = (*box)->end;
  }
  // More than one box may hold payload: all of the file but the table.
  reader_.set_holes({{payload, behind ? INT64_MAX : moov.payload - 8}});
  reader_.skim_what_is_missing();
  return {};
}

Result<> Source::open_demuxer() {
  const AVInputFormat* demuxer = av_find_input_format(kind_.demuxer.c_str());
  if (demuxer == nullptr) {
    return fail(ErrorCode::kUnsupported, concat("libav here cannot read ", kind_.container));
  }
  format_ = avformat_alloc_context();
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kReadBufferBytes));
  io_ = avio_alloc_context(buffer, kReadBufferBytes, 0, &reader_, ByteReader::on_read, nullptr,
                           one_go_ ? nullptr : ByteReader::on_seek);
  if (format_ == nullptr || io_ == nullptr) {
    return fail(libav_error(AVERROR(ENOMEM), "demuxer"));
  }
  ByteReader::on_seek(&reader_, 0, SEEK_SET);
  format_->pb = io_;
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;
  if (kind_.demuxer == "mov") {
    // Its samples are whole and stamped; and parsers would not like the zeros of skimming.
    format_->flags |= AVFMT_FLAG_NOPARSE;
  }
  format_->io_open = refuse_open;
  format_->protocol_whitelist = av_strdup("none");
  format_->format_whitelist = av_strdup(demuxer->name);
  format_->codec_whitelist = av_strdup(decoder_allow_list().c_str());
  format_->max_streams = static_cast<int>(limits::kSourceStreamsMax);
  format_->probesize = kProbeBytes;
  format_->max_analyze_duration = kAnalyzeMicroseconds;
  // Names of chapters, time codes: what lies in the payload, and is not there, is not waited for.
  reader_.be_patient(!by_table_ || one_go_);
  int code = avformat_open_input(&format_, nullptr, demuxer, nullptr);
  reader_.be_patient(true);
  if (code < 0) {
    return fail(libav_error(
        code, concat("The file looks like ", kind_.container, " but cannot be read as one")));
  }
  code = avformat_find_stream_info(format_, nullptr);
  if (code < 0) {
    return fail(libav_error(code, "The streams of the file cannot be read"));
  }
  if (format_->nb_streams > limits::kSourceStreamsMax) {
    return fail(ErrorCode::kTooLarge,
                concat("The file has too many streams: ", format_->nb_streams));
  }
  return prepare_unpacking();
}

// MPEG-4 of DivX and XviD in AVI packs a B-picture behind the one that it refers to, in one packet,
// and has a packet without a picture where it would have been: from here on each has its own.
Result<> Source::prepare_unpacking() {
  unpackers_.resize(format_->nb_streams);
  const AVBitStreamFilter* kind = av_bsf_get_by_name("mpeg4_unpack_bframes");
  for (unsigned i = 0; i < format_->nb_streams && kind != nullptr; ++i) {
    AVStream& stream = *format_->streams[i];
    if (stream.codecpar->codec_id != AV_CODEC_ID_MPEG4) {
      continue;
    }
    AVBSFContext* made = nullptr;
    int code = av_bsf_alloc(kind, &made);
    PacketFilterPtr filter(made);
    if (code >= 0) code = avcodec_parameters_copy(filter->par_in, stream.codecpar);
    if (code >= 0) code = av_bsf_init(filter.get());
    // The decoder's configuration says whether they are packed.
    if (code >= 0) code = avcodec_parameters_copy(stream.codecpar, filter->par_out);
    if (code < 0) {
      return fail(libav_error(code, "The pictures of the file cannot be unpacked"));
    }
    unpackers_[i] = std::move(filter);
  }
  return {};
}

// A packet for a packet.
void Source::unpack(AVPacket& packet) noexcept {
  const auto index = static_cast<std::size_t>(packet.stream_index);
  AVBSFContext* const filter = index < unpackers_.size() ? unpackers_[index].get() : nullptr;
  if (filter == nullptr) {
    return;
  }
  const PacketPtr whole(av_packet_clone(&packet));
  const bool sent = av_bsf_send_packet(filter, &packet) >= 0;
  if (whole && (!sent || av_bsf_receive_packet(filter, &packet) < 0)) {
    av_packet_unref(&packet);
    av_packet_move_ref(&packet, whole.get());  // Damaged: as it is.
  }
}

// What follows comes from elsewhere in the file.
void Source::forget_place() noexcept {
  stamps_.fill(AV_NOPTS_VALUE);
  for (const PacketFilterPtr& filter : unpackers_) {
    if (filter != nullptr) av_bsf_flush(filter.get());
  }
}

void Source::keep_streams(std::initializer_list<int> indexes) noexcept {
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    const bool keep = std::ranges::find(indexes, static_cast<int>(i)) != indexes.end();
    format_->streams[i]->discard = keep ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
}

bool Source::read(AVPacket& packet) {
  for (unsigned damaged = 0; damaged < kDamagedReadsMax;) {
    av_packet_unref(&packet);
    const int code = av_read_frame(format_, &packet);
    if (code == AVERROR_EOF || (code < 0 && avio_feof(io_) != 0)) {
      return false;
    }
    if (code >= 0) {
      // Streams may appear while reading (MPEG-TS); those were never kept. And some Ogg files hold
      // as many empty packets of sound as others.
      if (has_stream(packet.stream_index) && stream(packet.stream_index).discard != AVDISCARD_ALL &&
          (packet.size > 0 ||
           stream(packet.stream_index).codecpar->codec_type != AVMEDIA_TYPE_AUDIO)) {
        unpack(packet);
        straighten(packet);
        return true;
      }
      continue;
    }
    if (code != AVERROR(EAGAIN)) {
      ++damaged_reads_;
    }
    ++damaged;
  }
  return false;
}

void Source::straighten(AVPacket& packet) noexcept {
  // Frames that share a PES packet have its place, which only the first one tells.
  std::int64_t& place = places_[static_cast<std::size_t>(packet.stream_index)];
  place = packet.pos >= 0 ? packet.pos : place;
  // A flipped bit in one of two stamps: the one nearer to the stream's last is believed. No picture
  // of a transport or program stream waits longer than a minute (ISO/IEC 13818-1 section 2.4.2.6).
  std::int64_t& last = stamps_[static_cast<std::size_t>(packet.stream_index)];
  if (seeks_by_byte() && packet.pts != AV_NOPTS_VALUE && packet.dts != AV_NOPTS_VALUE) {
    const AVRational base = stream(packet.stream_index).time_base;
    if (last != AV_NOPTS_VALUE &&
        std::abs(packet.pts - packet.dts) > av_rescale_q(kStampsApartTicks, kTickBase, base)) {
      const bool pts_is_near = std::abs(packet.pts - last) < std::abs(packet.dts - last);
      (pts_is_near ? packet.dts : packet.pts) = pts_is_near ? packet.pts : packet.dts;
    }
    last = packet.dts;
  }
  if (leaps_ == nullptr || leaps_->empty()) {
    return;
  }
  const auto after = std::ranges::upper_bound(*leaps_, place, {}, &ClockLeap::position);
  if (after == leaps_->begin()) {
    return;
  }
  const std::int64_t shift =
      av_rescale_q((after - 1)->shift_ticks, kTickBase, stream(packet.stream_index).time_base);
  packet.pts += packet.pts == AV_NOPTS_VALUE ? 0 : shift;
  packet.dts += packet.dts == AV_NOPTS_VALUE ? 0 : shift;
}

bool Source::seek_time(int stream_index, std::int64_t stamp) noexcept {
  forget_place();
  return av_seek_frame(format_, stream_index, stamp, AVSEEK_FLAG_BACKWARD) >= 0;
}

bool Source::seek_byte(std::int64_t position) noexcept {
  forget_place();
  return av_seek_frame(format_, -1, position, AVSEEK_FLAG_BYTE) >= 0;
}

bool Source::seeks_by_byte() const noexcept {
  return kind_.demuxer == "mpegts" || kind_.demuxer == "mpeg";
}

Result<> Source::reopen() {
  close();
  forget_place();
  reader_.skim(false);
  return open_demuxer();
}

void Source::rebind(const SourceFile& file) noexcept { reader_.set(file); }

}  // namespace sf::transcode

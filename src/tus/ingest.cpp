#include "ingest.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/metrics.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sf::tus {
namespace {

/// Between checkpoints of a fast body, however much it brings.
constexpr unsigned kCheckpointPauseMs = 100;
/// What a body must bring in its stall time-out: less is a stall too.
constexpr std::size_t kBodyFloorBytes = 8 * limits::kKiB;
constexpr std::size_t kAlign = limits::kDirectIoAlignment;

constexpr std::size_t round_down(std::size_t bytes) { return bytes / kAlign * kAlign; }
constexpr std::size_t round_up(std::size_t bytes) { return round_down(bytes + kAlign - 1); }

metrics::Counter& bytes_counter() {
  static auto& counter =
      metrics::counter("streamforge_upload_bytes_total", "Bytes of uploads received.");
  return counter;
}
metrics::Counter& spliced_counter() {
  static auto& counter = metrics::counter("streamforge_upload_spliced_bytes_total",
                                          "Those of them that went by way of a pipe.");
  return counter;
}
metrics::Counter& checkpoint_counter() {
  static auto& counter = metrics::counter("streamforge_upload_checkpoints_total",
                                          "Offsets made durable while their PATCH still ran.");
  return counter;
}

BodyEnd end_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kTimedOut:
      return BodyEnd::kStalled;
    case ErrorCode::kInvalidArgument:
      return BodyEnd::kMalformed;
    default:
      return BodyEnd::kPeerGone;
  }
}

}  // namespace

/// Where an upload rests between buffers: the last, unaligned block of the file, and room for the
/// first bytes after a pause. Aligned, so that it can be read with O_DIRECT.
class Ingest::Block {
 public:
  static constexpr std::size_t kFreshBytes = 12 * limits::kKiB;
  [[nodiscard]] MutableByteSpan tail() noexcept { return MutableByteSpan(bytes_).first(kAlign); }
  [[nodiscard]] MutableByteSpan fresh() noexcept { return MutableByteSpan(bytes_).subspan(kAlign); }

 private:
  alignas(kAlign) std::array<std::byte, kAlign + kFreshBytes> bytes_;
};

Ingest::Ingest(io::Reactor& reactor, store::Catalogue& catalogue, Ownership::Hold& hold, int file,
               IngestOrder order)
    : reactor_(reactor),
      catalogue_(catalogue),
      hold_(hold),
      file_(file),
      order_(std::move(order)),
      received_(order_.append.start),
      written_(received_),
      durable_(received_),
      length_told_(!order_.append.declares_length),
      buffer_at_(received_),
      splices_(order_.splice && !order_.append.checksum.any()),
      block_(std::make_unique_for_overwrite<Block>()),
      checkpoint_ms_(reactor.now_ms()) {
  if (order_.direct) {
    tail_bytes_ = static_cast<std::size_t>(received_ % kAlign);
    buffer_at_ -= tail_bytes_;
  }
  if (order_.append.checksum.any()) verifier_.emplace(order_.append.checksum);
}

Ingest::~Ingest() { hold_.on_let_go({}); }

io::Task<BodyEnd> Ingest::take(http::Request& request) {
  body_ = &request.body();
  hold_.on_let_go([this] { interrupt(); });
  stall_timer_.arm(reactor_.timers(), order_.stall_timeout_ms, [this] {
    stalled_ = true;
    interrupt();
  });
  auto loaded = co_await load_tail();
  if (!loaded) failure_ = std::move(loaded.error());
  std::optional<BodyEnd> end;
  while (!end) end = co_await step(request.body());
  stall_timer_.cancel();
  flush_timer_.cancel();
  hold_.on_let_go({});
  co_return *end;
}

/// O_DIRECT writes whole blocks: what the last one holds already must be written again with it.
io::Task<Result<>> Ingest::load_tail() {
  if (tail_bytes_ == 0) co_return {};
  const auto got = co_await reactor_.read_at(file_, block_->tail(), order_.at + buffer_at_);
  if (!got) co_return fail(got.error());
  if (*got < tail_bytes_) {
    co_return fail(ErrorCode::kCorrupt, concat("the file of upload ", order_.id,
                                               " is shorter than its acknowledged offset"));
  }
  co_return {};
}

std::optional<BodyEnd> Ingest::reason_to_end() const noexcept {
  if (failure_) {
    return failure_->code == ErrorCode::kNoSpace ? BodyEnd::kNoSpace : BodyEnd::kDiskFailed;
  }
  switch (hold_.let_go()) {
    case LetGo::kTakenOver:
      return BodyEnd::kTakenOver;
    case LetGo::kStopping:
      return BodyEnd::kStopping;
    case LetGo::kNo:
      break;
  }
  if (stalled_) return BodyEnd::kStalled;
  return std::nullopt;
}

/// One read and what follows from it; gives how the body ended once it has.
io::Task<std::optional<BodyEnd>> Ingest::step(http::Body& body) {
  if (const auto end = reason_to_end()) co_return end;
  if (body.finished()) co_return BodyEnd::kWhole;
  if (flush_due_) {
    flush_due_ = false;
    co_await hand_over();
    co_return std::nullopt;
  }
  const std::uint64_t room = order_.append.end_max - received_;
  const bool full = room == 0;  // Of a chunked body only the end may follow.
  MutableByteSpan into = buffer_ && !full ? buffer_.bytes().subspan(filled_) : block_->fresh();
  into =
      into.first(static_cast<std::size_t>(full ? 1 : std::min<std::uint64_t>(into.size(), room)));

  const auto got = co_await read(body, into);
  if (!got) {
    const bool ours = got.error().code == ErrorCode::kCancelled && interrupted_;
    interrupted_ = false;
    co_return ours ? std::nullopt : std::optional(end_of(got.error()));
  }
  if (*got == 0) co_return BodyEnd::kWhole;
  if (full) co_return BodyEnd::kOverrun;
  took(into.first(*got));
  if (buffer_) {
    filled_ += *got;
  } else {
    co_await begin_buffer(*got);
  }
  if (is_due(body)) {
    co_await hand_over();
    // More is likely to be waiting; if not, the flush timer gives the buffer back.
    buffer_ = reactor_.staging().try_acquire();
    if (buffer_) arm_flush_timer();
    if (buffer_ && splices_ && body.can_splice()) begin_pipe();
  }
  co_return std::nullopt;
}

/// Whether what has been filled is to be written: there is no more room, or what follows can be
/// spliced.
bool Ingest::is_due(const http::Body& body) const {
  if (filled_ == buffer_.bytes().size()) return true;
  return pipe_ ? pipe_->full() : splices_ && body.can_splice();
}

void Ingest::begin_pipe() {
  auto made = io::Pipe::make();
  splices_ = made.has_value();
  if (made) pipe_.emplace(std::move(*made));
}

io::Task<Result<std::size_t>> Ingest::read(http::Body& body, MutableByteSpan into) {
  reading_ = true;
  // Bytes for the staging buffer are waited for together: the flush timer ends that wait.
  auto receive = pipe_     ? body.splice(*pipe_, into.size())
                 : buffer_ ? body.fill(into)
                           : body.read_into(into);
  auto got = co_await std::move(receive);
  reading_ = false;
  co_return got;
}

void Ingest::took(ByteSpan bytes) {
  received_ += bytes.size();
  // A trickle is a stall too: it would hold its upload, and a place, for as long as it likes. A bad
  // mobile line is far above the floor, and keeps what came even so.
  since_rearmed_ += bytes.size();
  if (since_rearmed_ >= kBodyFloorBytes) {
    since_rearmed_ = 0;
    stall_timer_.rearm(order_.stall_timeout_ms);
  }
  if (verifier_) verifier_->update(bytes);
  bytes_counter().add(bytes.size());
  if (pipe_) spliced_counter().add(bytes.size());
}

/// Moves what rests in the block, `fresh_bytes` of it just read, into a staging buffer.
io::Task<void> Ingest::begin_buffer(std::size_t fresh_bytes) {
  buffer_ = co_await reactor_.staging().acquire();
  std::memcpy(buffer_.bytes().data(), block_->tail().data(), tail_bytes_);
  std::memcpy(buffer_.bytes().data() + tail_bytes_, block_->fresh().data(), fresh_bytes);
  filled_ = tail_bytes_ + fresh_bytes;
  arm_flush_timer();
}

void Ingest::arm_flush_timer() {
  flush_timer_.arm(reactor_.timers(), limits::kCheckpointMs, [this] {
    flush_due_ = true;
    interrupt();
  });
}

/// Gives the buffer, full or not, to the writer as soon as that is free. With O_DIRECT an unaligned
/// end stays behind in the block too, to be written again with what follows it.
io::Task<void> Ingest::hand_over() {
  flush_timer_.cancel();
  co_await writing_.landed();
  if (!buffer_) co_return;
  io::StagingBuffer buffer = std::move(buffer_);
  std::optional<io::Pipe> pipe = std::exchange(pipe_, std::nullopt);
  if (failure_ || filled_ == tail_bytes_) co_return;
  const std::uint64_t at = buffer_at_;
  const std::size_t bytes = filled_;
  const std::size_t whole = order_.direct ? round_down(bytes) : bytes;
  tail_bytes_ = bytes - whole;
  std::memcpy(block_->tail().data(), buffer.bytes().data() + whole, tail_bytes_);
  buffer_at_ += whole;
  filled_ = 0;
  writing_.take_off();
  reactor_.spawn(write_out(std::move(buffer), std::move(pipe), at, bytes));
}

io::Task<void> Ingest::write_out(io::StagingBuffer buffer, std::optional<io::Pipe> pipe,
                                 std::uint64_t at, std::size_t bytes) {
  const std::size_t padded = order_.direct ? round_up(bytes) : bytes;
  std::memset(buffer.bytes().data() + bytes, 0, padded - bytes);
  const ByteSpan from = buffer.bytes().first(padded);
  auto write = pipe ? reactor_.splice_all_at(file_, *pipe, bytes, order_.at + at)
                    : reactor_.write_all_at(file_, from, order_.at + at);
  auto wrote = co_await std::move(write);
  pipe.reset();
  buffer = {};
  if (wrote) {
    written_ = at + bytes;
    checkpoint_if_due();
  } else {
    give_up(std::move(wrote.error()));
  }
  writing_.land();
}

void Ingest::checkpoint_if_due() {
  if (settling_ || !order_.append.acknowledges_early || checkpointing_.running()) return;
  if (written_ == durable_) return;
  const std::uint64_t since_ms = reactor_.now_ms() - checkpoint_ms_;
  const bool many = written_ - durable_ >= limits::kCheckpointBytes;
  const std::uint64_t pause_ms = many ? kCheckpointPauseMs : limits::kCheckpointMs;
  if (since_ms < pause_ms) {  // And should nothing more come, then without it.
    arm_checkpoint_timer(static_cast<std::uint32_t>(pause_ms - since_ms));
    return;
  }
  checkpointing_.take_off();
  reactor_.spawn(checkpoint(written_));
}

io::Task<void> Ingest::checkpoint(std::uint64_t end) {
  auto made = co_await make_durable(end);
  if (!made) {
    give_up(std::move(made.error()));
  } else if (order_.on_checkpoint) {
    order_.on_checkpoint(end);
  }
  checkpoint_ms_ = reactor_.now_ms();
  checkpoint_counter().add();
  arm_checkpoint_timer(kCheckpointPauseMs);  // For what was written meanwhile.
  checkpointing_.land();
}

void Ingest::arm_checkpoint_timer(std::uint32_t ms) {
  if (settling_ || failure_) return;
  checkpoint_timer_.arm(reactor_.timers(), ms, [this] { checkpoint_if_due(); });
}

io::Task<Result<>> Ingest::make_durable(std::uint64_t end) {
  if (end > durable_) {
    const auto synced = co_await reactor_.sync_data(file_);
    if (!synced) co_return fail(synced.error());
  }
  const auto declared =
      length_told_ ? std::optional<std::uint64_t>() : order_.append.declares_length;
  auto told = co_await catalogue_.advance_upload(order_.id, end, declared);
  if (!told) co_return fail(std::move(told.error()));
  durable_ = end;
  length_told_ = true;
  co_return {};
}

io::Task<Result<>> Ingest::settle() {
  settling_ = true;
  checkpoint_timer_.cancel();
  co_await hand_over();
  co_await writing_.landed();
  co_await checkpointing_.landed();
  Result<> made;
  if (written_ > durable_ || !length_told_) made = co_await make_durable(written_);
  if (failure_) co_return fail(*failure_);
  co_return made;
}

io::Task<void> Ingest::abandon() {
  settling_ = true;
  checkpoint_timer_.cancel();
  buffer_ = {};
  pipe_.reset();
  co_await writing_.landed();
  co_await checkpointing_.landed();
}

ChecksumVerdict Ingest::judge(const http::Body& body) {
  return verifier_ ? verifier_->judge(body.trailers().get("Upload-Checksum"))
                   : ChecksumVerdict::kMatches;
}

void Ingest::give_up(Error error) {
  if (!failure_) failure_ = std::move(error);
  interrupt();
}

/// Ends the read in flight, so that `step` looks up. Nothing of the body is lost by it.
void Ingest::interrupt() {
  if (!reading_ || !body_) return;
  interrupted_ = true;
  body_->interrupt_read();
}

}  // namespace sf::tus

#pragma once

/// The way of a body to disk: socket → staging buffer → O_DIRECT write at an explicit offset while
/// the next buffer fills → sync → catalogue. At most two staging buffers are out per body, and none
/// while it is idle: a partly filled buffer is written out after limits::kCheckpointMs, and what
/// comes after a pause is first read into a small block. No free buffer means nothing is read, and
/// TCP slows the sender. A pipe may fill in the place of a buffer, which it holds for its time: all
/// of this is true of spliced bodies too.

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/http/message.hpp>
#include <streamforge/io/pipe.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/staging.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/store/catalogue.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "checksum.hpp"
#include "flight.hpp"
#include "ownership.hpp"
#include "protocol.hpp"

namespace sf::tus {

struct IngestOrder {
  std::string id;
  Append append;
  bool direct = false;  ///< The file was opened with O_DIRECT.
  bool splice = false;  ///< By way of a pipe, where nobody has to look at the bytes; not `direct`.
  std::uint32_t stall_timeout_ms = 60'000;
  std::uint64_t at = 0;  ///< Where in the file the upload begins; aligned with O_DIRECT.
  /// Told the offset of each checkpoint; outlives the ingest and does not wait.
  std::function<void(std::uint64_t)> on_checkpoint = {};
};

/// One body's ingest; lives in its request's coroutine, on one reactor. Whoever has called `take`
/// calls `settle` or `abandon` before the end.
class Ingest {
 public:
  /// `file` is the upload's, open for reading and writing; `hold` is held throughout.
  Ingest(io::Reactor& reactor, store::Catalogue& catalogue, Ownership::Hold& hold, int file,
         IngestOrder order);
  Ingest(const Ingest&) = delete;
  ~Ingest();

  /// Takes the body to its end, or to whatever ends it earlier.
  io::Task<BodyEnd> take(http::Request& request);
  /// Writes and syncs what was received and tells the catalogue; after success `durable` is all of
  /// it. After a failure (kNoSpace, kIo) what had been written before is durable and told.
  io::Task<Result<>> settle();
  /// Awaits what is in flight and forgets the rest: nothing more is acknowledged.
  io::Task<void> abandon();

  /// End of what was received.
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  /// End of what is synced and in the catalogue.
  [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
  /// Of the body just taken.
  [[nodiscard]] ChecksumVerdict judge(const http::Body& body);

 private:
  class Block;

  [[nodiscard]] std::optional<BodyEnd> reason_to_end() const noexcept;
  io::Task<Result<>> load_tail();
  io::Task<std::optional<BodyEnd>> step(http::Body& body);
  io::Task<Result<std::size_t>> read(http::Body& body, MutableByteSpan into);
  io::Task<void> begin_buffer(std::size_t fresh_bytes);
  void took(ByteSpan bytes);
  void begin_pipe();
  [[nodiscard]] bool is_due(const http::Body& body) const;
  io::Task<void> hand_over();
  io::Task<void> write_out(io::StagingBuffer buffer, std::optional<io::Pipe> pipe, std::uint64_t at,
                           std::size_t bytes);
  void checkpoint_if_due();
  void arm_checkpoint_timer(std::uint32_t ms);
  io::Task<void> checkpoint(std::uint64_t end);
  io::Task<Result<>> make_durable(std::uint64_t end);
  void arm_flush_timer();
  void give_up(Error error);
  void interrupt();

  io::Reactor& reactor_;
  store::Catalogue& catalogue_;
  Ownership::Hold& hold_;
  const int file_;
  const IngestOrder order_;

  // Positions in the file, each at most the one before.
  std::uint64_t received_;
  std::uint64_t written_;
  std::uint64_t durable_;
  bool length_told_;  ///< A length declared with this body is in the catalogue.

  // The buffer being filled: it begins at `buffer_at_`, a multiple of the alignment with O_DIRECT.
  io::StagingBuffer buffer_;
  std::uint64_t buffer_at_;
  std::size_t filled_ = 0;
  /// Fills in the place of `buffer_`, which is then only the leave to have so much under way.
  std::optional<io::Pipe> pipe_;
  bool splices_;  ///< Still: it ends when no pipe is to be had.
  /// Between buffers: the bytes from `buffer_at_` to `received_`, then room for the next few.
  std::unique_ptr<Block> block_;
  std::size_t tail_bytes_ = 0;

  Flight writing_;
  Flight checkpointing_;
  std::uint64_t checkpoint_ms_;
  bool settling_ = false;
  std::optional<Error> failure_;
  std::optional<ChecksumVerifier> verifier_;

  // While `take` runs.
  http::Body* body_ = nullptr;
  bool reading_ = false;
  bool interrupted_ = false;
  bool flush_due_ = false;
  bool stalled_ = false;
  std::size_t since_rearmed_ = 0;  ///< Bytes since the stall timer was set.
  io::Timer flush_timer_;
  io::Timer checkpoint_timer_;
  io::Timer stall_timer_;
};

}  // namespace sf::tus

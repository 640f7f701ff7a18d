#pragma once

/// Frames on their way out, as many as the socket is likely to take. Heads and small bodies are
/// gathered here; bodies from files are only named, and are read to their places between the heads
/// when the batch is made: the buffer that holds them all is what is encrypted or sent. One
/// reactor's thread.

#include <streamforge/io/file_bytes.hpp>

#include <memory>
#include <span>
#include <vector>

#include "http2_source.hpp"

namespace sf::http {

class Http2Output {
 public:
  static constexpr std::size_t kHeadBytes = 9;  ///< RFC 9113 section 4.1.
  /// Of a DATA frame: with its head it is one record of TLS.
  static constexpr std::size_t kPayloadBytes = 16 * 1024 - kHeadBytes;

  /// Of a new batch; the one before is empty.
  void begin(std::size_t bytes_max) noexcept { bytes_max_ = bytes_max; }
  void add(ByteSpan frames);
  /// A DATA frame: its head, then `bytes` of the piece's begin.
  void add(ByteSpan head, const Http2Source::Piece& piece, std::size_t bytes);
  /// Whether another frame may be too much.
  [[nodiscard]] bool full() const noexcept {
    return total_ > 0 && total_ + kHeadBytes + kPayloadBytes > bytes_max_;
  }
  [[nodiscard]] bool empty() const noexcept { return total_ == 0; }
  [[nodiscard]] bool has_files() const noexcept { return !files_.empty(); }

  /// Of a batch without files: all of it.
  [[nodiscard]] ByteSpan bytes() const noexcept { return gathered_; }
  /// Of a batch with files: what is to be read, and then, into what it was read to, the rest.
  [[nodiscard]] std::span<const io::FilePiece> pieces() const noexcept { return pieces_; }
  void fill(MutableByteSpan read) const noexcept;

  /// It has been given to the connection.
  void clear() noexcept;
  /// Gives back what an idle connection need not hold.
  void release_memory() noexcept { *this = Http2Output(); }

 private:
  std::vector<std::byte> gathered_;
  std::vector<io::FilePiece> pieces_;
  std::vector<std::shared_ptr<const UniqueFd>> files_;  ///< Their owners may leave meanwhile.
  std::size_t total_ = 0;
  std::size_t bytes_max_ = 0;
};

}  // namespace sf::http

#pragma once

/// What `Reactor::read_to_send` gives: bytes of files in one of the reactor's few buffers.
/// Move-only; the buffer goes back when it is destroyed. Reactor's thread only.

#include <streamforge/base/bytes.hpp>

#include <cstdint>
#include <utility>

namespace sf::io {

class FileBuffers;

/// A part of what is to be read, and where it ends up: right behind the part before it.
struct FilePiece {
  int file = -1;  ///< None: room that the caller fills.
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
};

class FileBytes {
 public:
  FileBytes() noexcept = default;
  FileBytes(FileBytes&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_), bytes_(other.bytes_) {}
  FileBytes& operator=(FileBytes&&) = delete;
  ~FileBytes();

  [[nodiscard]] MutableByteSpan bytes() const noexcept { return bytes_; }

 private:
  friend class FileBuffers;
  FileBytes(FileBuffers& pool, unsigned index) noexcept : pool_(&pool), index_(index) {}
  FileBuffers* pool_ = nullptr;
  unsigned index_ = 0;
  MutableByteSpan bytes_;
};

}  // namespace sf::io

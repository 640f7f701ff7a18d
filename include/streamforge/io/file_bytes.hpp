#pragma once

/// What `Reactor::read_to_send` gives: bytes of a file in one of the reactor's few buffers.
/// Move-only; the buffer goes back when it is destroyed. Reactor's thread only.

#include <streamforge/base/bytes.hpp>

#include <utility>

namespace sf::io {

class FileBuffers;

class FileBytes {
 public:
  FileBytes() noexcept = default;
  FileBytes(FileBytes&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_), bytes_(other.bytes_) {}
  FileBytes& operator=(FileBytes&&) = delete;
  ~FileBytes();

  [[nodiscard]] ByteSpan bytes() const noexcept { return bytes_; }

 private:
  friend class FileBuffers;
  FileBytes(FileBuffers& pool, unsigned index) noexcept : pool_(&pool), index_(index) {}
  FileBuffers* pool_ = nullptr;
  unsigned index_ = 0;
  ByteSpan bytes_;
};

}  // namespace sf::io

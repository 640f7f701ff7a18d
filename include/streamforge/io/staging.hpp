#pragma once

/// Staging buffers for ingest: 1 MiB each, 4 KiB-aligned, in huge pages when the kernel gives them,
/// registered with the ring when memlock allows. A capped pool per reactor is what bounds the
/// memory of uploads: no buffer means the receive is not issued, and TCP slows the sender.

#include <streamforge/base/bytes.hpp>
#include <streamforge/io/task.hpp>

#include <memory>

namespace sf::io {

class StagingPool;

/// One staging buffer; move-only, goes back to its pool when destroyed. Reactor's thread only.
class StagingBuffer {
 public:
  StagingBuffer() noexcept = default;
  StagingBuffer(StagingBuffer&& other) noexcept;
  StagingBuffer& operator=(StagingBuffer&& other) noexcept;
  ~StagingBuffer();
  [[nodiscard]] explicit operator bool() const noexcept { return pool_ != nullptr; }
  /// All of it: limits::kStagingBufferBytes, aligned to limits::kDirectIoAlignment. Reads and
  /// writes of the reactor inside this range use the registered buffer by themselves.
  [[nodiscard]] MutableByteSpan bytes() const noexcept;

 private:
  friend class StagingPool;
  StagingPool* pool_ = nullptr;
  unsigned index_ = 0;
};

class StagingPool {
 public:
  explicit StagingPool(std::size_t bytes);
  ~StagingPool();  ///< Asserts that every buffer came back.
  StagingPool(const StagingPool&) = delete;

  /// A buffer, waiting in line (first come, first served) when all are out.
  Task<StagingBuffer> acquire();
  /// A buffer now, or an empty one.
  [[nodiscard]] StagingBuffer try_acquire() noexcept;

  [[nodiscard]] unsigned capacity() const noexcept;
  [[nodiscard]] unsigned in_use() const noexcept;
  [[nodiscard]] bool huge_pages() const noexcept;
  /// The whole range, for registration by the backend; -1 or the buffer's index for `address`.
  [[nodiscard]] MutableByteSpan range() const noexcept;

 private:
  struct Impl;
  friend class StagingBuffer;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::io

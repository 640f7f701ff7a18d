#pragma once

#include "memory.hpp"

#include <streamforge/io/file_bytes.hpp>
#include <streamforge/io/task.hpp>

#include <coroutine>
#include <vector>

namespace sf::io {

/// The few buffers through which a reactor sends files. Held only between a read and the send_now
/// (or the encryption) that follows, so a wait for one is as short as a disk read. Reactor's
/// thread.
class FileBuffers {
 public:
  FileBuffers();
  FileBuffers(const FileBuffers&) = delete;
  ~FileBuffers();

  /// Move-only; back to the pool when destroyed.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    [[nodiscard]] MutableByteSpan bytes() const noexcept;

   private:
    friend class FileBuffers;
    Lease(FileBuffers* pool, unsigned index) noexcept : pool_(pool), index_(index) {}
    FileBuffers* pool_;
    unsigned index_;
  };

  /// First come, first served.
  Task<Lease> acquire();
  /// `bytes` of a leased buffer, for others to hold.
  [[nodiscard]] static FileBytes lend(Lease lease, MutableByteSpan bytes) noexcept;
  [[nodiscard]] MutableByteSpan range() const noexcept { return memory_.bytes(); }

 private:
  friend class FileBytes;
  struct Waiter;
  void give_back(unsigned index);

  HugeMemory memory_;
  std::vector<unsigned> free_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace sf::io

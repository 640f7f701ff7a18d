#pragma once

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/base/limits.hpp>

namespace sf::io {

/// The memory of a reactor's receive buffers and how many are out. Which one is filled next is the
/// backend's affair. Pages are taken on first use.
class RecvBuffers {
 public:
  static Result<RecvBuffers> allocate();
  RecvBuffers(RecvBuffers&& other) noexcept;
  RecvBuffers& operator=(RecvBuffers&&) = delete;
  ~RecvBuffers();

  [[nodiscard]] MutableByteSpan bytes(std::uint32_t id) const noexcept {
    return {memory_ + id * limits::kRecvBufferBytes, limits::kRecvBufferBytes};
  }
  [[nodiscard]] unsigned free() const noexcept { return free_; }
  [[nodiscard]] bool few() const noexcept { return free_ < limits::kRecvBuffers / 2; }
  void took() noexcept { --free_; }
  void gave() noexcept { ++free_; }

 private:
  explicit RecvBuffers(std::byte* memory) noexcept : memory_(memory) {}
  std::byte* memory_;
  unsigned free_ = limits::kRecvBuffers;
};

}  // namespace sf::io

#pragma once

#include <streamforge/base/bytes.hpp>

namespace sf::io {

/// Anonymous memory, aligned to a huge page: from the reserved ones when there are enough, else
/// with the kernel asked to make huge ones as they are touched. Asserts when there is no address
/// space.
class HugeMemory {
 public:
  explicit HugeMemory(std::size_t bytes);
  HugeMemory(const HugeMemory&) = delete;
  ~HugeMemory();

  [[nodiscard]] MutableByteSpan bytes() const noexcept { return bytes_; }
  /// Whether huge pages were given or may come.
  [[nodiscard]] bool huge() const noexcept { return huge_; }

 private:
  std::byte* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  MutableByteSpan bytes_;
  bool huge_ = false;
};

}  // namespace sf::io

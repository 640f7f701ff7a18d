#include "memory.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <sys/mman.h>

namespace sf::io {

namespace {
constexpr std::size_t kHugePageBytes = 2 * limits::kMiB;

std::byte* map(std::size_t bytes, int flags) noexcept {
  void* address =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  return address == MAP_FAILED ? nullptr : static_cast<std::byte*>(address);
}
}  // namespace

HugeMemory::HugeMemory(std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t whole = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  mapped_ = map(whole, MAP_HUGETLB);
  mapped_bytes_ = whole;
  huge_ = mapped_ != nullptr;
  std::byte* begin = mapped_;
  if (!mapped_) {
    mapped_bytes_ = whole + kHugePageBytes;  // Room to align by hand.
    mapped_ = map(mapped_bytes_, MAP_NORESERVE);
    SF_ASSERT(mapped_);
    const auto address = reinterpret_cast<std::uintptr_t>(mapped_);
    begin = mapped_ + (kHugePageBytes - address % kHugePageBytes) % kHugePageBytes;
    huge_ = ::madvise(begin, whole, MADV_HUGEPAGE) == 0;
  }
  bytes_ = {begin, bytes};
}

HugeMemory::~HugeMemory() {
  if (mapped_) ::munmap(mapped_, mapped_bytes_);
}

}  // namespace sf::io

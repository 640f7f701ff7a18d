#include "part_plan.hpp"

#include <streamforge/base/limits.hpp>

#include <algorithm>

namespace sf::tus {
namespace {

constexpr std::uint64_t kBlockBytes = 4096;
/// Small enough that what has arrived grows from the head on, large enough that the two requests of
/// a part cost nothing beside its bytes, and creations stay below an account's limit.
constexpr std::uint64_t kPartBytesAim = 16 * limits::kMiB;
/// A film plays from its head on while it arrives: that comes in small parts, each a quarter of
/// what is before it.
constexpr std::uint64_t kHeadPartBytes = limits::kMiB;
constexpr std::uint64_t kHeadPartShare = 4;
/// A server takes 256; resuming asks for each.
constexpr std::uint64_t kPartsMax = 128;
constexpr std::uint64_t kInPartsFromBytes = 16 * limits::kMiB;
/// With its index at the end a file is worth parts earlier: its tail can go first.
constexpr std::uint64_t kTailFirstFromBytes = 4 * limits::kMiB;
/// Boxes before `moov`, of which any file has a handful.
constexpr unsigned kBoxesMax = 256;

constexpr std::uint64_t floor_to_block(std::uint64_t at) { return at / kBlockBytes * kBlockBytes; }
constexpr std::uint64_t ceil_to_block(std::uint64_t at) {
  return floor_to_block(at + kBlockBytes - 1);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

struct Box {
  std::string type;
  std::uint64_t bytes = 0;
};

/// The head of the box at `at` (ISO/IEC 14496-12, 4.2): a size of 1 stands for a 64-bit one behind
/// the type, 0 for all that is left.
std::optional<Box> read_box(const ReadAt& read, std::uint64_t at, std::uint64_t total) {
  const auto head = read(at, 16);
  if (!head || head->size() < 8) return std::nullopt;
  std::uint64_t bytes = big_endian(std::string_view(*head).substr(0, 4));
  std::uint64_t bytes_min = 8;
  if (bytes == 0) bytes = total - at;
  if (bytes == 1) {
    if (head->size() < 16) return std::nullopt;
    bytes = big_endian(std::string_view(*head).substr(8));
    bytes_min = 16;
  }
  if (bytes < bytes_min || bytes > total - at) return std::nullopt;
  return Box{head->substr(4, 4), bytes};
}

}  // namespace

std::optional<ByteRange> late_index(const ReadAt& read, std::uint64_t total) {
  bool behind_media = false;
  std::uint64_t at = 0;
  for (unsigned count = 0; count < kBoxesMax && at < total; ++count) {
    const auto box = read_box(read, at, total);
    if (!box) return std::nullopt;
    if (box->type == "moov") {
      if (!behind_media) return std::nullopt;
      return ByteRange{at, at + box->bytes};
    }
    behind_media = behind_media || box->type == "mdat";
    at += box->bytes;
  }
  return std::nullopt;
}

std::vector<ByteRange> plan_parts(std::uint64_t total, std::optional<ByteRange> first,
                                  unsigned connections) {
  if (total < (first ? kTailFirstFromBytes : kInPartsFromBytes)) return {};
  // But for the head, as many for each connection, so that none is left alone with the last ones.
  const std::uint64_t each_max = std::max<std::uint64_t>(kPartsMax / connections, 1);
  const std::uint64_t each = std::min(total / (kPartBytesAim * connections) + 1, each_max);
  const std::uint64_t step = ceil_to_block(total / (each * connections) + 1);
  const std::uint64_t first_at = first ? floor_to_block(first->begin) : total;
  std::vector<ByteRange> parts;
  std::size_t leader = 0;
  for (std::uint64_t at = 0; at < total;) {
    const std::uint64_t small = std::max(kHeadPartBytes, ceil_to_block(at / kHeadPartShare));
    std::uint64_t end = at + std::min(step, small);
    if (at < first_at) end = std::min(end, first_at);
    if (at == first_at) {
      end = std::max(end, ceil_to_block(first->end));
      leader = parts.size();
    }
    // A crumb at the end goes with what is before it.
    if (end != first_at && end + kBlockBytes > total) end = total;
    parts.push_back({at, end});
    at = end;
  }
  std::rotate(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(leader),
              parts.begin() + static_cast<std::ptrdiff_t>(leader) + 1);
  return parts;
}

}  // namespace sf::tus

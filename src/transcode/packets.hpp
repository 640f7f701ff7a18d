#pragma once

/// The picture's packets of a source in decode order, from any keyframe of its index on, not
/// decoded. One thread; kept between tasks on the same source.

#include "source.hpp"

#include <cstdint>
#include <memory>

namespace sf::transcode {

class PacketReader {
 public:
  /// Keeps a reference to `plan`, which must outlive the reader.
  static Result<std::unique_ptr<PacketReader>> open(const SourceFile& file, const Plan& plan);

  /// Goes to a keyframe (or to the first packet): `entry` of the plan's index. The next `read`
  /// gives it.
  Result<> go_to(std::size_t entry);
  /// The next packet of the picture; false at the end.
  [[nodiscard]] bool read(AVPacket& packet);

  [[nodiscard]] AVStream& stream() noexcept { return source_->stream(plan_->index.video->stream); }
  void rebind(const SourceFile& file) noexcept { source_->rebind(file); }

 private:
  PacketReader() = default;
  bool position(std::size_t key);
  bool find(const PacketEntry& wanted);
  [[nodiscard]] bool is(const AVPacket& packet, const PacketEntry& entry) const noexcept;

  const Plan* plan_ = nullptr;
  std::unique_ptr<Source> source_;
  PacketPtr packet_ = new_packet();  // Found by `go_to`.
  bool ready_ = false;
};

/// Entries of `packets` at which decoding may begin, the first one always among them.
[[nodiscard]] std::vector<std::size_t> key_entries(const std::vector<PacketEntry>& packets);

}  // namespace sf::transcode

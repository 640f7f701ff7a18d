#include "http2_source.hpp"

namespace sf::http {

void Http2Source::add(ByteSpan memory) {
  if (!memory.empty()) pieces_.push_back({memory.size(), memory.data(), nullptr, 0});
}

void Http2Source::add(const FileSlice& slice) {
  if (slice.bytes > 0) pieces_.push_back({slice.bytes, nullptr, &slice.file, slice.offset});
}

void Http2Source::open(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) {
    add(as_bytes(*text));
  } else if (const auto* shared = std::get_if<SharedBytes>(&response.body)) {
    add(shared->bytes);
  } else if (const auto* slice = std::get_if<FileSlice>(&response.body)) {
    add(*slice);
  } else if (const auto* slices = std::get_if<std::vector<FileSlice>>(&response.body)) {
    std::size_t head = 0;
    for (const FileSlice& each : *slices) {
      if (head < response.part_heads.size()) add(as_bytes(response.part_heads[head++]));
      add(each);
    }
    while (head < response.part_heads.size()) add(as_bytes(response.part_heads[head++]));
  } else {
    open_ended_ = std::holds_alternative<BodyProducer>(response.body);
  }
}

void Http2Source::push(ByteSpan bytes) {
  pieces_.clear();
  next_ = 0;
  add(bytes);
}

void Http2Source::take(std::uint64_t bytes) noexcept {
  Piece& piece = pieces_[next_];
  piece.bytes -= bytes;
  piece.offset += bytes;
  if (piece.memory) piece.memory += bytes;
  if (piece.bytes == 0) ++next_;
}

}  // namespace sf::http

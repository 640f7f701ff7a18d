#include "http2_output.hpp"

#include <cstring>

namespace sf::http {

void Http2Output::add(ByteSpan frames) {
  gathered_.insert(gathered_.end(), frames.begin(), frames.end());
  total_ += frames.size();
  if (pieces_.empty() || pieces_.back().file >= 0) pieces_.emplace_back();
  pieces_.back().bytes += frames.size();
}

void Http2Output::add(ByteSpan head, const Http2Source::Piece& piece, std::size_t bytes) {
  add(head);
  if (piece.memory) return add(ByteSpan(piece.memory, bytes));
  const auto& file = *piece.file;
  if (files_.empty() || files_.back() != file) files_.push_back(file);
  pieces_.push_back({file->get(), piece.offset, bytes});
  total_ += bytes;
}

void Http2Output::fill(MutableByteSpan read) const noexcept {
  const std::byte* from = gathered_.data();
  std::byte* to = read.data();
  for (const io::FilePiece& piece : pieces_) {
    if (piece.file < 0) {
      std::memcpy(to, from, piece.bytes);
      from += piece.bytes;
    }
    to += piece.bytes;
  }
}

void Http2Output::clear() noexcept {
  gathered_.clear();
  pieces_.clear();
  files_.clear();
  total_ = 0;
}

}  // namespace sf::http

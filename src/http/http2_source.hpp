#pragma once

/// The bytes of one answer, piece by piece: memory or files, and what a BodyProducer gives. Names
/// bytes and never touches them. One reactor's thread.

#include <streamforge/http/message.hpp>

#include <vector>

namespace sf::http {

class Http2Source {
 public:
  struct Piece {
    std::uint64_t bytes = 0;
    const std::byte* memory = nullptr;
    const std::shared_ptr<const UniqueFd>* file = nullptr;  ///< When there is no memory.
    std::uint64_t offset = 0;
  };

  /// All of the body of `response`, which must outlive this; of a BodyProducer what will be pushed.
  void open(const Response& response);
  /// A producer's next bytes; they must stay until `drained`.
  void push(ByteSpan bytes);
  /// A producer's end.
  void close() noexcept { open_ended_ = false; }

  /// Nothing is left to send for now.
  [[nodiscard]] bool drained() const noexcept { return next_ == pieces_.size(); }
  /// Nothing is left to send at all.
  [[nodiscard]] bool ended() const noexcept { return drained() && !open_ended_; }
  /// Unless drained.
  [[nodiscard]] const Piece& front() const noexcept { return pieces_[next_]; }
  /// Whether `bytes` of the front are the last.
  [[nodiscard]] bool ends_after(std::uint64_t bytes) const noexcept {
    return !open_ended_ && next_ + 1 == pieces_.size() && front().bytes == bytes;
  }
  void take(std::uint64_t bytes) noexcept;

 private:
  void add(ByteSpan memory);
  void add(const FileSlice& slice);

  std::vector<Piece> pieces_;  ///< None is empty.
  std::size_t next_ = 0;
  bool open_ended_ = false;
};

}  // namespace sf::http

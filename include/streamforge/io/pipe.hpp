#pragma once

/// A kernel pipe: bytes on their way from a socket to a file that no program looks at. Move-only,
/// one reactor's thread at a time; what it still holds goes with it.

#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <utility>

namespace sf::io {

class Pipe {
 public:
  /// Room for limits::kStagingBufferBytes. Fails when there are no descriptors left
  /// (kUnavailable), or a user without privileges has all the pipes that are allowed (kIo).
  [[nodiscard]] static Result<Pipe> make();

  /// Whether it takes nothing more. It counts pieces, not bytes, and a packet may be a piece, so
  /// that it can be full long before its bytes are. Not while somebody reads it: that may block.
  [[nodiscard]] bool full() const noexcept;

  [[nodiscard]] int write_end() const noexcept { return write_end_.get(); }
  [[nodiscard]] int read_end() const noexcept { return read_end_.get(); }

 private:
  Pipe(UniqueFd read_end, UniqueFd write_end) noexcept
      : read_end_(std::move(read_end)), write_end_(std::move(write_end)) {}
  UniqueFd read_end_;
  UniqueFd write_end_;
};

}  // namespace sf::io

#pragma once

/// What stands between the pieces of a chunked body (sizes, extensions, CRLFs, trailers), looked at
/// byte by byte: lines end in CRLF, nothing is folded, no control characters, and there is not more
/// of it than a limit. llhttp decodes; this refuses what its versions are lenient about.

#include <cstddef>
#include <span>

namespace sf::http {

class FramingGuard {
 public:
  /// False when a byte may not be there.
  [[nodiscard]] bool accept(std::span<const char> framing) noexcept;
  /// A piece of the body lies before the next framing byte.
  void skip_data() noexcept { run_ = 0; }
  /// Framing bytes since the last piece of the body.
  [[nodiscard]] std::size_t run() const noexcept { return run_; }

 private:
  bool after_cr_ = false;
  bool at_line_start_ = true;
  std::size_t run_ = 0;
};

}  // namespace sf::http

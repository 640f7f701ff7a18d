#pragma once

#include <optional>

#include "inbound.hpp"
#include "server_state.hpp"

namespace sf::http {

/// The body of one exchange, over the connection's receiving half.
class RequestBody final : public Body {
 public:
  RequestBody(net::Connection& connection, Inbound& inbound, const RequestHead& head,
              const ServerOptions& options);
  ~RequestBody() override { connection_.set_low_water(1); }

  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept override;
  io::Task<Result<std::size_t>> read_into(MutableByteSpan into) override {
    return take(into, /*all=*/false);
  }
  io::Task<Result<std::size_t>> fill(MutableByteSpan into) override {
    return take(into, /*all=*/true);
  }
  io::Task<Result<std::size_t>> splice(const io::Pipe& into, std::size_t bytes) override;
  [[nodiscard]] bool can_splice() const noexcept override {
    return straight_ && piece_.empty() && !finished_ && connection_.can_splice();
  }
  void interrupt_read() noexcept override { connection_.interrupt_read(); }
  [[nodiscard]] const Headers& trailers() const noexcept override {
    return inbound_.parser().trailers();
  }
  [[nodiscard]] bool finished() const noexcept override { return finished_; }

  /// Once the handler has returned: whether what it left is short enough to be read past, so that
  /// the connection can live on. Looks at what was received, waits for nothing.
  [[nodiscard]] bool can_be_drained();
  /// Reads past the rest; false when that went wrong or is too long.
  io::Task<bool> drain();

 private:
  /// Takes the next event of what was received; false when there is none.
  [[nodiscard]] bool advance();
  void discard_received();
  void take_end();
  io::Task<Result<std::size_t>> take(MutableByteSpan into, bool all);
  io::Task<Result<std::size_t>> wait(MutableByteSpan into, bool all);
  io::Task<Result<std::size_t>> receive(std::uint32_t timeout_ms);
  Result<std::size_t> went_straight(Result<std::size_t> got);
  std::unexpected<Error> give_up(Error error);

  net::Connection& connection_;
  Inbound& inbound_;
  const ServerOptions& options_;
  const Framing framing_;
  const std::uint64_t content_length_;
  bool expects_continue_;
  bool in_crumbs_ = false;  ///< So it came last; what is left may well, too.
  bool straight_ = false;   ///< From the socket into the handler's memory, from now on.
  bool finished_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t discarded_ = 0;
  ByteSpan piece_;  ///< Received and parsed, not handed over yet.
  std::optional<Error> failure_;
};

}  // namespace sf::http

#pragma once

/// The body of one HTTP/2 request. What comes while a read waits goes straight into the reader's
/// memory; what comes otherwise is kept, at most the stream's window of it. The window follows what
/// was read, so a handler that does not read slows its sender and nobody else. One reactor's
/// thread; owned by its stream.

#include <streamforge/http/message.hpp>
#include <streamforge/io/timer.hpp>

#include <coroutine>
#include <optional>
#include <vector>

namespace sf::http {

class Http2Driver;

class Http2Body final : public Body {
 public:
  Http2Body(Http2Driver& driver, std::int32_t stream) noexcept : driver_(driver), stream_(stream) {}

  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept override { return length_; }
  io::Task<Result<std::size_t>> read_into(MutableByteSpan into) override {
    return take(into, /*all=*/false);
  }
  io::Task<Result<std::size_t>> fill(MutableByteSpan into) override {
    return take(into, /*all=*/true);
  }
  void interrupt_read() noexcept override;
  [[nodiscard]] const Headers& trailers() const noexcept override { return trailers_; }
  [[nodiscard]] bool finished() const noexcept override { return ended_ && kept_bytes() == 0; }

  // The driver's side.
  /// The head is complete. Nullopt: the length is not known.
  void begin(std::optional<std::uint64_t> length, bool expects_continue) noexcept {
    length_ = length;
    expects_continue_ = expects_continue;
  }
  void receive(ByteSpan bytes);
  void add_trailer(std::string name, std::string value);
  void end();
  /// No more comes. What has come is read all the same.
  void fail(Error error);
  /// Resumes a read that has what it waits for.
  void wake();
  /// Received and not read: they hold the connection's window.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_.size() - kept_at_; }

 private:
  struct Waiting;

  io::Task<Result<std::size_t>> take(MutableByteSpan into, bool all);
  [[nodiscard]] std::size_t take_kept(MutableByteSpan into);
  void prepare_to_wait();
  void due() noexcept;

  Http2Driver& driver_;
  const std::int32_t stream_;
  std::optional<std::uint64_t> length_ = 0;
  bool expects_continue_ = false;
  bool window_grown_ = false;
  bool ended_ = false;
  std::optional<Error> failure_;
  Headers trailers_;
  std::uint64_t received_ = 0;
  std::vector<std::byte> kept_;
  std::size_t kept_at_ = 0;

  // A read that waits.
  std::coroutine_handle<> reader_;
  MutableByteSpan into_;
  std::size_t filled_ = 0;
  bool all_ = false;
  bool due_ = false;  ///< It has what it waits for.
  bool timed_out_ = false;
  io::Timer stall_timer_;
};

}  // namespace sf::http

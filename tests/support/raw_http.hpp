#pragma once

/// A blocking TCP client that sends exactly the bytes a test gives it and takes responses apart
/// without forgiving anything. It throws std::runtime_error when the peer closes, stalls or answers
/// what is not HTTP/1.1, so that a test reads as a plain dialogue.

#include <streamforge/base/unique_fd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sf::test {

struct HttpResponse {
  std::string version;  ///< "HTTP/1.1"
  int status = 0;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> fields;  ///< In order, as sent.
  std::string body;                                         ///< Without transfer coding.
  bool ended_by_close = false;  ///< Neither Content-Length nor chunked said where it ends.

  /// The value of the field called `name` (any case), nullopt when there is none.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
  /// The same, empty when there is none.
  [[nodiscard]] std::string operator[](std::string_view name) const {
    return find(name).value_or("");
  }
  [[nodiscard]] std::size_t count(std::string_view name) const;
};

class RawHttp {
 public:
  /// Connects to 127.0.0.1. `timeout_ms` bounds each send and each wait for bytes.
  explicit RawHttp(std::uint16_t port, unsigned timeout_ms = 10'000);

  /// All of `bytes`; false when the peer has closed or reset meanwhile.
  bool send(std::string_view bytes);
  /// Exactly one response; what follows it stays for the next call. A 1xx is a response of its own.
  /// `to_head`: it answers HEAD, so that no body follows whatever its fields say.
  [[nodiscard]] HttpResponse read_response(bool to_head = false);
  /// Both of the above; `to_head` is seen from the bytes.
  [[nodiscard]] HttpResponse exchange(std::string_view request);
  /// Everything until the peer closes (or resets).
  [[nodiscard]] std::string read_to_end();
  /// At least one byte is there, or arrives within `timeout_ms`.
  [[nodiscard]] bool has_bytes_within(unsigned timeout_ms);
  /// The peer closes or resets within `timeout_ms`, sending nothing more.
  [[nodiscard]] bool closed_within(unsigned timeout_ms);

  /// Says that no more is sent; reading goes on.
  void half_close();
  /// `bytes`, less than a packet, and in that packet that no more is sent.
  void send_last(std::string_view bytes);
  /// Ends the connection by RST.
  void reset();
  void close() { fd_.reset(); }
  /// A receive buffer this small makes a slow reader; to be called before anything is received.
  void set_receive_buffer(int bytes);
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  /// Reads once more into pending_; false at the end of the stream.
  bool fill(unsigned timeout_ms);
  std::string take_line();
  std::string take(std::size_t bytes);
  std::string take_chunked();

  UniqueFd fd_;
  unsigned timeout_ms_;
  std::string pending_;
};

/// One request on a connection of its own, for when the connection is not the subject.
[[nodiscard]] HttpResponse fetch(
    std::uint16_t port, std::string_view method, std::string_view target,
    const std::vector<std::pair<std::string, std::string>>& fields = {},
    std::string_view body = {});

}  // namespace sf::test

#pragma once

/// One response out of bytes, for the blocking client: llhttp in response mode. Pure.

#include <streamforge/http/client.hpp>

#include <memory>
#include <optional>

namespace sf::http {

class ResponseReader {
 public:
  /// `to_head`: the answer has no body whatever its fields say.
  explicit ResponseReader(bool to_head);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;

  /// Takes received bytes; true when the final response is complete (1xx are passed over).
  Result<bool> take(std::string_view bytes);
  /// The peer has closed: true when that is how the response ends.
  [[nodiscard]] bool take_end();

  [[nodiscard]] bool complete() const noexcept;
  [[nodiscard]] bool keep_alive() const noexcept;
  [[nodiscard]] ClientResponse response() &&;

 private:
  struct Llhttp;
  std::unique_ptr<Llhttp> llhttp_;
};

}  // namespace sf::http

#pragma once

/// What browsers of other origins may do with `/files` (Fetch standard, CORS protocol; spec rows
/// X1, X2). No credentials: other origins log in with a token. Pure.

#include <streamforge/http/message.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sf::tus {

class Cors {
 public:
  /// Origins as browsers send them, "https://example.org"; empty: any.
  explicit Cors(std::vector<std::string> allowed_origins);

  /// Whether a request with this Origin may be served. The page that this server itself delivered
  /// (same authority) always may.
  [[nodiscard]] bool allows(std::string_view origin, std::string_view authority) const;
  /// Fields for the answer to a request with this Origin; with `preflight` those of an OPTIONS too.
  void add_fields(http::Headers& fields, std::string_view origin, bool preflight) const;

 private:
  std::vector<std::string> allowed_origins_;
};

}  // namespace sf::tus

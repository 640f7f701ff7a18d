#pragma once

#include <streamforge/base/json.hpp>
#include <streamforge/http/message.hpp>

namespace sf::serve {

/// Reads a request's JSON object: kUnsupported for another content type, kTooLarge over
/// limits::kJsonBodyBytesMax, kInvalidArgument for what is no object.
io::Task<Result<json::Value>> read_json_object(http::Request& request);

/// A member that must be a string when it is there; `present` tells whether it was.
struct OptionalText {
  bool present = false;
  std::string text;
};
[[nodiscard]] Result<OptionalText> text_member(const json::Value& object, std::string_view key,
                                               std::size_t bytes_max);
/// As above, and it must be there.
[[nodiscard]] Result<std::string> required_text(const json::Value& object, std::string_view key,
                                                std::size_t bytes_max);

}  // namespace sf::serve

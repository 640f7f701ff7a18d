#pragma once

/// Request targets and authorities (RFC 9112 section 3.2, RFC 3986). Pure.

#include <optional>
#include <string>
#include <string_view>

namespace sf::http {

struct Target {
  std::string path;   ///< Decoded once; see Request::path. "*" for the asterisk-form.
  std::string query;  ///< Raw.
  std::optional<std::string> authority;  ///< Of the absolute-form.
};

/// Origin-form, absolute-form (http or https) or "*"; nullopt for anything else and for every path
/// that could name something outside what it is looked up in: "..", ".", empty segments, encoded
/// slashes or backslashes, control characters, what is not UTF-8.
[[nodiscard]] std::optional<Target> parse_target(std::string_view text);

/// uri-host [ ":" port ], not empty, no userinfo.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

}  // namespace sf::http

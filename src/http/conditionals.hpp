#pragma once

/// The preconditions of RFC 9110 section 13, in the order of 13.2.2. Pure.

#include <streamforge/http/message.hpp>

#include <cstdint>
#include <string_view>

namespace sf::http {

struct Validators {
  std::string_view etag;              ///< With its quotes, and W/ when weak; empty: none.
  std::int64_t last_modified_ms = 0;  ///< 0: none.
};

enum class Precondition : std::uint8_t { kProceed, kNotModified, kFailed };
[[nodiscard]] Precondition check_preconditions(const Request& request,
                                               const Validators& validators);

/// Whether a Range field applies: there is no If-Range, or it names exactly this version.
[[nodiscard]] bool range_applies(const Request& request, const Validators& validators);

/// Whether a list of entity-tags, or "*", names `etag`. Strong comparison needs both to be strong.
[[nodiscard]] bool etag_in_list(std::string_view list, std::string_view etag, bool strong);

}  // namespace sf::http

#pragma once

/// What files and playlists call a language. Pure; any thread.

#include <string>
#include <string_view>

namespace sf::transcode {

/// "deu", "ger" → "de" (RFC 5646: the shortest code); "und" for what is none.
[[nodiscard]] std::string bcp47(std::string_view language);
/// "de" → "deu": three letters, as containers have it; "und" where there is none. The view is as
/// long-lived as `language`.
[[nodiscard]] std::string_view iso639_2(std::string_view language);

}  // namespace sf::transcode

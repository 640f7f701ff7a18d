#pragma once

/// Decides from a file's first bytes which demuxer may read it, before libav sees any of them. Only
/// what is named here is ever opened: playlists, scripts, pictures, archives and text are refused
/// with words for the person who sent them. Pure.

#include <streamforge/base/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sf::transcode {

/// How much of a file `sniff` wants to see.
inline constexpr std::size_t kSniffBytes = std::size_t{64} * 1024;

struct Kind {
  std::string container;  ///< For people and the API: "mp4", "mov", "matroska", "webm", "mpegts".
  std::string demuxer;    ///< libav's name: "mov", "matroska", "mpegts".
};

/// kUnsupported when it is not media, or of a kind that is not taken.
[[nodiscard]] Result<Kind> sniff(std::string_view head);

}  // namespace sf::transcode

#pragma once

/// What answers below /v/{id}/ have in common: how long they are kept, files as representations,
/// and refusals that nobody keeps. Any thread.

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/hls/presentation.hpp>
#include <streamforge/http/representation.hpp>
#include <streamforge/store/records.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sf::serve {

/// What never changes under its name.
inline constexpr std::string_view kImmutable = "public, max-age=31536000, immutable";
inline constexpr std::string_view kPrivate = "private, no-store";
/// `otherwise`, but for private videos.
[[nodiscard]] std::string cache_control(const store::Video& video, std::string_view otherwise);

inline constexpr std::string_view kPlaylistType = "application/vnd.apple.mpegurl";
/// A playlist, or another text made of the record: as it is or compressed, as the client likes it;
/// two representations, each with a tag of its own (RFC 9110 section 8.8.3.3). Kept for a moment
/// once the video is ready.
[[nodiscard]] http::Representation text_representation(const http::Request& request,
                                                       const store::Video& video,
                                                       std::string_view content_type,
                                                       std::string text);

/// A file as it is. Its bytes never change under one name, so size and time name them.
[[nodiscard]] Result<http::Representation> file_representation(UniqueFd file,
                                                               std::string_view content_type,
                                                               std::string caching);

/// The subtitle tracks of a video that players are told of.
[[nodiscard]] std::vector<hls::SubtitleTrack> subtitles_of(const store::Video& video);

/// A refusal that is not kept; kTimedOut is 503 with Retry-After.
[[nodiscard]] http::Response not_yet(const http::Request& request, const Error& error);
/// Its bytes are all here, and it is neither ready nor given up.
[[nodiscard]] bool is_under_way(const store::Video& video) noexcept;
/// Why a video has no playlists.
[[nodiscard]] Error not_playable(const store::Video& video);

}  // namespace sf::serve

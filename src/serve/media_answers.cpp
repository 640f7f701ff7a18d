#include "media_answers.hpp"

#include <streamforge/base/digest.hpp>

#include <sys/stat.h>

#include <cerrno>

namespace sf::serve {

namespace {

/// A finished playlist changes only when its video is made again.
constexpr std::string_view kFinalPlaylist = "public, max-age=60";

std::string_view playlist_cache(const store::Video& video) {
  return video.status == store::VideoStatus::kReady ? kFinalPlaylist : "no-cache";
}

}  // namespace

std::string cache_control(const store::Video& video, std::string_view otherwise) {
  return std::string(video.visibility == store::Visibility::kPrivate ? kPrivate : otherwise);
}

http::Representation text_representation(const http::Request& request, const store::Video& video,
                                         std::string_view content_type, std::string text) {
  http::Representation representation;
  representation.content_type = content_type;
  representation.cache_control = cache_control(video, playlist_cache(video));
  representation.varies_by_encoding = true;
  std::string tag = sha256_hex(as_bytes(text)).substr(0, 32);
  if (http::accepts_encoding(request.headers.get("accept-encoding").value_or(""), "gzip")) {
    representation.content_encoding = "gzip";
    text = http::gzip(text);
    tag += "-gzip";
  }
  representation.etag = concat('"', tag, '"');
  auto owned = std::make_shared<const std::string>(std::move(text));
  const ByteSpan bytes = as_bytes(*owned);
  representation.bytes = http::SharedBytes{std::move(owned), bytes};
  return representation;
}

Result<http::Representation> file_representation(UniqueFd file, std::string_view content_type,
                                                 std::string caching) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return fail_errno(errno, "fstat of a media file");
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const auto mtime_ms = status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / kNsPerMs;
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  http::Representation representation;
  representation.content_type = content_type;
  representation.etag = concat('"', bytes, '-', static_cast<std::uint64_t>(status.st_mtim.tv_sec),
                               '-', static_cast<std::uint64_t>(status.st_mtim.tv_nsec), '"');
  representation.last_modified_ms = mtime_ms;
  representation.cache_control = std::move(caching);
  representation.bytes =
      http::FileSlice{std::make_shared<const UniqueFd>(std::move(file)), 0, bytes};
  return representation;
}

std::vector<hls::SubtitleTrack> subtitles_of(const store::Video& video) {
  std::vector<hls::SubtitleTrack> tracks;
  for (const store::SubtitleTrack& track : video.subtitles) {
    if (!track.ready) continue;
    tracks.push_back({track.name, track.language, track.label, track.is_default, track.forced,
                      track.hearing_impaired});
  }
  return tracks;
}

http::Response not_yet(const http::Request& request, const Error& error) {
  http::Response response =
      error.code == ErrorCode::kTimedOut
          ? http::problem(
                request, http::Problem{503, "segment_not_ready", "This segment is still being made",
                                       error.message, "Ask for it again."})
          : http::problem(request, error);
  if (error.code == ErrorCode::kTimedOut) response.headers.set("Retry-After", "1");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

bool is_under_way(const store::Video& video) noexcept {
  return video.status == store::VideoStatus::kQueued ||
         video.status == store::VideoStatus::kProcessing;
}

Error not_playable(const store::Video& video) {
  if (video.error) return Error{ErrorCode::kNotFound, video.error->message};
  return Error{ErrorCode::kNotFound,
               "This video cannot be played yet: what it holds is still being found out."};
}

}  // namespace sf::serve

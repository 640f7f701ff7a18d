/// GET /v/{id}/poster.jpg, /v/{id}/storyboard.vtt, /v/{id}/storyboard/{n}.jpg.

#include "handlers.hpp"
#include "media_answers.hpp"

#include <streamforge/hls/storyboard.hpp>

namespace sf::serve {

namespace {

constexpr std::string_view kPictureType = "image/jpeg";
/// Its owner may come to choose another.
constexpr std::string_view kPosterCaching = "public, max-age=3600";

Error no_picture(const store::Video& video, std::string_view what) {
  const bool done = video.status == store::VideoStatus::kReady;
  return {
      ErrorCode::kNotFound,
      done ? concat("This video has no ", what, '.')
           : concat("This video has no ", what, " yet: it is drawn while the video is processed."),
      0};
}

}  // namespace

io::Task<http::Response> Playback::picture(http::Request& request, const Playable& playable,
                                           std::string name, std::string_view caching) {
  const store::Video& video = *playable.video;
  auto file = co_await shared_.parts.blobs.open_blob(video.id, std::move(name));
  if (!file) co_return not_yet(request, file.error());
  auto whole = file_representation(std::move(*file), kPictureType, cache_control(video, caching));
  if (!whole) co_return http::problem(request, whole.error());
  co_return answer(request, playable, std::move(*whole));
}

io::Task<http::Response> Playback::poster(http::Request& request) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  if (!video->video->poster) co_return not_yet(request, no_picture(*video->video, "poster"));
  co_return co_await picture(request, *video, std::string(hls::kPosterName), kPosterCaching);
}

io::Task<http::Response> Playback::storyboard(http::Request& request) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  const store::Video& record = *video->video;
  if (!record.storyboard) co_return not_yet(request, no_picture(record, "storyboard"));
  auto presentation = co_await presentation_of(record);
  if (!presentation) co_return not_yet(request, presentation.error());
  std::string text = hls::storyboard(**presentation, video->suffix());
  co_return answer(request, *video,
                   text_representation(request, record, "text/vtt", std::move(text)));
}

io::Task<http::Response> Playback::sheet(http::Request& request) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  const auto number = hls::sheet_number(request.parameter("file"));
  if (!number || !video->video->storyboard) {
    co_return not_yet(request, no_picture(*video->video, "such picture"));
  }
  co_return co_await picture(request, *video, hls::sheet_name(*number), kImmutable);
}

}  // namespace sf::serve

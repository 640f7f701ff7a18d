/// GET /v/{id}/{rung}.mp4: a rung and its first sound as one file, joined when first asked for.

#include "handlers.hpp"
#include "media_answers.hpp"

#include <streamforge/base/limits.hpp>

#include <algorithm>

namespace sf::serve {

namespace {

constexpr std::uint32_t kLookMs = 250;
constexpr std::uint64_t kRetrySecondsMax = 120;
constexpr std::size_t kFileNameBytesMax = 120;

/// Of a title, what every system takes in the name of a file.
std::string file_name(const store::Video& video, std::string_view rung) {
  constexpr std::string_view kRefused = "\"*/:<>?\\|";
  std::string name;
  for (const char c : video.title) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    name += control || kRefused.find(c) != std::string_view::npos ? ' ' : c;
  }
  if (name.size() > kFileNameBytesMax) {
    std::size_t end = kFileNameBytesMax;
    while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
    name.resize(end);
  }
  name = trim(name);
  return concat(name.empty() ? std::string_view("video") : std::string_view(name), ' ', rung,
                store::kMp4Ending);
}

/// RFC 6266: once for those who know UTF-8, once for the others.
std::string attachment(std::string_view name) {
  std::string ascii;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) ascii += c;
    if ((byte & 0xc0) == 0xc0) ascii += '_';  // One for each character.
  }
  return concat("attachment; filename=\"", ascii, "\"; filename*=UTF-8''", percent_encode(name));
}

http::Response still_made(const http::Request& request, const store::Video& video) {
  const auto percent = static_cast<std::uint64_t>(video.progress() * 100);
  http::Problem problem{503, "file_not_ready", "This file can be had when the video is ready",
                        concat("The video is still being processed: ", percent, " % are done."),
                        "Ask again later, or play it meanwhile."};
  problem.members.emplace_back("progress_percent", percent);
  if (video.eta_ms != 0) problem.members.emplace_back("eta_ms", video.eta_ms);
  http::Response response = http::problem(request, problem);
  const std::uint64_t seconds = std::clamp<std::uint64_t>(video.eta_ms / 1000, 5, kRetrySecondsMax);
  response.headers.set("Retry-After", concat(seconds));
  return response;
}

http::Response being_joined(const http::Request& request) {
  http::Response response = http::problem(
      request, http::Problem{503, "file_not_ready", "This file is still being put together",
                             "It is large, or the server has much to do.", "Ask for it again."});
  response.headers.set("Retry-After", "10");
  return response;
}

}  // namespace

io::Task<std::optional<http::Response>> Playback::until_ready(http::Request& request,
                                                              Playable& playable) {
  using enum store::VideoStatus;
  auto& reactor = io::Reactor::current();
  for (std::uint32_t waited_ms = 0;
       is_under_way(*playable.video) && waited_ms < limits::kSegmentWaitMs &&
       !shared_.draining.load(std::memory_order_relaxed);
       waited_ms += kLookMs) {
    co_await reactor.sleep_ms(kLookMs);
    auto looked = co_await look(playable.video->id, playable);
    if (!looked) co_return not_yet(request, looked.error());
  }
  const store::Video& video = *playable.video;
  if (video.status == kReady) co_return std::nullopt;
  if (is_under_way(video)) co_return still_made(request, video);
  if (video.status == kUploading) {
    const Error uploading{ErrorCode::kConflict,
                          "This video is still being uploaded; it is one file when it is ready."};
    co_return not_yet(request, uploading);
  }
  Error reason = not_playable(video);
  if (video.status == kCancelled) reason.message = "The processing of this video was cancelled.";
  co_return not_yet(request, reason);
}

io::Task<http::Response> Playback::whole_file(http::Request& request) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  const std::string name(request.parameter("file"));
  const Error unknown{ErrorCode::kNotFound, "This video has no such file."};
  if (!name.ends_with(store::kMp4Ending)) co_return not_yet(request, unknown);
  const std::string rung = name.substr(0, name.size() - store::kMp4Ending.size());
  if (auto refused = co_await until_ready(request, *video)) co_return std::move(*refused);
  const store::Video& record = *video->video;
  // Rungs are names of ours: what is not one never reaches the disk.
  if (std::ranges::find(record.renditions, rung, &store::Rendition::name) ==
      record.renditions.end()) {
    co_return not_yet(request, unknown);
  }
  auto file = co_await shared_.parts.blobs.open_blob(record.id, name);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    store::Wish wish{record.id, name, 0};
    auto made = co_await shared_.parts.demand.want(std::move(wish), limits::kFileWaitMs);
    if (!made && made.error().code == ErrorCode::kTimedOut) co_return being_joined(request);
    if (!made) co_return not_yet(request, made.error());
    file = co_await shared_.parts.blobs.open_blob(record.id, name);
  }
  if (!file) co_return not_yet(request, file.error());
  auto whole =
      file_representation(std::move(*file), "video/mp4", cache_control(record, kImmutable));
  if (!whole) co_return http::problem(request, whole.error());
  http::Response response = answer(request, *video, std::move(*whole));
  if (!request.query.empty() && request.query_parameter("download")) {
    response.headers.set("Content-Disposition", attachment(file_name(record, rung)));
  }
  co_return response;
}

}  // namespace sf::serve

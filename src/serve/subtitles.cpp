/// GET /v/{id}/subtitles/{track}/index.m3u8 and its segments.

#include "handlers.hpp"
#include "media_answers.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/hls/subtitle_pack.hpp>
#include <streamforge/io/reactor.hpp>

#include <algorithm>
#include <array>

namespace sf::serve {

namespace {

constexpr std::string_view kType = "text/vtt";

Error no_subtitles(const store::Video& video, std::string_view name) {
  const auto track = std::ranges::find(video.subtitles, name, &store::SubtitleTrack::name);
  if (track == video.subtitles.end()) {
    return {ErrorCode::kNotFound, "This video has no such subtitles.", 0};
  }
  return {ErrorCode::kNotFound,
          track->why.empty() ? "These subtitles are read once the whole file is there."
                             : concat("These subtitles are left out: ", track->why, '.'),
          0};
}

/// The text of one segment.
io::Task<Result<std::string>> read_segment(int pack, std::uint32_t track, std::uint32_t segment) {
  io::Reactor& reactor = io::Reactor::current();
  std::array<std::byte, hls::kPackHeadBytes> head_bytes;
  auto read = co_await reactor.read_exactly_at(pack, head_bytes, 0);
  if (!read) co_return fail(std::move(read.error()));
  const auto head = hls::read_pack_head(head_bytes);
  if (!head) co_return fail(head.error());
  if (track >= head->tracks || segment >= head->segments) {
    co_return fail(ErrorCode::kNotFound, "This video has no such file.");
  }
  std::array<std::byte, hls::kPackEntryBytes> entry;
  const std::uint64_t entry_at = hls::pack_entry_at(*head, track, segment);
  read = co_await reactor.read_exactly_at(pack, entry, entry_at);
  if (!read) co_return fail(std::move(read.error()));
  const auto place = hls::read_pack_entry(entry);
  if (!place) co_return fail(place.error());
  std::string text(place->bytes, '\0');
  const MutableByteSpan space = std::as_writable_bytes(std::span<char>(text));
  read = co_await reactor.read_exactly_at(pack, space, place->offset);
  if (!read) co_return fail(std::move(read.error()));
  co_return text;
}

}  // namespace

io::Task<http::Response> Playback::subtitle_segment(http::Request& request,
                                                    const Playable& playable, std::uint32_t track,
                                                    std::uint32_t number) {
  const store::Video& video = *playable.video;
  const auto pack =
      co_await shared_.parts.blobs.open_blob(video.id, std::string(hls::kSubtitlePackBlob));
  if (!pack) co_return not_yet(request, pack.error());
  auto text = co_await read_segment(pack->get(), track, number);
  if (!text) co_return not_yet(request, text.error());
  auto segment = text_representation(request, video, kType, std::move(*text));
  segment.cache_control = cache_control(video, kImmutable);
  co_return answer(request, playable, std::move(segment));
}

io::Task<http::Response> Playback::subtitles(http::Request& request) {
  auto video = co_await playable(request);
  if (!video) co_return not_yet(request, video.error());
  const store::Video& record = *video->video;
  const std::string name(request.parameter("track"));
  std::vector<hls::SubtitleTrack> tracks = subtitles_of(record);
  const auto row = parse_decimal(name, limits::kSourceStreamsMax);
  if (!row || std::ranges::find(tracks, name, &hls::SubtitleTrack::name) == tracks.end()) {
    co_return not_yet(request, no_subtitles(record, name));
  }
  const std::string file(request.parameter("file"));
  if (const auto number = hls::subtitle_segment_number(file)) {
    co_return co_await subtitle_segment(request, *video, static_cast<std::uint32_t>(*row), *number);
  }
  if (file != "index.m3u8") {
    co_return not_yet(request, Error{ErrorCode::kNotFound, "This video has no such file.", 0});
  }
  auto presentation = co_await presentation_of(record);
  if (!presentation) co_return not_yet(request, presentation.error());
  hls::Presentation shown = **presentation;
  shown.subtitles = std::move(tracks);
  auto list = hls::media_playlist(shown, concat(hls::kSubtitleFolder, name), video->suffix());
  if (!list) co_return not_yet(request, no_subtitles(record, name));
  co_return answer(request, *video,
                   text_representation(request, record, kPlaylistType, std::move(*list)));
}

}  // namespace sf::serve

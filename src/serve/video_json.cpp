#include "video_json.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/hls/storyboard.hpp>

namespace sf::serve {

namespace {

void write_text_or_null(json::Writer& writer, std::string_view key, const std::string& text) {
  writer.key(key);
  if (text.empty()) {
    writer.null();
  } else {
    writer.value(text);
  }
}

void write_number_or_null(json::Writer& writer, std::string_view key, std::uint64_t number) {
  writer.key(key);
  if (number == 0) {
    writer.null();
  } else {
    writer.value(number);
  }
}

void write_source(json::Writer& writer, const store::Source& source) {
  writer.key("source").begin_object();
  write_number_or_null(writer, "bytes", source.bytes);
  writer.field("received_bytes", source.received_bytes);
  write_text_or_null(writer, "container", source.container);
  write_text_or_null(writer, "video_codec", source.video_codec);
  write_text_or_null(writer, "audio_codec", source.audio_codec);
  write_text_or_null(writer, "sha256", source.sha256);
  write_text_or_null(writer, "filename", source.filename);
  writer.end_object();
}

void write_rendition(json::Writer& writer, const store::Rendition& rendition) {
  writer.begin_object()
      .field("name", rendition.name)
      .field("width", rendition.width)
      .field("height", rendition.height)
      .field("mode", rendition.mode)
      .field("why", rendition.why)
      .field("segments_done", rendition.segments_done)
      .field("segments_total", rendition.segments_total)
      .field("bytes", rendition.bytes)
      .field("peak_bps", rendition.peak_bps)
      .field("average_bps", rendition.average_bps)
      .key("quality");
  if (rendition.measured_segments == 0) {
    writer.null();
  } else {
    writer.begin_object()
        .field("ssim", static_cast<double>(rendition.ssim_millionths) / 1e6)
        .field("psnr_db", static_cast<double>(rendition.psnr_millidb) / 1e3)
        .field("segments", rendition.measured_segments)
        .end_object();
  }
  writer.end_object();
}

void write_audio(json::Writer& writer, const store::AudioTrack& track) {
  writer.begin_object()
      .field("name", track.name)
      .field("language", track.language)
      .field("label", track.label)
      .field("mode", track.mode)
      .field("why", track.why)
      .field("segments_done", track.segments_done)
      .field("segments_total", track.segments_total)
      .field("bytes", track.bytes)
      .end_object();
}

void write_subtitles(json::Writer& writer, const store::SubtitleTrack& track) {
  writer.begin_object()
      .field("name", track.name)
      .field("language", track.language)
      .field("label", track.label)
      .field("codec", track.codec)
      .field("default", track.is_default)
      .field("forced", track.forced)
      .field("hearing_impaired", track.hearing_impaired)
      .field("ready", track.ready)
      .field("why", track.why)
      .end_object();
}

void write_error(json::Writer& writer, const std::optional<store::Failure>& error) {
  writer.key("error");
  if (!error) {
    writer.null();
    return;
  }
  writer.begin_object()
      .field("code", error->code)
      .field("message", error->message)
      .field("hint", error->hint)
      .field("retryable", error->retryable)
      .end_object();
}

double frames_per_second(const store::Video& video) {
  if (video.fps_denominator == 0) return 0;
  return static_cast<double>(video.fps_numerator) / video.fps_denominator;
}

}  // namespace

void write_video(json::Writer& writer, const store::Video& video, unsigned queue_position,
                 std::string_view base_path) {
  writer.begin_object()
      .field("id", video.id)
      .field("title", video.title)
      .field("description", video.description)
      .field("status", store::name_of(video.status))
      .field("playable", video.playable)
      .field("progress", video.progress());
  write_number_or_null(writer, "eta_ms", video.eta_ms);
  write_number_or_null(writer, "queue_position", queue_position);
  writer.field("paused", video.paused).field("visibility", store::name_of(video.visibility));
  write_text_or_null(writer, "owner", video.owner);
  writer.field("created_at", to_rfc3339(video.created_at_ms))
      .field("updated_at", to_rfc3339(video.updated_at_ms));
  write_text_or_null(writer, "deleted_at",
                     video.deleted_at_ms != 0 ? to_rfc3339(video.deleted_at_ms) : std::string());
  write_number_or_null(writer, "duration_ms", video.duration_ms);
  write_number_or_null(writer, "expected_duration_ms", video.expected_duration_ms);
  write_number_or_null(writer, "width", video.width);
  write_number_or_null(writer, "height", video.height);
  const double fps = frames_per_second(video);
  writer.key("fps");
  if (fps > 0) {
    writer.value(fps);
  } else {
    writer.null();
  }
  write_source(writer, video.source);
  writer.key("renditions").begin_array();
  for (const auto& rendition : video.renditions) write_rendition(writer, rendition);
  writer.end_array().key("audio").begin_array();
  for (const auto& track : video.audio) write_audio(writer, track);
  writer.end_array().key("subtitles").begin_array();
  for (const auto& track : video.subtitles) write_subtitles(writer, track);
  writer.end_array();
  write_error(writer, video.error);
  writer.key("warnings").begin_array();
  for (const auto& warning : video.warnings) writer.value(warning);
  writer.end_array();
  const auto url = [&video, base_path](bool there, std::string_view name) {
    return there ? concat(base_path, "/v/", video.id, '/', name) : std::string();
  };
  write_text_or_null(writer, "hls_url", url(video.playable, "master.m3u8"));
  write_text_or_null(writer, "poster_url", url(video.poster, hls::kPosterName));
  write_text_or_null(writer, "storyboard_url", url(video.storyboard, hls::kStoryboardName));
  writer.end_object();
}

std::string video_json(const store::Video& video, unsigned queue_position,
                       std::string_view base_path) {
  json::Writer writer;
  write_video(writer, video, queue_position, base_path);
  return std::move(writer).take();
}

std::string video_etag(const store::Video& video) { return concat("\"r", video.revision, '"'); }

}  // namespace sf::serve

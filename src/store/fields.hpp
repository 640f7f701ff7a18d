#pragma once

/// The one field list of each record: the stored form, its reader and its writer all come from
/// here. A field may be added (readers give it its default) but never renamed, retyped or reused; a
/// change of meaning is a new schema number and an upgrade step (schema.hpp).

#include <streamforge/store/records.hpp>

#include <concepts>
#include <type_traits>

namespace sf::store {

/// T is Record or const Record.
template <class T, class Record>
concept Is = std::same_as<std::remove_const_t<T>, Record>;

void visit_fields(Is<Source> auto& r, auto&& visit) {
  visit("bytes", r.bytes);
  visit("received_bytes", r.received_bytes);
  visit("container", r.container);
  visit("video_codec", r.video_codec);
  visit("audio_codec", r.audio_codec);
  visit("sha256", r.sha256);
  visit("filename", r.filename);
}

void visit_fields(Is<Rendition> auto& r, auto&& visit) {
  visit("name", r.name);
  visit("width", r.width);
  visit("height", r.height);
  visit("mode", r.mode);
  visit("why", r.why);
  visit("codecs", r.codecs);
  visit("max_bps", r.max_bps);
  visit("segments_done", r.segments_done);
  visit("segments_total", r.segments_total);
  visit("bytes", r.bytes);
  visit("peak_bps", r.peak_bps);
  visit("average_bps", r.average_bps);
  visit("i_frame_bps", r.i_frame_bps);
  visit("measured_segments", r.measured_segments);
  visit("ssim_millionths", r.ssim_millionths);
  visit("psnr_millidb", r.psnr_millidb);
}

void visit_fields(Is<AudioTrack> auto& r, auto&& visit) {
  visit("name", r.name);
  visit("language", r.language);
  visit("label", r.label);
  visit("mode", r.mode);
  visit("why", r.why);
  visit("codecs", r.codecs);
  visit("channels", r.channels);
  visit("sample_rate", r.sample_rate);
  visit("segments_done", r.segments_done);
  visit("segments_total", r.segments_total);
  visit("bytes", r.bytes);
  visit("peak_bps", r.peak_bps);
  visit("average_bps", r.average_bps);
}

void visit_fields(Is<SubtitleTrack> auto& r, auto&& visit) {
  visit("name", r.name);
  visit("language", r.language);
  visit("label", r.label);
  visit("codec", r.codec);
  visit("default", r.is_default);
  visit("forced", r.forced);
  visit("hearing_impaired", r.hearing_impaired);
  visit("ready", r.ready);
  visit("why", r.why);
}

void visit_fields(Is<Failure> auto& r, auto&& visit) {
  visit("code", r.code);
  visit("message", r.message);
  visit("hint", r.hint);
  visit("retryable", r.retryable);
}

void visit_fields(Is<Video> auto& r, auto&& visit) {
  visit("id", r.id);
  visit("owner", r.owner);
  visit("title", r.title);
  visit("description", r.description);
  visit("visibility", r.visibility);
  visit("status", r.status);
  visit("playable", r.playable);
  visit("poster", r.poster);
  visit("storyboard", r.storyboard);
  visit("paused", r.paused);
  visit("created_at_ms", r.created_at_ms);
  visit("updated_at_ms", r.updated_at_ms);
  visit("deleted_at_ms", r.deleted_at_ms);
  visit("ready_at_ms", r.ready_at_ms);
  visit("duration_ms", r.duration_ms);
  visit("expected_duration_ms", r.expected_duration_ms);
  visit("width", r.width);
  visit("height", r.height);
  visit("fps_numerator", r.fps_numerator);
  visit("fps_denominator", r.fps_denominator);
  visit("eta_ms", r.eta_ms);
  visit("source", r.source);
  visit("renditions", r.renditions);
  visit("audio", r.audio);
  visit("subtitles", r.subtitles);
  visit("error", r.error);
  visit("warnings", r.warnings);
  visit("revision", r.revision);
}

void visit_fields(Is<PlacedPart> auto& r, auto&& visit) {
  visit("id", r.id);
  visit("at", r.at);
  visit("bytes", r.bytes);
}

void visit_fields(Is<Upload> auto& r, auto&& visit) {
  visit("id", r.id);
  visit("owner", r.owner);
  visit("length", r.length);
  visit("offset", r.offset);
  visit("metadata", r.metadata);
  visit("concat", r.concat);
  visit("complete", r.complete);
  visit("created_at_ms", r.created_at_ms);
  visit("updated_at_ms", r.updated_at_ms);
  visit("expires_at_ms", r.expires_at_ms);
  visit("explicit_end", r.explicit_end);
  visit("end_refused", r.end_refused);
  visit("repr_digest", r.repr_digest);
  visit("want_digest", r.want_digest);
  visit("group", r.group);
  visit("parts", r.parts);
  visit("tail", r.tail);
  visit("into", r.into);
  visit("at", r.at);
}

void visit_fields(Is<IFrame> auto& r, auto&& visit) {
  visit("pts", r.pts_ticks);
  visit("offset", r.offset);
  visit("bytes", r.bytes);
}

void visit_fields(Is<Segment> auto& r, auto&& visit) {
  visit("video", r.video);
  visit("track", r.track);
  visit("number", r.number);
  visit("bytes", r.bytes);
  visit("duration_ticks", r.duration_ticks);
  visit("blob_key", r.blob_key);
  visit("attempt", r.attempt);
  visit("i_frames", r.i_frames);
  visit("damaged", r.damaged_frames);
}

void visit_fields(Is<Job> auto& r, auto&& visit) {
  visit("video", r.video);
  visit("state", r.state);
  visit("attempts", r.attempts);
  visit("priority", r.priority);
  visit("queued_at_ms", r.queued_at_ms);
  visit("not_before_ms", r.not_before_ms);
}

void visit_fields(Is<User> auto& r, auto&& visit) {
  visit("id", r.id);
  visit("name", r.name);
  visit("role", r.role);
  visit("password_hash", r.password_hash);
  visit("created_at_ms", r.created_at_ms);
}

void visit_fields(Is<Token> auto& r, auto&& visit) {
  visit("id", r.id);
  visit("user", r.user);
  visit("name", r.name);
  visit("hash", r.hash);
  visit("created_at_ms", r.created_at_ms);
  visit("expires_at_ms", r.expires_at_ms);
}

void visit_fields(Is<Session> auto& r, auto&& visit) {
  visit("hash", r.hash);
  visit("user", r.user);
  visit("created_at_ms", r.created_at_ms);
  visit("expires_at_ms", r.expires_at_ms);
}

}  // namespace sf::store

#pragma once

/// The records of the catalogue, as plain values. One field list per record (src/store/fields.hpp)
/// serves the stored form and its checks; the stored form is JSON with a schema number, so that a
/// newer program reads an older record and a person can read either. Times: wall milliseconds.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sf::store {

/// uploading → queued → processing → ready, or failed, cancelled. `kUploading` lasts until the last
/// byte is durable, though encoding may already run.
enum class VideoStatus : std::uint8_t {
  kUploading,
  kQueued,
  kProcessing,
  kReady,
  kFailed,
  kCancelled
};
enum class Visibility : std::uint8_t { kPublic, kUnlisted, kPrivate };
[[nodiscard]] std::string_view name_of(VideoStatus status) noexcept;
[[nodiscard]] std::string_view name_of(Visibility visibility) noexcept;
[[nodiscard]] std::optional<VideoStatus> video_status(std::string_view name) noexcept;
[[nodiscard]] std::optional<Visibility> visibility(std::string_view name) noexcept;

/// What is known of the file that was uploaded.
struct Source {
  std::uint64_t bytes = 0;           ///< Announced length; 0 while unknown.
  std::uint64_t received_bytes = 0;  ///< Durable so far, of all parts, wherever they lie.
  std::string container;             ///< "mp4"; empty until indexed, like the codecs.
  std::string video_codec;
  std::string audio_codec;
  std::string sha256;    ///< Hex; empty until taken in the background.
  std::string filename;  ///< As the client named it; for display only, never a path.
};

/// One rung of the ladder. Counts move while segments are made.
struct Rendition {
  std::string name;  ///< "1080p", "720p", "480p", "360p"; URL segment.
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::string mode;    ///< "encode" or "copy".
  std::string why;     ///< Why it is copied, or why not, for a person.
  std::string codecs;  ///< "avc1.64001f"; empty until the first segment exists.
  std::uint64_t max_bps =
      0;  ///< The cap it is encoded under, video only: declared before measured.
  std::uint64_t segments_done = 0;
  std::uint64_t segments_total = 0;
  std::uint64_t bytes = 0;
  std::uint64_t peak_bps = 0;     ///< Measured (spec/hls P4); 0 until complete.
  std::uint64_t average_bps = 0;  ///< Measured; 0 until complete.
  std::uint64_t i_frame_bps = 0;  ///< Peak of the I-frame list; 0 until there is one.
  /// How near the encoded pictures come to the source's, where that is measured: means of so many
  /// segments.
  std::uint32_t measured_segments = 0;
  std::uint64_t ssim_millionths = 0;
  std::uint64_t psnr_millidb = 0;
};

/// One audio rendition (group member). Empty list: no audio.
struct AudioTrack {
  std::string name;      ///< "0", "1": URL segment below audio/.
  std::string language;  ///< BCP 47, "und" when the source says nothing.
  std::string label;
  std::string mode;    ///< "encode" or "copy".
  std::string why;     ///< As a rendition's.
  std::string codecs;  ///< "mp4a.40.2".
  std::uint32_t channels = 2;
  std::uint32_t sample_rate = 48000;
  std::uint64_t segments_done = 0;
  std::uint64_t segments_total = 0;
  std::uint64_t bytes = 0;
  std::uint64_t peak_bps = 0;
  std::uint64_t average_bps = 0;
};

/// One subtitle track of the source.
struct SubtitleTrack {
  std::string name;      ///< "0", "1": URL segment below subtitles/, and its place in the pack.
  std::string language;  ///< BCP 47, "und" when the source says nothing.
  std::string label;
  std::string codec;  ///< "subrip".
  bool is_default = false;
  bool forced = false;
  bool hearing_impaired = false;
  bool ready = false;  ///< Its segments exist.
  std::string why;     ///< Why it is left out, for a person; empty: it is there, or will be.
};

/// Why a video failed, in words for the person who uploaded it.
struct Failure {
  std::string code;  ///< Stable: "not_a_video", "decoder_crashed", "truncated", …
  std::string message;
  std::string hint;
  bool retryable = false;
};

struct Video {
  std::string id;
  std::string owner;  ///< User id; empty under --open.
  std::string title;
  std::string description;
  Visibility visibility = Visibility::kUnlisted;
  VideoStatus status = VideoStatus::kUploading;
  bool playable = false;    ///< An index, and so a complete timeline, exists.
  bool poster = false;      ///< processed/{id}/poster.jpg exists.
  bool storyboard = false;  ///< All its sheets exist.
  bool paused = false;      ///< A person paused the processing; its job says the same.
  std::int64_t created_at_ms = 0;
  std::int64_t updated_at_ms = 0;
  std::int64_t deleted_at_ms = 0;  ///< In the trash since; 0: not deleted.
  std::int64_t ready_at_ms = 0;
  std::uint64_t duration_ms = 0;
  /// While it arrives: of the whole, as the file says; 0: it does not say, or all is there.
  std::uint64_t expected_duration_ms = 0;
  std::uint32_t width = 0;  ///< Display size: rotation and pixel shape applied.
  std::uint32_t height = 0;
  std::uint32_t fps_numerator = 0;
  std::uint32_t fps_denominator = 1;
  std::uint64_t eta_ms = 0;
  Source source;
  std::vector<Rendition> renditions;
  std::vector<AudioTrack> audio;
  std::vector<SubtitleTrack> subtitles;
  std::optional<Failure> error;
  std::vector<std::string> warnings;
  std::uint64_t revision = 0;  ///< Grows with every commit of the record; the API's ETag.

  /// Segments done of total over all renditions and audio, 0–1; 1 when ready.
  [[nodiscard]] double progress() const noexcept;
};

/// A part's place in the whole that it is written into.
struct PlacedPart {
  std::string id;
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
};

/// A resumable upload (tus). Its id is the video's id.
struct Upload {
  std::string id;
  std::string owner;
  std::optional<std::uint64_t> length;  ///< nullopt: deferred.
  std::uint64_t offset = 0;             ///< Durable: these bytes are synced. Never goes back.
  std::string metadata;                 ///< Upload-Metadata as received.
  std::string concat;                   ///< Upload-Concat as received; empty for plain uploads.
  bool complete = false;                ///< All bytes durable and the file in raw/.
  std::int64_t created_at_ms = 0;
  std::int64_t updated_at_ms = 0;
  std::int64_t expires_at_ms = 0;  ///< 0: does not expire.
  /// Complete only when that is said (IETF, parts, a final of parts), not by having all bytes.
  bool explicit_end = false;
  /// All bytes came, but whoever sent the last had no right to any more: no restart completes it.
  bool end_refused = false;
  std::string repr_digest;  ///< What the whole must hash to (Repr-Digest, "sha-256=:…:"), or empty.
  std::string want_digest;  ///< The digest of the whole that its end tells ("sha-256"), or empty.
  // A whole and the parts that are written straight into its file, in any order.
  std::string group;              ///< Of a whole: what its parts call it; unique for its owner.
  std::vector<PlacedPart> parts;  ///< Of a whole. Its offset is where the first gap begins.
  std::uint64_t tail = 0;         ///< Of a whole: from here to its end all came; 0: nothing did.
  std::string into;               ///< Of a part: the whole's id. It has no file of its own.
  std::uint64_t at = 0;           ///< Of a part: where it begins there.
};

/// What the uploads of one owner hold. A part of a group counts with its whole.
struct Holdings {
  std::uint64_t bytes = 0;  ///< As announced; of an upload of unknown length what came of it.
  std::uint64_t unfinished = 0;
};

/// A keyframe in a segment's file.
struct IFrame {
  std::int64_t pts_ticks = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// What a segment that exists is; its key is (video, track, number).
struct Segment {
  std::string video;
  std::string track;  ///< "1080p", or "audio/0".
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;
  std::uint64_t duration_ticks = 0;  ///< 90 kHz, real media time.
  std::string blob_key;              ///< "{id}/1080p/0.ts" below processed/.
  std::uint32_t attempt = 0;
  std::vector<IFrame> i_frames;      ///< In order; empty for audio.
  std::uint32_t damaged_frames = 0;  ///< Of the source, that could not be decoded for it.
};

enum class JobState : std::uint8_t { kWaiting, kRunning, kPaused, kDone, kFailed, kCancelled };
[[nodiscard]] std::string_view name_of(JobState state) noexcept;
[[nodiscard]] std::optional<JobState> job_state(std::string_view name) noexcept;

/// The transcode of one video: intent and progress that outlive the process. Segments done are
/// known from segment records; the plan (index, timeline, rungs) is a blob, processed/{id}/plan.
struct Job {
  std::string video;
  JobState state = JobState::kWaiting;
  std::uint32_t attempts = 0;
  std::int64_t priority = 0;  ///< Higher first.
  std::int64_t queued_at_ms = 0;
  std::int64_t not_before_ms = 0;  ///< Back-off after a failed try.
};

enum class Role : std::uint8_t { kAdmin, kEditor, kViewer };
[[nodiscard]] std::string_view name_of(Role role) noexcept;
[[nodiscard]] std::optional<Role> role(std::string_view name) noexcept;

struct User {
  std::string id;
  std::string name;  ///< Unique without case.
  Role role = Role::kAdmin;
  std::string password_hash;  ///< argon2id, libsodium's string form.
  std::int64_t created_at_ms = 0;
};
/// A bearer token for scripts; the secret itself is never stored.
struct Token {
  std::string id;
  std::string user;
  std::string name;
  std::string hash;  ///< SHA-256 of the secret, hex.
  std::int64_t created_at_ms = 0;
  std::int64_t expires_at_ms = 0;  ///< 0: never.
};
struct Session {
  std::string hash;  ///< SHA-256 of the cookie's secret, hex.
  std::string user;
  std::int64_t created_at_ms = 0;
  std::int64_t expires_at_ms = 0;
};

}  // namespace sf::store

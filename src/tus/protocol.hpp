#pragma once

/// tus 1.0.0 as pure decisions: a request's fields and an upload's state in, what to do or how to
/// refuse out. No I/O, no clock. The row numbers are those of docs/protocols/tus.md.
///
/// One upload resource and one state machine are meant for both dialects: what differs between tus
/// and the IETF draft is how fields are read (`read_append`, `read_creation`) and how answers are
/// worded; `Append` and `Creation` are what both become.

#include <streamforge/http/message.hpp>
#include <streamforge/store/records.hpp>

#include "checksum.hpp"
#include "concat_list.hpp"
#include "metadata.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sf::tus {

inline constexpr std::string_view kVersion = "1.0.0";
/// tus integers (and so offsets) end here (row C18).
inline constexpr std::uint64_t kBytesMax = (std::uint64_t{1} << 63) - 1;

/// How a request is turned away: a status and words for people, sent as a problem document.
struct Refusal {
  int status = 400;
  std::string_view code;  ///< Stable; static storage.
  std::string detail;
  std::string_view hint = {};
};
template <class T = void>
using Decision = std::expected<T, Refusal>;

/// What this server grants, fixed at start.
struct Policy {
  std::uint64_t upload_bytes_max = 0;  ///< 0: unlimited.
  std::int64_t expire_after_ms = 0;    ///< Since the last byte; 0: never.
};

enum class Dialect : std::uint8_t { kTus, kIetf };
/// IETF when any field of the draft is there; tus otherwise.
[[nodiscard]] Dialect dialect_of(const http::Headers& headers);

/// The method meant: POST with X-HTTP-Method-Override PATCH, HEAD or DELETE is that one (C9).
[[nodiscard]] http::Method method_of(http::Method method, const http::Headers& headers);

/// Tus-Resumable: wrong is 412 for all but OPTIONS, missing for all but GET and HEAD (C2, C3, C5).
[[nodiscard]] Decision<> check_version(http::Method method, const http::Headers& headers);

/// A POST, read and judged.
struct Creation {
  std::optional<std::uint64_t> length;  ///< nullopt: deferred, or the sum of a final's parts.
  std::string metadata;                 ///< As received, for HEAD.
  Description description;
  std::string concat;  ///< As received.
  ConcatList concat_list;
  bool takes_body = false;  ///< Its body is the upload's first bytes (N17, N19).
  ChecksumOrder checksum;
};
/// `body_bytes`: the Content-Length; nullopt when chunked.
[[nodiscard]] Decision<Creation> read_creation(const http::Headers& headers,
                                               std::optional<std::uint64_t> body_bytes,
                                               const Policy& policy);

/// A PATCH's own words, checked as far as they can be without the upload.
struct AppendWish {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  ///< Declared now (creation-defer-length).
  ChecksumOrder checksum;
};
[[nodiscard]] Decision<AppendWish> read_append(const http::Headers& headers);

/// What a PATCH, or the body of a POST, may do to an upload.
struct Append {
  enum class Kind : std::uint8_t {
    kStore,
    kNothing,  ///< The upload is complete: 204 with its offset, the body is not stored (C22).
  } kind = Kind::kStore;
  std::uint64_t start = 0;
  std::uint64_t end_max = 0;  ///< The body must end at or before this offset.
  std::optional<std::uint64_t> declares_length;
  /// Whether bytes may be acknowledged before the body has ended: not when its end may yet void it
  /// all (a digest to check, K5; a chunked body that may run past the length, C21).
  bool acknowledges_early = true;
  ChecksumOrder checksum;
};
/// Order of refusals: final 403, complete 204, offset 409, length 400, size 413.
[[nodiscard]] Decision<Append> decide_append(const AppendWish& wish, const store::Upload& upload,
                                             std::optional<std::uint64_t> body_bytes,
                                             const Policy& policy);

/// How the taking of a body ended.
enum class BodyEnd : std::uint8_t {
  kWhole,
  kPeerGone,   ///< Cut: what came is kept.
  kStalled,    ///< Likewise.
  kMalformed,  ///< Broken chunk framing: likewise.
  kTakenOver,  ///< A newer request wants the upload: likewise.
  kStopping,   ///< Shutdown: likewise.
  kOverrun,    ///< Ran past the length: all of this body is dropped.
  kNoSpace,
  kDiskFailed,
};
/// Whether the bytes of a body that ended so stay. With a digest announced only a whole, verified
/// body does.
[[nodiscard]] bool keeps_bytes(BodyEnd end, bool checksum_announced) noexcept;
/// The answer to a body that did not end well. Stock clients take 4xx but 409 and 423 as final, so
/// what may be tried again is none of those.
[[nodiscard]] Refusal refusal_of(BodyEnd end);
[[nodiscard]] Refusal refusal_of(ChecksumVerdict verdict);

/// When an upload expires (wall milliseconds); nullopt when complete or never.
[[nodiscard]] std::optional<std::int64_t> expiry_of(const store::Upload& upload,
                                                    const Policy& policy);

/// Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm (C4–C8).
void add_options_fields(http::Headers& fields, const Policy& policy);
/// Upload-Offset, and Upload-Expires while there is one.
void add_offset_fields(http::Headers& fields, const store::Upload& upload, const Policy& policy);
/// All that HEAD says of an upload (C10–C12, N7, N11, E2, A6–A8).
void add_state_fields(http::Headers& fields, const store::Upload& upload, const Policy& policy);

}  // namespace sf::tus

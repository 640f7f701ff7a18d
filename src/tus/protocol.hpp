#pragma once

/// Resumable upload as pure decisions: a request's fields and an upload's state in, what to do or
/// how to refuse out. No I/O, no clock. The row numbers are those of docs/protocols/tus.md.
///
/// One upload resource and one state machine serve both dialects: what differs between tus and the
/// IETF draft is how fields are read (here for tus, in ietf.hpp for the draft) and how answers are
/// worded; `Creation` and `Append` are what both become.

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
#include <utility>
#include <variant>
#include <vector>

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
  std::string_view type = {};  ///< A registered problem type.
  std::vector<std::pair<std::string, std::variant<std::uint64_t, std::string>>> members = {};
  /// The request broke a rule that no upload survives: it goes, all later use is refused (R16).
  bool voids_upload = false;
  unsigned retry_after_seconds = 0;  ///< Of a 429: said in Retry-After.
};
template <class T = void>
using Decision = std::expected<T, Refusal>;

/// What this server grants, fixed at start.
struct Policy {
  std::uint64_t upload_bytes_max = 0;  ///< 0: unlimited.
  std::int64_t expire_after_ms = 0;    ///< Since the last byte; 0: never.
};

enum class Dialect : std::uint8_t { kTus, kIetf };
/// Whose rules an upload ends by: those of the dialect that created it.
[[nodiscard]] Dialect creator_of(const store::Upload& upload);
/// All bytes are there, nothing else has to be said, and yet it is not complete: a crash came.
[[nodiscard]] bool lacks_only_its_end(const store::Upload& upload);
/// A final upload that has no offset to show yet (A7).
[[nodiscard]] bool is_unfinished_final(const store::Upload& upload);
/// Whether the field Content-Type, without its parameters, is `type`.
[[nodiscard]] bool has_content_type(const http::Headers& headers, std::string_view type);

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
  std::optional<Placement> placement;  ///< Of a partial that names its group.
  // IETF only.
  bool ends = false;        ///< With this body the upload is whole (Upload-Complete: ?1).
  std::string repr_digest;  ///< As the record keeps it; likewise the next.
  std::string want_digest;
};
/// Fills `description` from `metadata`, and gives what else that says; 431 when it is too large.
[[nodiscard]] Decision<Metadata> read_description(Creation& creation);
/// `body_bytes`: the Content-Length; nullopt when chunked.
[[nodiscard]] Decision<Creation> read_creation(const http::Headers& headers,
                                               std::optional<std::uint64_t> body_bytes,
                                               const Policy& policy);

/// A PATCH's own words, checked as far as they can be without the upload.
struct AppendWish {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  ///< Declared now (creation-defer-length).
  ChecksumOrder checksum;
  Dialect dialect = Dialect::kTus;
  bool ends = false;  ///< IETF: with this body the upload is whole (Upload-Complete: ?1).
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
  /// What makes the upload complete once the body was taken whole.
  enum class End : std::uint8_t {
    kAtLength,  ///< Having all bytes (created by tus).
    kNow,       ///< This body's end, wherever that is (IETF, ?1).
    kNotYet,    ///< Nothing: another request will say so (IETF, ?0).
  } end = End::kAtLength;
  bool overrun_voids = false;  ///< A body past the length ends the upload (R16), not itself (C21).
  Dialect dialect = Dialect::kTus;  ///< Of whoever asks.
  /// Whether bytes may be acknowledged before the body has ended: not when its end may yet void it
  /// all (a digest to check, K5; a chunked body that may run past the length, C21).
  bool acknowledges_early = true;
  ChecksumOrder checksum;
};
/// Order of refusals: final 403, complete 204 (IETF: 400), offset 409, length 400, size 413.
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
/// The same for one body's orders.
[[nodiscard]] Refusal refusal_of(BodyEnd end, const Append& append);
[[nodiscard]] Refusal refusal_of(ChecksumVerdict verdict, const Append& append);

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

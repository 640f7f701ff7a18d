#pragma once

/// The IETF draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload, interop
/// versions 3 to 8), as far as it differs from tus: how requests are read and how answers are
/// worded. Pure. What is decided once a request is read is in protocol.hpp, for both dialects.

#include <streamforge/http/message.hpp>
#include <streamforge/store/records.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "protocol.hpp"

namespace sf::tus {

inline constexpr std::string_view kPartialUpload = "application/partial-upload";

/// Who asks: whose words the answer is given in.
struct Speaker {
  Dialect dialect = Dialect::kTus;
  /// The interop version whose rules hold; the newest when none, or an unknown one, is named.
  unsigned version = kNewest;
  bool named_version = false;  ///< A supported one: only then is there a 104 (R1).
  bool names_tus = false;  ///< Tus-Resumable is there. A bare HEAD is told both dialects' fields.

  static constexpr unsigned kOldest = 3;
  static constexpr unsigned kNewest = 8;
  [[nodiscard]] bool is_ietf() const noexcept { return dialect == Dialect::kIetf; }
};
/// IETF when any field of the draft is there; tus otherwise.
[[nodiscard]] Speaker speaker_of(const http::Headers& headers);

/// Upload-Complete, or what Upload-Incomplete (version 3) says of it; nullopt when neither is well
/// formed (R25).
[[nodiscard]] std::optional<bool> read_completeness(const http::Headers& headers);

/// Versions 3 to 5: HEAD and DELETE may not carry Upload-Offset or Upload-Complete.
[[nodiscard]] Decision<> check_bare_request(const Speaker& speaker, const http::Headers& headers);
/// A POST, PUT or PATCH of the collection.
[[nodiscard]] Decision<Creation> read_ietf_creation(const http::Headers& headers,
                                                    std::optional<std::uint64_t> body_bytes,
                                                    const Policy& policy);
[[nodiscard]] Decision<AppendWish> read_ietf_append(const Speaker& speaker,
                                                    const http::Headers& headers);

// --- Steps of decide_append.

/// Refuses what is complete (R26), but for the empty ?1 that asks again for the final response.
[[nodiscard]] Decision<> check_ietf_state(const AppendWish& wish, const store::Upload& upload,
                                          std::optional<std::uint64_t> body_bytes);
/// The length that follows from what a request says, which all must agree (R6, R7).
[[nodiscard]] Decision<std::optional<std::uint64_t>> ietf_length(
    const AppendWish& wish, const store::Upload& upload, std::optional<std::uint64_t> body_bytes,
    const Policy& policy);
/// 409 as the draft's problem type has it (R15).
void name_mismatch(Refusal& refusal, std::uint64_t expected, std::uint64_t provided);
/// Bytes past the length of an upload that the draft created (R16).
[[nodiscard]] Refusal void_overrun(Dialect asked_by);
/// A body, or a whole, that ended elsewhere than its length said.
[[nodiscard]] Refusal inconsistent_length(std::uint64_t expected, std::uint64_t found);
/// A digest that was announced and does not hold, in the draft's words.
void name_wrong_digest(Refusal& refusal, const ChecksumOrder& checksum);

// --- Answers.

/// Upload-Limit (R4, R8, R22 to R24); "min-size=0" when nothing is limited.
[[nodiscard]] std::string upload_limit(const Policy& policy, std::optional<std::int64_t> expires_ms,
                                       std::int64_t now_ms);
/// What every answer says of an upload: its offset, and whether it is complete.
void add_ietf_progress(http::Headers& fields, const Speaker& speaker, const store::Upload& upload);
/// All that HEAD says (R8).
void add_ietf_state(http::Headers& fields, const Speaker& speaker, const store::Upload& upload,
                    const Policy& policy, std::int64_t now_ms);
/// Accept-Patch and Upload-Limit for OPTIONS (R22).
void add_ietf_options(http::Headers& fields, const Policy& policy, std::int64_t now_ms);

}  // namespace sf::tus

#include "ietf.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

#include <algorithm>

#include "digest_fields.hpp"
#include "structured_fields.hpp"

namespace sf::tus {
namespace {

constexpr std::string_view kMismatchingOffset =
    "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";
constexpr std::string_view kCompletedUpload =
    "https://iana.org/assignments/http-problem-types#completed-upload";
constexpr std::string_view kInconsistentLength =
    "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";
constexpr std::string_view kInvalidDigest =
    "https://iana.org/assignments/http-problem-types#digest-invalid-value";
constexpr std::string_view kMismatchingDigest =
    "https://iana.org/assignments/http-problem-types#digest-mismatching-value";

std::unexpected<Refusal> refuse(int status, std::string_view code, std::string detail,
                                std::string_view type = {}) {
  return std::unexpected(
      Refusal{.status = status, .code = code, .detail = std::move(detail), .type = type});
}

Decision<std::optional<Checksum>> read_digest(const http::Headers& headers, std::string_view name) {
  const auto field = headers.get(name);
  if (!field) return std::nullopt;
  auto digest = parse_digest_field(*field);
  if (!digest) return refuse(400, "bad_digest", digest.error().message, kInvalidDigest);
  return std::move(*digest);
}

Decision<ChecksumOrder> read_content_digest(const http::Headers& headers) {
  auto digest = read_digest(headers, "Content-Digest");
  if (!digest) return std::unexpected(std::move(digest.error()));
  return ChecksumOrder{std::move(*digest), false};
}

/// A parameter of Content-Disposition, without quotes; nullopt when there is none.
std::optional<std::string> disposition_parameter(std::string_view field, std::string_view wanted) {
  std::size_t at = field.find(';');
  while (at < field.size()) {
    const std::string_view rest = field.substr(at + 1);
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = trim(rest.substr(0, equals));
    std::string value;
    std::size_t end = equals + 1;
    if (end < rest.size() && rest[end] == '"') {
      for (++end; end < rest.size() && rest[end] != '"'; ++end) {
        if (rest[end] == '\\' && end + 1 < rest.size()) ++end;
        value.push_back(rest[end]);
      }
      end = rest.find(';', end);
    } else {
      end = rest.find(';', end);
      value = trim(rest.substr(equals + 1, end == rest.npos ? rest.npos : end - equals - 1));
    }
    if (equals_ignoring_case(name, wanted)) return value;
    if (end == std::string_view::npos) return std::nullopt;
    at += 1 + end;
  }
  return std::nullopt;
}

/// The file's name that Content-Disposition gives (RFC 6266): filename* before filename.
std::string disposition_filename(std::string_view field) {
  if (const auto extended = disposition_parameter(field, "filename*")) {
    constexpr std::string_view kCharset = "utf-8'";
    const bool utf8 =
        equals_ignoring_case(std::string_view(*extended).substr(0, kCharset.size()), kCharset);
    const auto language_end = extended->find('\'', kCharset.size());
    if (utf8 && language_end != std::string::npos) {
      if (auto name = percent_decode(std::string_view(*extended).substr(language_end + 1), false)) {
        return std::move(*name);
      }
    }
  }
  return disposition_parameter(field, "filename").value_or("");
}

/// What the record keeps as Upload-Metadata: the field itself when a client of both worlds sends
/// it, else what the fields of HTTP say.
std::string metadata_of(const http::Headers& headers) {
  if (const auto field = headers.get("Upload-Metadata")) return std::string(*field);
  std::string out;
  const auto add = [&out](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    out += concat(out.empty() ? "" : ",", key, ' ', to_base64(as_bytes(value)));
  };
  add("filename", disposition_filename(headers.get("Content-Disposition").value_or("")));
  if (!has_content_type(headers, kPartialUpload)) {
    add("filetype", headers.get("Content-Type").value_or(""));
  }
  return out;
}

}  // namespace

Speaker speaker_of(const http::Headers& headers) {
  Speaker speaker;
  speaker.names_tus = headers.has("Tus-Resumable");
  const bool ietf = headers.has("Upload-Complete") || headers.has("Upload-Incomplete") ||
                    headers.has("Upload-Draft-Interop-Version") ||
                    has_content_type(headers, kPartialUpload);
  if (!ietf) return speaker;
  speaker.dialect = Dialect::kIetf;
  const auto version = sf_length(headers.get("Upload-Draft-Interop-Version"));
  if (version && *version >= Speaker::kOldest && *version <= Speaker::kNewest) {
    speaker.version = static_cast<unsigned>(*version);
    speaker.named_version = true;
  } else if (headers.has("Upload-Incomplete") && !headers.has("Upload-Complete")) {
    speaker.version = Speaker::kOldest;
  }
  return speaker;
}

std::optional<bool> read_completeness(const http::Headers& headers) {
  if (const auto complete = sf_boolean(headers.get("Upload-Complete"))) return complete;
  const auto incomplete = sf_boolean(headers.get("Upload-Incomplete"));
  if (!incomplete) return std::nullopt;
  return !*incomplete;
}

Decision<> check_bare_request(const Speaker& speaker, const http::Headers& headers) {
  if (!speaker.is_ietf() || speaker.version > 5) return {};
  for (const char* name : {"Upload-Offset", "Upload-Complete", "Upload-Incomplete"}) {
    if (headers.has(name)) {
      return refuse(400, "field_not_allowed",
                    concat("HEAD and DELETE may not carry ", name, " in this version"));
    }
  }
  return {};
}

Decision<Creation> read_ietf_creation(const http::Headers& headers,
                                      std::optional<std::uint64_t> body_bytes,
                                      const Policy& policy) {
  const auto complete = read_completeness(headers);
  if (!complete) {
    return refuse(400, "completeness_missing",
                  "a resumable upload begins with Upload-Complete: ?0 or ?1");
  }
  Creation out;
  out.ends = *complete;
  out.takes_body = body_bytes != 0;
  auto checksum = read_content_digest(headers);
  if (!checksum) return std::unexpected(std::move(checksum.error()));
  out.checksum = std::move(*checksum);

  const AppendWish wish{.length = sf_length(headers.get("Upload-Length")),
                        .dialect = Dialect::kIetf,
                        .ends = out.ends};
  auto length = ietf_length(wish, store::Upload{}, body_bytes, policy);
  if (!length) return std::unexpected(std::move(length.error()));
  out.length = *length;
  if (out.length && body_bytes && *body_bytes > *out.length) {
    return std::unexpected(inconsistent_length(*out.length, *body_bytes));
  }

  out.metadata = metadata_of(headers);
  auto metadata = read_description(out);
  if (!metadata) return std::unexpected(std::move(metadata.error()));

  auto repr = read_digest(headers, "Repr-Digest");
  if (!repr) return std::unexpected(std::move(repr.error()));
  if (*repr) out.repr_digest = to_digest_field(**repr);
  const auto wanted = parse_want_digest(headers.get("Want-Repr-Digest").value_or(""));
  if (wanted) out.want_digest = http_digest_name(*wanted);
  return out;
}

Decision<AppendWish> read_ietf_append(const Speaker& speaker, const http::Headers& headers) {
  if (speaker.version >= 6 && !has_content_type(headers, kPartialUpload)) {
    return refuse(415, "content_type", concat("an append carries ", kPartialUpload));
  }
  const auto offset = sf_length(headers.get("Upload-Offset"));
  if (!offset) return refuse(400, "offset_missing", "an append needs Upload-Offset");
  auto checksum = read_content_digest(headers);
  if (!checksum) return std::unexpected(std::move(checksum.error()));
  // Version 3 names what is not the end; later ones name the end.
  const bool unsaid = speaker.version == 3;
  return AppendWish{.offset = *offset,
                    .length = sf_length(headers.get("Upload-Length")),
                    .checksum = std::move(*checksum),
                    .dialect = Dialect::kIetf,
                    .ends = read_completeness(headers).value_or(unsaid)};
}

Decision<> check_ietf_state(const AppendWish& wish, const store::Upload& upload,
                            std::optional<std::uint64_t> body_bytes) {
  if (concat_kind(upload.concat) == ConcatKind::kPartial) {
    return refuse(403, "partial_upload", "the parts of a concatenation are sent as tus 1.0.0");
  }
  const bool asks_again = wish.ends && body_bytes == 0 && wish.offset == upload.offset;
  if (upload.complete && !asks_again) {
    return refuse(400, "completed_upload", "the upload is complete and cannot change",
                  kCompletedUpload);
  }
  return {};
}

Decision<std::optional<std::uint64_t>> ietf_length(const AppendWish& wish,
                                                   const store::Upload& upload,
                                                   std::optional<std::uint64_t> body_bytes,
                                                   const Policy& policy) {
  auto length = upload.length ? upload.length : wish.length;
  if (wish.length && wish.length != length) {
    return std::unexpected(inconsistent_length(*length, *wish.length));
  }
  if (wish.ends && body_bytes) {
    if (*body_bytes > kBytesMax - upload.offset) {
      return refuse(413, "upload_too_large", "no upload can be that long");
    }
    const std::uint64_t end = upload.offset + *body_bytes;
    if (length && *length != end) return std::unexpected(inconsistent_length(*length, end));
    length = end;
  }
  if (length && *length < upload.offset) {
    return std::unexpected(inconsistent_length(*length, upload.offset));
  }
  if (length && policy.upload_bytes_max && *length > policy.upload_bytes_max) {
    return refuse(413, "upload_too_large",
                  concat("an upload may hold at most ", policy.upload_bytes_max, " bytes"));
  }
  return length;
}

void name_mismatch(Refusal& refusal, std::uint64_t expected, std::uint64_t provided) {
  refusal.type = kMismatchingOffset;
  refusal.members.emplace_back("expected-offset", expected);
  refusal.members.emplace_back("provided-offset", provided);
}

Refusal void_overrun(Dialect asked_by) {
  Refusal refusal{.status = asked_by == Dialect::kIetf ? 400 : 413,
                  .code = "body_past_length",
                  .detail = "the body runs past the upload's length; the upload is void",
                  .hint = "start a new one",
                  .voids_upload = true};
  if (asked_by == Dialect::kIetf) refusal.type = kInconsistentLength;
  return refusal;
}

Refusal inconsistent_length(std::uint64_t expected, std::uint64_t found) {
  return {.status = 400,
          .code = "inconsistent_length",
          .detail = concat("the upload's length is ", expected, " bytes, and this says ", found),
          .type = kInconsistentLength};
}

void name_wrong_digest(Refusal& refusal, const ChecksumOrder& checksum) {
  refusal.status = 400;
  refusal.code = "digest_mismatch";
  refusal.detail = "the bytes are not those of the digest that was announced; they were dropped";
  refusal.type = kMismatchingDigest;
  if (!checksum.in_head) return;
  refusal.members.emplace_back("algorithm",
                               std::string(http_digest_name(checksum.in_head->algorithm)));
  refusal.members.emplace_back("provided-digest", sf_bytes(as_text(checksum.in_head->digest)));
}

std::string upload_limit(const Policy& policy, std::optional<std::int64_t> expires_ms,
                         std::int64_t now_ms) {
  std::string out;
  if (policy.upload_bytes_max) out = concat("max-size=", policy.upload_bytes_max);
  if (expires_ms) {
    const std::int64_t left_s = std::max<std::int64_t>(*expires_ms - now_ms, 0) / 1000;
    out += concat(out.empty() ? "" : ", ", "max-age=", left_s);
  }
  return out.empty() ? "min-size=0" : out;
}

void add_ietf_progress(http::Headers& fields, const Speaker& speaker, const store::Upload& upload) {
  fields.set("Upload-Offset", concat(upload.offset));
  if (speaker.version == 3) {
    fields.set("Upload-Incomplete", upload.complete ? "?0" : "?1");
  } else {
    fields.set("Upload-Complete", upload.complete ? "?1" : "?0");
  }
}

void add_ietf_state(http::Headers& fields, const Speaker& speaker, const store::Upload& upload,
                    const Policy& policy, std::int64_t now_ms) {
  add_ietf_progress(fields, speaker, upload);
  if (upload.length) fields.set("Upload-Length", concat(*upload.length));
  fields.set("Upload-Limit", upload_limit(policy, expiry_of(upload, policy), now_ms));
  fields.set("Cache-Control", "no-store");
}

void add_ietf_options(http::Headers& fields, const Policy& policy, std::int64_t now_ms) {
  fields.add("Accept-Patch", std::string(kPartialUpload));
  std::optional<std::int64_t> expires_ms;
  if (policy.expire_after_ms > 0) expires_ms = now_ms + policy.expire_after_ms;
  fields.add("Upload-Limit", upload_limit(policy, expires_ms, now_ms));
}

}  // namespace sf::tus

#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>

#include <algorithm>

#include "ietf.hpp"

namespace sf::tus {
namespace {

constexpr std::string_view kExtensions =
    "creation,creation-with-upload,creation-defer-length,termination,checksum,checksum-trailer,"
    "concatenation,concatenation-unfinished";
constexpr std::string_view kBodyType = "application/offset+octet-stream";

std::unexpected<Refusal> refuse(int status, std::string_view code, std::string detail,
                                std::string_view hint = {}) {
  return std::unexpected(Refusal{status, code, std::move(detail), hint});
}

std::unexpected<Refusal> refuse_over_limit(const Policy& policy) {
  return refuse(413, "upload_too_large",
                concat("an upload may hold at most ", policy.upload_bytes_max, " bytes"));
}

/// An integer field that must be right when it is there (C27).
Decision<std::optional<std::uint64_t>> read_integer(const http::Headers& headers,
                                                    std::string_view name) {
  const auto text = headers.get(name);
  if (!text) return std::nullopt;
  const auto number = parse_decimal(*text, kBytesMax);
  if (!number) {
    return refuse(400, "bad_integer",
                  concat(name, " is not a whole number from 0 to 9223372036854775807"),
                  "digits only: no sign, point or unit");
  }
  return number;
}

bool announces_trailer(const http::Headers& headers, std::string_view field) {
  const auto announced = split(headers.get("Trailer").value_or(""), ',');
  return std::ranges::any_of(
      announced, [&](std::string_view name) { return equals_ignoring_case(trim(name), field); });
}

Decision<ChecksumOrder> read_checksum(const http::Headers& headers) {
  ChecksumOrder order;
  order.in_trailer = announces_trailer(headers, "Upload-Checksum");
  if (const auto field = headers.get("Upload-Checksum")) {
    auto checksum = parse_checksum(*field);
    if (!checksum) return refuse(400, "bad_checksum", std::move(checksum.error().message));
    order.in_head = std::move(*checksum);
  }
  return order;
}

Decision<std::optional<std::uint64_t>> read_creation_length(const http::Headers& headers,
                                                            ConcatKind concat,
                                                            const Policy& policy) {
  auto length = read_integer(headers, "Upload-Length");
  if (!length) return length;
  const auto deferred = headers.get("Upload-Defer-Length");
  if (deferred && *deferred != "1") {
    return refuse(400, "bad_defer_length", "Upload-Defer-Length can only be 1");
  }
  if (concat == ConcatKind::kFinal) {
    if (!*length && !deferred) return length;
    return refuse(400, "final_with_length",
                  "the length of a final upload is the sum of its parts and is not sent");
  }
  if (length->has_value() == deferred.has_value()) {
    return refuse(400, *length ? "length_and_defer" : "length_missing",
                  *length ? "Upload-Length and Upload-Defer-Length exclude each other"
                          : "a new upload needs Upload-Length, or Upload-Defer-Length: 1");
  }
  if (*length && policy.upload_bytes_max && **length > policy.upload_bytes_max) {
    return refuse_over_limit(policy);
  }
  return length;
}

/// Up to where a body that starts at `start` may reach, or why it may not be taken at all.
Decision<std::uint64_t> bound_body(std::uint64_t start, std::optional<std::uint64_t> length,
                                   std::optional<std::uint64_t> body_bytes, const Policy& policy) {
  const std::uint64_t limit = policy.upload_bytes_max ? policy.upload_bytes_max : kBytesMax;
  const std::uint64_t end_max = std::min(length.value_or(limit), limit);
  if (body_bytes && *body_bytes > end_max - std::min(start, end_max)) {
    if (!length) return refuse_over_limit(policy);
    return refuse(413, "body_past_length",
                  concat("the body holds ", *body_bytes, " bytes and ", end_max - start,
                         " remain of the upload"));
  }
  return end_max;
}

/// A length that a tus client declares with a PATCH (N12 to N14).
Decision<> check_declared_length(std::uint64_t declared, const store::Upload& upload,
                                 const Policy& policy) {
  if (upload.length && declared != *upload.length) {
    return refuse(400, "length_changed",
                  concat("the upload's length is ", *upload.length, " and cannot change"));
  }
  if (declared < upload.offset) {
    return refuse(400, "length_below_offset",
                  concat("the upload already holds ", upload.offset, " bytes"));
  }
  if (policy.upload_bytes_max && declared > policy.upload_bytes_max) {
    return refuse_over_limit(policy);
  }
  return {};
}

/// A part's place, if it names one, judged without the others.
Decision<std::optional<Placement>> read_placement(const Metadata& metadata,
                                                  std::optional<std::uint64_t> length,
                                                  const Policy& policy) {
  auto placement = placement_of(metadata);
  if (!placement) return refuse(400, "bad_group", std::move(placement.error().message));
  if (!*placement) return std::nullopt;
  const Placement& place = **placement;
  if (!length) return refuse(400, "bad_group", "a part that names its group has a known length");
  if (*length == 0 || place.at > place.total || *length > place.total - place.at) {
    return refuse(400, "bad_group", "a part must lie within its group's total");
  }
  if (policy.upload_bytes_max && place.total > policy.upload_bytes_max) {
    return refuse_over_limit(policy);
  }
  return std::move(*placement);
}

}  // namespace

Dialect creator_of(const store::Upload& upload) {
  const bool ietf = upload.explicit_end && concat_kind(upload.concat) == ConcatKind::kNone;
  return ietf ? Dialect::kIetf : Dialect::kTus;
}

bool lacks_only_its_end(const store::Upload& upload) {
  return !upload.complete && !upload.explicit_end && upload.length == upload.offset;
}

bool is_unfinished_final(const store::Upload& upload) {
  return concat_kind(upload.concat) == ConcatKind::kFinal && upload.length != upload.offset;
}

bool has_content_type(const http::Headers& headers, std::string_view type) {
  const std::string_view field = headers.get("Content-Type").value_or("");
  return equals_ignoring_case(trim(field.substr(0, field.find(';'))), type);
}

http::Method method_of(http::Method method, const http::Headers& headers) {
  if (method != http::Method::kPost) return method;
  const auto meant = http::method_named(headers.get("X-HTTP-Method-Override").value_or(""));
  const bool known = meant == http::Method::kPatch || meant == http::Method::kHead ||
                     meant == http::Method::kDelete;
  return known ? *meant : method;
}

Decision<> check_version(http::Method method, const http::Headers& headers) {
  if (method == http::Method::kOptions) return {};
  const auto version = headers.get("Tus-Resumable");
  if (version == kVersion) return {};
  const bool browses = method == http::Method::kGet || method == http::Method::kHead;
  if (!version && browses) return {};
  return refuse(
      412, "tus_version",
      version ? "this server speaks another version of tus" : "the field Tus-Resumable is missing",
      "send Tus-Resumable: 1.0.0");
}

Decision<Metadata> read_description(Creation& creation) {
  auto metadata = Metadata::parse(creation.metadata);
  if (!metadata) {
    const bool large = metadata.error().code == ErrorCode::kTooLarge;
    return refuse(large ? 431 : 400, "bad_metadata", std::move(metadata.error().message));
  }
  auto description = describe(*metadata);
  if (!description) return refuse(400, "bad_metadata", std::move(description.error().message));
  creation.description = std::move(*description);
  return std::move(*metadata);
}

Decision<Creation> read_creation(const http::Headers& headers,
                                 std::optional<std::uint64_t> body_bytes, const Policy& policy) {
  Creation out;
  if (const auto concat = headers.get("Upload-Concat")) {
    auto list = parse_concat(*concat);
    if (!list) return refuse(400, "bad_concat", std::move(list.error().message));
    out.concat = *concat;
    out.concat_list = std::move(*list);
  }
  auto length = read_creation_length(headers, out.concat_list.kind, policy);
  if (!length) return std::unexpected(std::move(length.error()));
  out.length = *length;

  out.metadata = headers.get("Upload-Metadata").value_or("");
  auto metadata = read_description(out);
  if (!metadata) return std::unexpected(std::move(metadata.error()));

  if (out.concat_list.kind == ConcatKind::kPartial) {
    auto placement = read_placement(*metadata, out.length, policy);
    if (!placement) return std::unexpected(std::move(placement.error()));
    out.placement = std::move(*placement);
  }

  out.takes_body = has_content_type(headers, kBodyType) && body_bytes != 0;
  if (!out.takes_body) return out;
  if (out.concat_list.kind == ConcatKind::kFinal) {
    return refuse(403, "final_upload", "a final upload takes no bytes of its own");
  }
  auto checksum = read_checksum(headers);
  if (!checksum) return std::unexpected(std::move(checksum.error()));
  out.checksum = std::move(*checksum);
  if (auto bound = bound_body(0, out.length, body_bytes, policy); !bound) {
    return std::unexpected(std::move(bound.error()));
  }
  return out;
}

Decision<AppendWish> read_append(const http::Headers& headers) {
  if (!has_content_type(headers, kBodyType)) {
    return refuse(415, "content_type", "a PATCH carries application/offset+octet-stream");
  }
  auto offset = read_integer(headers, "Upload-Offset");
  if (!offset) return std::unexpected(std::move(offset.error()));
  if (!*offset) return refuse(400, "offset_missing", "a PATCH needs Upload-Offset");
  auto length = read_integer(headers, "Upload-Length");
  if (!length) return std::unexpected(std::move(length.error()));
  auto checksum = read_checksum(headers);
  if (!checksum) return std::unexpected(std::move(checksum.error()));
  return AppendWish{**offset, *length, std::move(*checksum)};
}

Decision<Append> decide_append(const AppendWish& wish, const store::Upload& upload,
                               std::optional<std::uint64_t> body_bytes, const Policy& policy) {
  const bool ietf = wish.dialect == Dialect::kIetf;
  if (concat_kind(upload.concat) == ConcatKind::kFinal) {
    return refuse(403, "final_upload", "a final upload takes no bytes of its own");
  }
  if (ietf) {
    auto known = check_ietf_state(wish, upload, body_bytes);
    if (!known) return std::unexpected(std::move(known.error()));
  }
  if (wish.offset != upload.offset) {
    Refusal refusal{409, "offset_conflict",
                    concat("the upload is at ", upload.offset, ", not at ", wish.offset),
                    "ask with HEAD and continue from its Upload-Offset"};
    if (ietf) name_mismatch(refusal, upload.offset, wish.offset);
    return std::unexpected(std::move(refusal));
  }
  Append out{.start = upload.offset, .dialect = wish.dialect, .checksum = wish.checksum};
  auto declared = wish.length;
  if (ietf) {
    auto told = ietf_length(wish, upload, body_bytes, policy);
    if (!told) return std::unexpected(std::move(told.error()));
    declared = *told;
  } else if (declared) {
    auto right = check_declared_length(*declared, upload, policy);
    if (!right) return std::unexpected(std::move(right.error()));
  }
  if (!upload.length) out.declares_length = declared;

  const bool ietf_made = creator_of(upload) == Dialect::kIetf;
  if (upload.length == upload.offset && !(ietf_made && ietf && !upload.complete)) {
    out.kind = Append::Kind::kNothing;
    return out;
  }
  if (ietf && wish.ends) {
    out.end = Append::End::kNow;
  } else if (ietf_made) {
    out.end = Append::End::kNotYet;
  }
  const auto length = upload.length ? upload.length : declared;
  out.overrun_voids = ietf_made && length.has_value();
  auto end_max = bound_body(upload.offset, length, body_bytes, policy);
  if (!end_max) {
    if (out.overrun_voids && body_bytes) return std::unexpected(void_overrun(wish.dialect));
    return std::unexpected(std::move(end_max.error()));
  }
  out.end_max = *end_max;
  const bool may_overrun = !body_bytes && out.end_max < kBytesMax && !out.overrun_voids;
  out.acknowledges_early = !wish.checksum.any() && !may_overrun;
  return out;
}

bool keeps_bytes(BodyEnd end, bool checksum_announced) noexcept {
  if (end == BodyEnd::kOverrun) return false;
  return end == BodyEnd::kWhole || !checksum_announced;
}

Refusal refusal_of(BodyEnd end) {
  switch (end) {
    case BodyEnd::kOverrun:
      return {413, "body_past_length",
              "the body ran past the upload's length; none of it was kept"};
    case BodyEnd::kMalformed:
      return {400, "bad_framing", "the body's chunked framing is broken; what came before is kept"};
    case BodyEnd::kTakenOver:
      return {423, "taken_over", "a newer request has taken this upload over",
              "ask with HEAD and continue from its Upload-Offset"};
    case BodyEnd::kStopping:
      return {503, "stopping", "the server is stopping; the bytes received are kept",
              "try again in a few seconds"};
    case BodyEnd::kNoSpace:
      return {507, "no_space", "the disk is full; the bytes that were written are kept",
              "try again when there is space"};
    case BodyEnd::kDiskFailed:
      return {500, "disk_failed", "the disk refused a write; what was acknowledged is kept"};
    case BodyEnd::kStalled:
      return {503, "body_stalled", "no bytes came for too long; those received are kept",
              "ask with HEAD and continue from its Upload-Offset"};
    case BodyEnd::kPeerGone:
    case BodyEnd::kWhole:
      break;
  }
  return {503, "body_cut", "the body ended early; the bytes received are kept",
          "ask with HEAD and continue from its Upload-Offset"};
}

Refusal refusal_of(ChecksumVerdict verdict) {
  switch (verdict) {
    case ChecksumVerdict::kMissing:
      return {400, "checksum_missing", "the announced trailer Upload-Checksum did not come"};
    case ChecksumVerdict::kMalformed:
      return {400, "bad_checksum", "the trailer's Upload-Checksum is malformed or contradicts"};
    case ChecksumVerdict::kMismatch:
    case ChecksumVerdict::kMatches:
      break;
  }
  return {460, "checksum_mismatch", "the bytes are not those of Upload-Checksum; they were dropped",
          "send them again from the same offset"};
}

Refusal refusal_of(BodyEnd end, const Append& append) {
  if (end == BodyEnd::kOverrun && append.overrun_voids) return void_overrun(append.dialect);
  return refusal_of(end);
}

Refusal refusal_of(ChecksumVerdict verdict, const Append& append) {
  Refusal refusal = refusal_of(verdict);
  if (append.dialect == Dialect::kIetf) name_wrong_digest(refusal, append.checksum);
  return refusal;
}

std::optional<std::int64_t> expiry_of(const store::Upload& upload, const Policy& policy) {
  const ConcatKind kind = concat_kind(upload.concat);
  // A final that waits for its parts goes when one of them does.
  const bool made =
      kind == ConcatKind::kFinal && (upload.group.empty() || !is_unfinished_final(upload));
  const bool used = made || (upload.complete && kind == ConcatKind::kNone);
  if (used || policy.expire_after_ms <= 0) return std::nullopt;
  return upload.updated_at_ms + policy.expire_after_ms;
}

void add_options_fields(http::Headers& fields, const Policy& policy) {
  fields.add("Tus-Version", std::string(kVersion));
  fields.add("Tus-Extension", concat(kExtensions, policy.expire_after_ms > 0 ? ",expiration" : ""));
  fields.add("Tus-Checksum-Algorithm", std::string(kChecksumAlgorithms));
  if (policy.upload_bytes_max) fields.add("Tus-Max-Size", concat(policy.upload_bytes_max));
}

void add_offset_fields(http::Headers& fields, const store::Upload& upload, const Policy& policy) {
  fields.add("Upload-Offset", concat(upload.offset));
  if (const auto expiry = expiry_of(upload, policy)) {
    fields.add("Upload-Expires", to_http_date(*expiry));
  }
}

void add_state_fields(http::Headers& fields, const store::Upload& upload, const Policy& policy) {
  if (!is_unfinished_final(upload)) add_offset_fields(fields, upload, policy);
  if (upload.length) {
    fields.add("Upload-Length", concat(*upload.length));
  } else {
    fields.add("Upload-Defer-Length", "1");
  }
  if (!upload.metadata.empty()) fields.add("Upload-Metadata", upload.metadata);
  if (!upload.concat.empty()) fields.add("Upload-Concat", upload.concat);
  fields.add("Cache-Control", "no-store");
}

}  // namespace sf::tus

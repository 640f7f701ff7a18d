#include "cors.hpp"

#include <algorithm>

namespace sf::tus {
namespace {

// Spelled out one by one: "*" does not cover Authorization, and old browsers know no "*". The
// fields of the IETF draft stand here already, so that pages may send both dialects.
constexpr std::string_view kAllowedMethods = "POST, HEAD, PATCH, OPTIONS, GET, DELETE";
constexpr std::string_view kAllowedFields =
    "Authorization, Origin, X-Requested-With, X-Request-ID, X-HTTP-Method-Override, Content-Type, "
    "Content-Disposition, Content-Digest, Repr-Digest, Want-Repr-Digest, Idempotency-Key, Range, "
    "Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Defer-Length, "
    "Upload-Concat, Upload-Checksum, Upload-Complete, Upload-Incomplete, "
    "Upload-Draft-Interop-Version";
constexpr std::string_view kExposedFields =
    "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Upload-Concat, "
    "Upload-Expires, Tus-Version, Tus-Resumable, Tus-Max-Size, Tus-Extension, "
    "Tus-Checksum-Algorithm, Upload-Complete, Upload-Incomplete, Upload-Limit, "
    "Upload-Draft-Interop-Version, Accept-Patch, Content-Digest, Repr-Digest, Retry-After, "
    "Content-Range, ETag";
constexpr std::string_view kPreflightSeconds = "86400";

std::string_view authority_of(std::string_view origin) {
  const auto scheme_end = origin.find("://");
  return scheme_end == std::string_view::npos ? origin : origin.substr(scheme_end + 3);
}

}  // namespace

Cors::Cors(std::vector<std::string> allowed_origins)
    : allowed_origins_(std::move(allowed_origins)) {}

bool Cors::allows(std::string_view origin, std::string_view authority) const {
  if (allowed_origins_.empty() || equals_ignoring_case(authority_of(origin), authority)) {
    return true;
  }
  return std::ranges::any_of(allowed_origins_, [&](const std::string& allowed) {
    return equals_ignoring_case(allowed, origin);
  });
}

void Cors::add_fields(http::Headers& fields, std::string_view origin, bool preflight) const {
  fields.add("Access-Control-Allow-Origin",
             allowed_origins_.empty() ? std::string("*") : std::string(origin));
  fields.add("Vary", "Origin");
  fields.add("Access-Control-Expose-Headers", std::string(kExposedFields));
  if (!preflight) return;
  fields.add("Access-Control-Allow-Methods", std::string(kAllowedMethods));
  fields.add("Access-Control-Allow-Headers", std::string(kAllowedFields));
  fields.add("Access-Control-Max-Age", std::string(kPreflightSeconds));
}

}  // namespace sf::tus

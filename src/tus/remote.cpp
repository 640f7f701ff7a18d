#include "remote.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/json.hpp>

#include <algorithm>

#include "protocol.hpp"

namespace sf::tus {
namespace {

using http::ClientResponse;
using http::Headers;
using http::Method;

constexpr unsigned kConnectMs = 10'000;
/// Long enough for a server that syncs a large file before it answers.
constexpr unsigned kStallMs = 90'000;
constexpr std::int64_t kRetryAfterMsMax = 24 * 60 * 60 * 1000;

bool is_gone(int status) { return status == 404 || status == 410; }

bool may_pass(int status) {
  switch (status) {
    case 408:
    case 409:
    case 423:
    case 425:
    case 429:
    case 460:  // tus: the body was damaged on its way.
      return true;
    case 501:
    case 505:
    case 507:
      return false;
    default:
      return status >= 500;
  }
}

ErrorCode code_of(int status) {
  if (may_pass(status)) return ErrorCode::kUnavailable;
  if (is_gone(status)) return ErrorCode::kNotFound;
  switch (status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 413:
      return ErrorCode::kTooLarge;
    case 507:
      return ErrorCode::kNoSpace;
    default:
      return ErrorCode::kInvalidArgument;
  }
}

std::string_view advice_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated:
      return "give a valid token with --token or STREAMFORGE_TOKEN; `streamforge token create "
             "USER` on the server makes one";
    case ErrorCode::kPermissionDenied:
      return "use the token of an account that may upload";
    case ErrorCode::kNoSpace:
      return "make room on the server and run the same command again; what was sent is kept";
    default:
      return "";
  }
}

/// A refusal in the server's own words when it gave any.
Error error_of(const ClientResponse& answer, std::string_view what) {
  const ErrorCode code = code_of(answer.status);
  std::string said;
  std::string hint(advice_for(code));
  if (const auto problem = json::parse(answer.body); problem && problem->is_object()) {
    said = problem->string_at("detail");
    if (hint.empty()) hint = problem->string_at("hint");
  }
  // Not followed: the token was meant for the server that was named.
  if (const auto to = answer.headers.get("Location"); to && answer.status / 100 == 3) {
    hint = concat("it sends to ", *to, ", so give --to the address of that");
  }
  if (said.empty()) said = http::reason_phrase(answer.status);
  for (std::string* sentence : {&said, &hint}) {
    if (sentence->ends_with('.')) sentence->pop_back();
  }
  std::string text = concat(what, ": the server answered ", answer.status, ": ", said);
  if (!hint.empty()) text += concat("; ", hint);
  return {code, std::move(text), 0};
}

/// "/path" of a Location, which may be absolute.
std::string path_of(std::string_view location) {
  const auto scheme_end = location.find("://");
  if (scheme_end == std::string_view::npos) return std::string(location);
  const auto slash = location.find('/', scheme_end + 3);
  return slash == std::string_view::npos ? "/" : std::string(location.substr(slash));
}

/// "/media" of "https://HOST/media".
std::string_view base_path_of(std::string_view base_url) {
  const auto scheme_end = base_url.find("://");
  const auto slash = base_url.find('/', scheme_end == std::string_view::npos ? 0 : scheme_end + 3);
  return slash == std::string_view::npos ? "" : base_url.substr(slash);
}

std::string_view last_segment(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Headers common_fields(const UploadOrder& order) {
  Headers headers;
  headers.add("Tus-Resumable", std::string(kVersion));
  if (!order.token.empty()) headers.add("Authorization", concat("Bearer ", order.token));
  return headers;
}

std::string metadata_of(const UploadOrder& order, const std::optional<Placement>& place) {
  std::string field;
  const auto add = [&field](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    field += concat(field.empty() ? "" : ",", key, ' ', to_base64(as_bytes(value)));
  };
  add("filename", last_segment(order.file));
  add("title", order.title);
  add("visibility", order.visibility);
  if (place) {
    add("group", place->group);
    add("offset", concat(place->at));
    add("total", concat(place->total));
  }
  return field;
}

/// The Location of a 201.
Result<std::string> location_of(const ClientResponse& answer, std::string_view what) {
  const auto location = answer.headers.get("Location");
  if (answer.status == 201 && location) return std::string(*location);
  return fail(error_of(answer, what));
}

}  // namespace

bool may_pass(const Error& error) noexcept {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimedOut ||
         error.code == ErrorCode::kClosed || error.code == ErrorCode::kIo;
}

std::uint64_t retry_after_ms_of(std::string_view field, std::int64_t wall_now_ms) {
  std::int64_t ms = 0;
  if (const auto seconds = parse_decimal(field, kRetryAfterMsMax / 1000)) {
    ms = static_cast<std::int64_t>(*seconds) * 1000;
  } else if (parse_decimal(field)) {
    ms = kRetryAfterMsMax;
  } else if (const auto date_ms = parse_http_date(field)) {
    ms = *date_ms - wall_now_ms;
  }
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(ms, 0, kRetryAfterMsMax));
}

std::string id_of(std::string_view location) {
  return std::string(last_segment(path_of(location)));
}

Remote::Remote(const UploadOrder& order, std::function<bool(std::uint64_t)> watch)
    : order_(order),
      collection_(concat(base_path_of(order.base_url), "/files")),
      client_(order.base_url, order.insecure) {
  client_.set_timeouts(kConnectMs, kStallMs);
  client_.set_watch(std::move(watch));
}

Result<ClientResponse> Remote::heard(Result<ClientResponse> answer) {
  retry_after_ms_ = 0;
  if (!answer) return answer;
  has_answered_ = true;
  if (const auto field = answer->headers.get("Retry-After")) {
    retry_after_ms_ = retry_after_ms_of(*field, wall_ms());
  }
  return answer;
}

Result<bool> Remote::joins_parts() {
  const auto answer = heard(client_.send(Method::kOptions, collection_, common_fields(order_)));
  if (!answer) return fail(answer.error());
  if (may_pass(answer->status)) return fail(error_of(*answer, "asking what the server can do"));
  const auto extensions = answer->headers.get("Tus-Extension").value_or("");
  return std::ranges::any_of(split(extensions, ','), [](std::string_view extension) {
    return trim(extension) == "concatenation";
  });
}

Result<std::string> Remote::create(std::uint64_t bytes, const std::optional<Placement>& place) {
  Headers headers = common_fields(order_);
  if (place) headers.add("Upload-Concat", "partial");
  headers.add("Upload-Length", concat(bytes));
  headers.add("Upload-Metadata", metadata_of(order_, place));
  const auto answer = heard(client_.send(Method::kPost, collection_, headers));
  if (!answer) return fail(answer.error());
  auto location = location_of(*answer, "creating the upload");
  if (!location && (is_gone(answer->status) || answer->status == 405)) {
    return fail(ErrorCode::kUnsupported,
                concat(location.error().message, "; no tus server is at ", order_.base_url,
                       "; --to takes the address of one, with the path that it is below"));
  }
  return location;
}

Result<std::uint64_t> Remote::offset(std::string_view location, std::uint64_t bytes) {
  const auto answer = heard(client_.send(Method::kHead, path_of(location), common_fields(order_)));
  if (!answer) return fail(answer.error());
  if (answer->status != 200 && answer->status != 204) {
    return fail(error_of(*answer, "asking for the offset"));
  }
  const auto length = parse_decimal(answer->headers.get("Upload-Length").value_or(""));
  if (length != bytes) return fail(ErrorCode::kNotFound, "the server has another upload there");
  const auto offset = parse_decimal(answer->headers.get("Upload-Offset").value_or(""));
  if (offset && *offset <= bytes) return *offset;
  return fail(ErrorCode::kCorrupt, "the server gave an offset that cannot be");
}

Result<std::uint64_t> Remote::append(std::string_view location, std::uint64_t offset, int file,
                                     std::uint64_t file_offset, std::uint64_t bytes) {
  Headers headers = common_fields(order_);
  headers.add("Content-Type", "application/offset+octet-stream");
  headers.add("Upload-Offset", concat(offset));
  const auto answer = heard(
      client_.send_file(Method::kPatch, path_of(location), headers, file, file_offset, bytes));
  if (!answer) return fail(answer.error());
  if (answer->status != 204 && answer->status != 200) {
    return fail(error_of(*answer, "sending the file"));
  }
  const auto now = parse_decimal(answer->headers.get("Upload-Offset").value_or(""));
  if (now && *now > offset && *now <= offset + bytes) return *now;
  return fail(ErrorCode::kCorrupt, "the server gave an offset that cannot be");
}

Result<std::string> Remote::join(const std::vector<std::string>& parts) {
  std::string list = "final;";
  for (const std::string& part : parts) {
    list += concat(list.ends_with(';') ? "" : " ", path_of(part));
  }
  Headers headers = common_fields(order_);
  headers.add("Upload-Concat", list);
  headers.add("Upload-Metadata", metadata_of(order_, std::nullopt));
  const auto answer = heard(client_.send(Method::kPost, collection_, headers));
  if (!answer) return fail(answer.error());
  return location_of(*answer, "joining the parts");
}

}  // namespace sf::tus

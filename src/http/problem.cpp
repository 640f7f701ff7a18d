#include <streamforge/base/json.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/http/message.hpp>

namespace sf::http {

namespace {

std::string hint_for(int status) {
  switch (status) {
    case 500:
      return "Look for this request_id in the server's log.";
    case 503:
      return "Try again in a moment.";
    case 507:
      return "Free some space on the server's disk, then try again.";
    default:
      return {};
  }
}

}  // namespace

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kTooLarge:
      return 413;
    case ErrorCode::kUnsupported:
      return 415;
    case ErrorCode::kNoSpace:
      return 507;
    case ErrorCode::kTimedOut:
      return 408;
    case ErrorCode::kCancelled:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kClosed:
      return 400;
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

Response problem(const Request& request, const Problem& problem) {
  json::Writer writer;
  writer.begin_object()
      .field("type", problem.type.empty() ? std::string_view("about:blank") : problem.type)
      .field("title", problem.title.empty() ? reason_phrase(problem.status) : problem.title)
      .field("status", problem.status)
      .field("code", problem.code);
  if (!problem.detail.empty()) writer.field("detail", problem.detail);
  if (!problem.hint.empty()) writer.field("hint", problem.hint);
  if (!request.request_id.empty()) writer.field("request_id", request.request_id);
  for (const auto& [name, value] : problem.members) {
    writer.key(name);
    std::visit([&writer](const auto& member) { writer.value(member); }, value);
  }
  writer.end_object();
  auto response =
      Response::text(problem.status, std::move(writer).take(), "application/problem+json");
  response.headers.add("Cache-Control", "no-store");
  if (problem.status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

Response problem(const Request& request, const Error& error, std::string_view hint) {
  Problem document;
  document.status = status_of(error.code);
  document.code = name_of(error.code);
  document.hint = hint.empty() ? hint_for(document.status) : std::string(hint);
  if (document.status >= 500) {
    log::error("http", "request failed",
               {{"request_id", request.request_id},
                {"target", request.target},
                {"code", name_of(error.code)},
                {"error", error.message},
                {"errno", error.sys}});
  } else {
    document.detail = error.message;
  }
  return problem(request, document);
}

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 104:
      return "Upload Resumption Supported";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 460:
      return "Checksum Mismatch";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

}  // namespace sf::http

#include <streamforge/base/clock.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/http/representation.hpp>

#include "conditionals.hpp"

namespace sf::http {

namespace {

using Bytes = std::variant<SharedBytes, FileSlice>;

std::uint64_t size_of(const Bytes& bytes) {
  if (const auto* shared = std::get_if<SharedBytes>(&bytes)) return shared->bytes.size();
  return std::get<FileSlice>(bytes).bytes;
}

SharedBytes part_of(const SharedBytes& whole, ByteRange range) {
  return {whole.owner, whole.bytes.subspan(range.first, range.last - range.first + 1)};
}

FileSlice part_of(const FileSlice& whole, ByteRange range) {
  return {whole.file, whole.offset + range.first, range.last - range.first + 1};
}

std::string content_range(ByteRange range, std::uint64_t bytes) {
  return concat("bytes ", range.first, '-', range.last, '/', bytes);
}

/// The fields that a 304 repeats (RFC 9110 section 15.4.5).
void add_validators(Response& response, const Representation& representation) {
  if (!representation.etag.empty()) response.headers.add("ETag", representation.etag);
  if (representation.last_modified_ms != 0) {
    response.headers.add("Last-Modified", to_http_date(representation.last_modified_ms));
  }
  if (!representation.cache_control.empty()) {
    response.headers.add("Cache-Control", representation.cache_control);
  }
  if (representation.varies_by_encoding) response.headers.add("Vary", "Accept-Encoding");
}

Response make_response(int status, const Representation& representation, std::string content_type) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", std::move(content_type));
  if (!representation.content_encoding.empty()) {
    response.headers.add("Content-Encoding", representation.content_encoding);
  }
  add_validators(response, representation);
  response.headers.add("Accept-Ranges", "bytes");
  return response;
}

Response whole(Representation& representation) {
  Response response = make_response(200, representation, representation.content_type);
  if (auto* shared = std::get_if<SharedBytes>(&representation.bytes)) {
    response.body = std::move(*shared);
  } else {
    response.body = std::get<FileSlice>(std::move(representation.bytes));
  }
  return response;
}

Response single_range(const Representation& representation, ByteRange range) {
  Response response = make_response(206, representation, representation.content_type);
  response.headers.add("Content-Range", content_range(range, size_of(representation.bytes)));
  if (const auto* shared = std::get_if<SharedBytes>(&representation.bytes)) {
    response.body = part_of(*shared, range);
  } else {
    response.body = part_of(std::get<FileSlice>(representation.bytes), range);
  }
  return response;
}

/// RFC 9110 section 14.6. Of a file, the parts are sent from where they lie; of memory, they are
/// copied: their sum is at most the whole, for ranges do not overlap.
Response several_ranges(const Representation& representation,
                        const std::vector<ByteRange>& ranges) {
  // Random, so that no stored bytes can have been made to look like the end of a part.
  const std::string boundary = make_secret(20);
  Response response =
      make_response(206, representation, concat("multipart/byteranges; boundary=", boundary));
  std::vector<std::string> heads;
  for (const auto range : ranges) {
    heads.push_back(concat(
        "\r\n--", boundary, "\r\nContent-Type: ", representation.content_type,
        "\r\nContent-Range: ", content_range(range, size_of(representation.bytes)), "\r\n\r\n"));
  }
  heads.push_back(concat("\r\n--", boundary, "--\r\n"));
  if (const auto* file = std::get_if<FileSlice>(&representation.bytes)) {
    std::vector<FileSlice> slices;
    for (const auto range : ranges) slices.push_back(part_of(*file, range));
    response.body = std::move(slices);
    response.part_heads = std::move(heads);
    return response;
  }
  std::string text;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto part = part_of(std::get<SharedBytes>(representation.bytes), ranges[i]);
    text.append(heads[i]).append(as_text(part.bytes));
  }
  response.body = text.append(heads.back());
  return response;
}

Response precondition_failed(const Request& request) {
  return problem(request,
                 Problem{.status = 412,
                         .code = "precondition_failed",
                         .detail = "This is not the version that the request was made for.",
                         .hint = "Read it again, then repeat the request."});
}

Response unsatisfiable(const Request& request, std::uint64_t bytes) {
  auto response = problem(request, Problem{.status = 416,
                                           .code = "range_not_satisfiable",
                                           .detail = concat("There are ", bytes, " bytes.")});
  response.headers.add("Content-Range", concat("bytes */", bytes));
  response.headers.add("Accept-Ranges", "bytes");
  return response;
}

}  // namespace

Response respond(const Request& request, Representation representation) {
  const Validators validators{representation.etag, representation.last_modified_ms};
  switch (check_preconditions(request, validators)) {
    case Precondition::kFailed:
      return precondition_failed(request);
    case Precondition::kNotModified: {
      auto response = Response::empty(304);
      add_validators(response, representation);
      return response;
    }
    case Precondition::kProceed:
      break;
  }
  const auto field = request.headers.get("range");
  // Only GET has ranges (RFC 9110 section 14.2).
  if (!field || request.method != Method::kGet || !range_applies(request, validators)) {
    return whole(representation);
  }
  const std::uint64_t bytes = size_of(representation.bytes);
  const auto decision = decide_ranges(*field, bytes);
  switch (decision.verdict) {
    case RangeVerdict::kWhole:
      break;
    case RangeVerdict::kUnsatisfiable:
      return unsatisfiable(request, bytes);
    case RangeVerdict::kRanges:
      return decision.ranges.size() == 1 ? single_range(representation, decision.ranges.front())
                                         : several_ranges(representation, decision.ranges);
  }
  return whole(representation);
}

}  // namespace sf::http

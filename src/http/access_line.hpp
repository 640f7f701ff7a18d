#pragma once

/// A line of the access log, put together where it is written from: a request may take 5 µs, and
/// this a fiftieth of it. Pure. The same text as log::write would make of these fields.

#include <streamforge/base/log.hpp>
#include <streamforge/http/message.hpp>

namespace sf::http {

struct AccessLine {
  std::int64_t wall_time_ms = 0;
  std::string_view method;
  std::string_view target;  ///< Empty: refused before there was one.
  Version version = Version::kHttp11;
  int status = 0;
  std::uint64_t bytes = 0;
  std::uint64_t took_ns = 0;
  std::string_view peer;
  std::string_view request_id;  ///< One of ours: nothing in it is to be quoted.
  std::string_view ended;       ///< "whole", or the name of an ErrorCode.
};

[[nodiscard]] std::size_t access_line_bytes_max(const AccessLine& line) noexcept;
/// With its newline; the end of it.
[[nodiscard]] char* put_access_line(char* out, log::Format format, const AccessLine& line);

}  // namespace sf::http

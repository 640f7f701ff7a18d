#include "support/raw_http.hpp"

#include <streamforge/base/bytes.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>

namespace sf::test {

namespace {

constexpr std::size_t kLineBytesMax = 64 * 1024;

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error(why); }

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

void parse_status_line(const std::string& line, HttpResponse& response) {
  // "HTTP/1.1 200 OK"; the reason may be empty, the space before it may not (RFC 9112 section 4).
  const bool shaped = line.size() >= 13 && line.starts_with("HTTP/1.") && line[8] == ' ' &&
                      line[12] == ' ' && parse_decimal(std::string_view(line).substr(9, 3));
  if (!shaped) refuse(concat("not a status line: \"", line, '"'));
  response.version = line.substr(0, 8);
  response.status = static_cast<int>(*parse_decimal(std::string_view(line).substr(9, 3)));
  response.reason = line.substr(13);
}

}  // namespace

std::optional<std::string> HttpResponse::find(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

std::size_t HttpResponse::count(std::string_view name) const {
  std::size_t count = 0;
  for (const auto& field : fields) count += equals_ignoring_case(field.first, name) ? 1 : 0;
  return count;
}

RawHttp::RawHttp(std::uint16_t port, unsigned timeout_ms)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), timeout_ms_(timeout_ms) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    refuse(concat("cannot connect to port ", int{port}));
  }
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const timeval bound{timeout_ms / 1000, static_cast<suseconds_t>(timeout_ms % 1000) * 1000};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
}

bool RawHttp::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) refuse("the peer takes no bytes");
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawHttp::fill(unsigned timeout_ms) {
  pollfd readable{fd_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&readable, 1, static_cast<int>(timeout_ms));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) refuse(concat("nothing came within ", timeout_ms, " ms"));
  std::array<char, 65536> chunk;
  const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
  if (got <= 0) return false;
  pending_.append(chunk.data(), static_cast<std::size_t>(got));
  return true;
}

std::string RawHttp::take_line() {
  std::size_t end = 0;
  while ((end = pending_.find("\r\n")) == std::string::npos) {
    if (pending_.size() > kLineBytesMax) refuse("a line without end");
    if (!fill(timeout_ms_)) refuse(concat("closed inside a head, after \"", pending_, '"'));
  }
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 2);
  return line;
}

std::string RawHttp::take(std::size_t bytes) {
  while (pending_.size() < bytes) {
    if (!fill(timeout_ms_)) {
      refuse(concat("closed after ", std::uint64_t{pending_.size()}, " of ", std::uint64_t{bytes},
                    " body bytes"));
    }
  }
  std::string content = pending_.substr(0, bytes);
  pending_.erase(0, bytes);
  return content;
}

std::string RawHttp::take_chunked() {
  std::string body;
  for (;;) {
    const std::string line = take_line();
    std::size_t bytes = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), bytes, 16);
    const bool whole = end == line.data() + line.size() || *end == ';';
    if (error != std::errc() || !whole) refuse(concat("not a chunk size: \"", line, '"'));
    if (bytes == 0) break;
    body += take(bytes);
    if (!take_line().empty()) refuse("no line end behind a chunk");
  }
  while (!take_line().empty()) {  // Trailer fields.
  }
  return body;
}

HttpResponse RawHttp::read_response(bool to_head) {
  HttpResponse response;
  parse_status_line(take_line(), response);
  for (std::string line = take_line(); !line.empty(); line = take_line()) {
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string::npos) refuse(concat("not a field: \"", line, '"'));
    response.fields.emplace_back(line.substr(0, colon),
                                 trim(std::string_view(line).substr(colon + 1)));
  }
  if (to_head || has_no_body(response.status)) return response;
  if (equals_ignoring_case(response["Transfer-Encoding"], "chunked")) {
    response.body = take_chunked();
  } else if (const auto length = response.find("Content-Length")) {
    const auto bytes = parse_decimal(*length);
    if (!bytes) refuse(concat("not a Content-Length: ", *length));
    response.body = take(*bytes);
  } else {
    response.ended_by_close = true;
    response.body = read_to_end();
  }
  return response;
}

HttpResponse RawHttp::exchange(std::string_view request) {
  send(request);  // An answer may be there even when the peer closed before it took everything.
  return read_response(request.starts_with("HEAD "));
}

std::string RawHttp::read_to_end() {
  while (fill(timeout_ms_)) {
  }
  return std::exchange(pending_, {});
}

bool RawHttp::has_bytes_within(unsigned timeout_ms) {
  if (!pending_.empty()) return true;
  pollfd readable{fd_.get(), POLLIN, 0};
  return ::poll(&readable, 1, static_cast<int>(timeout_ms)) > 0 && fill(timeout_ms);
}

bool RawHttp::closed_within(unsigned timeout_ms) {
  if (!pending_.empty()) return false;
  pollfd readable{fd_.get(), POLLIN, 0};
  return ::poll(&readable, 1, static_cast<int>(timeout_ms)) > 0 && !fill(timeout_ms);
}

void RawHttp::half_close() { ::shutdown(fd_.get(), SHUT_WR); }

void RawHttp::send_last(std::string_view bytes) {
  const int held_back = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_CORK, &held_back, sizeof held_back);
  (void)send(bytes);
  half_close();
}

void RawHttp::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

void RawHttp::set_receive_buffer(int bytes) {
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

HttpResponse fetch(std::uint16_t port, std::string_view method, std::string_view target,
                   const std::vector<std::pair<std::string, std::string>>& fields,
                   std::string_view body) {
  std::string request = concat(method, ' ', target, " HTTP/1.1\r\nHost: 127.0.0.1:", int{port},
                               "\r\nConnection: close\r\n");
  bool has_length = false;
  for (const auto& [name, value] : fields) {
    request += concat(name, ": ", value, "\r\n");
    has_length = has_length || equals_ignoring_case(name, "Content-Length");
  }
  const bool takes_body = method != "GET" && method != "HEAD" && method != "DELETE";
  if (!has_length && (takes_body || !body.empty())) {
    request += concat("Content-Length: ", std::uint64_t{body.size()}, "\r\n");
  }
  request += concat("\r\n", body);
  RawHttp connection(port);
  return connection.exchange(request);
}

}  // namespace sf::test

#pragma once

/// A small blocking HTTP/1.1 client for our own command-line verbs (upload to a server, speak to
/// the admin socket). Not for reactors. One request at a time over one kept-alive connection.

#include <streamforge/base/error.hpp>
#include <streamforge/http/message.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sf::http {

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// Fails with kInvalidArgument for a bad URL, kUnavailable when nothing listens there, kTimedOut
/// when the server stalls or the line is dead for 30 s, kPermissionDenied when its certificate is
/// not to be trusted, kClosed when it leaves before its answer,
/// kCorrupt when that is not HTTP/1.1, kCancelled when the watch said so.
class Client {
 public:
  /// "http://HOST[:PORT]", "https://HOST[:PORT]" or "unix:/path/to/socket"; a path behind the host
  /// is left to the targets. Connects with the first request. `insecure` takes any certificate.
  /// With https, SIGPIPE must be ignored.
  explicit Client(std::string base_url, bool insecure = false);
  Client(const Client&) = delete;
  ~Client();
  /// The waits of one request: to connect, and for the peer to take or give a byte.
  void set_timeouts(unsigned connect_ms, unsigned stall_ms) noexcept;
  /// `watch` is asked at least every 200 ms of a request that waits (but for the look-up of the
  /// host's name), and after each piece of a file, on the caller's thread: `body_bytes` of the file
  /// have reached the peer's kernel. Returning false ends the request with kCancelled.
  void set_watch(std::function<bool(std::uint64_t body_bytes)> watch);
  /// `target` is the origin-form, "/path?query". Host and Content-Length are added.
  [[nodiscard]] Result<ClientResponse> send(Method method, std::string_view target,
                                            const Headers& headers, std::string_view body = {});
  /// Body from a file's bytes [offset, offset + bytes), sized. A final answer that comes before all
  /// bytes were sent ends the sending; the connection is then not used again. kConflict when the
  /// file ends before them, kCorrupt when it cannot be read.
  [[nodiscard]] Result<ClientResponse> send_file(Method method, std::string_view target,
                                                 const Headers& headers, int file,
                                                 std::uint64_t offset, std::uint64_t bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::http

#pragma once

/// A small blocking HTTP/1.1 client for our own command-line verbs (upload to a server, speak to
/// the admin socket). Not for reactors. One request at a time over one kept-alive connection.

#include <streamforge/base/error.hpp>
#include <streamforge/http/message.hpp>

#include <memory>
#include <string>

namespace sf::http {

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

class Client {
 public:
  /// "http://HOST:PORT" or "unix:/path/to/socket".
  explicit Client(std::string base_url);
  ~Client();
  /// `on_progress` (may be empty) is told the body bytes handed to the kernel so far; returning
  /// false ends the request with kCancelled.
  Result<ClientResponse> send(Method method, std::string_view target, const Headers& headers,
                              std::string_view body = {});
  /// Body from a file's bytes [offset, offset + bytes), sized.
  Result<ClientResponse> send_file(Method method, std::string_view target, const Headers& headers,
                                   int file, std::uint64_t offset, std::uint64_t bytes,
                                   const std::function<bool(std::uint64_t)>& on_progress);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::http

#pragma once

/// TLS as the client over a connected, non-blocking socket, for our own command-line verbs: tried
/// call by call, the caller polls. The server must show a certificate for the host's name that the
/// system trusts (SSL_CERT_FILE names other roots), unless `insecure`. One thread at a time;
/// SIGPIPE must be ignored. Not for reactors.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>

#include <memory>
#include <string>

namespace sf::net {

class TlsClient {
 public:
  struct Moved {
    std::size_t bytes = 0;
    short wait_for = 0;  ///< poll(2)'s event to wait for when nothing moved; 0 then is the end.
  };

  /// `socket` stays the caller's and outlives this; `host` is a name or a numeric address.
  [[nodiscard]] static Result<std::unique_ptr<TlsClient>> make(int socket, const std::string& host,
                                                               bool insecure);
  TlsClient(const TlsClient&) = delete;
  ~TlsClient();  ///< Says goodbye if the socket takes it at once.

  /// To be repeated until `wait_for` is 0. kPermissionDenied: the certificate is not to be trusted,
  /// and the message says why.
  [[nodiscard]] Result<Moved> handshake();
  [[nodiscard]] Result<Moved> read(MutableByteSpan into);
  /// Repeat it with the same bytes until they moved.
  [[nodiscard]] Result<Moved> write(ByteSpan from);

 private:
  struct Impl;
  explicit TlsClient(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::net

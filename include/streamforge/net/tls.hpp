#pragma once

/// What the TLS side of a listener needs beyond the socket: certificates, keys of session tickets,
/// the protocols that may be spoken inside. TLS 1.2 and 1.3 (RFC 5246, 8446), suites with forward
/// secrecy and authenticated encryption only, no renegotiation, no compression, no early data.
///
/// A context belongs to one reactor: its handshakes share nothing with the others'. Those that are
/// made together share the secret of their session tickets, so that a session begun on one reactor
/// is resumed on any.

#include <streamforge/base/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sf::net {

/// Paths of two PEM files: the certificate with what leads to its root, and its private key.
struct TlsFiles {
  std::string certificate;
  std::string key;
};

struct TlsSettings {
  /// Chosen by the name the client asks for (SNI); the first is for all other names.
  std::vector<TlsFiles> certificates;
  /// ALPN, the best first. A client that offers others only is refused (RFC 7301 section 3.2).
  std::vector<std::string> protocols = {"h2", "http/1.1"};
  /// Let the kernel make the records of what is sent, on each connection where it can
  /// (docs/decisions/0025); the others are as without.
  bool kernel = false;
};

/// For the log: what a certificate says of itself.
struct TlsCertificate {
  std::string file;
  std::string sha256;  ///< Fingerprint of the whole certificate, "AB:CD:…", as browsers show it.
  std::int64_t expires_at_ms = 0;
};

struct TlsMaterial;

class TlsContext {
 public:
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;

  /// `count` of them from one reading of the files. Blocks: not on a reactor. kInvalidArgument when
  /// a file is not what it should be, and the message names it.
  [[nodiscard]] static Result<std::vector<std::shared_ptr<TlsContext>>> make(
      const TlsSettings& settings, unsigned count);

  [[nodiscard]] const std::vector<TlsCertificate>& certificates() const noexcept;

 private:
  friend class TlsSession;
  explicit TlsContext(std::unique_ptr<TlsMaterial> material) noexcept;
  std::unique_ptr<TlsMaterial> material_;
};

/// A certificate that nobody vouches for, for trying TLS out: valid for localhost, the loopback
/// addresses and this machine's name, kept in `folder` (made with mode 0700; the key 0600) and made
/// anew a week before it expires. Blocks.
[[nodiscard]] Result<TlsFiles> self_signed_certificate(const std::string& folder);

/// Whether the kernel can make records (kTLS), asked of a connection over loopback; `why` says what
/// is in the way. Blocks.
struct KernelTls {
  bool available = false;
  std::string why;
};
[[nodiscard]] KernelTls probe_kernel_tls();

/// The library and what it offers, for `doctor`: "OpenSSL 3.0.19 …".
[[nodiscard]] std::string tls_library();

}  // namespace sf::net

#include <streamforge/net/tls_client.hpp>

#include <arpa/inet.h>
#include <openssl/x509_vfy.h>
#include <poll.h>

#include <array>
#include <cerrno>

#include "openssl.hpp"

namespace sf::net {

struct TlsClient::Impl {
  SslContextPtr context;
  SslPtr ssl;
  bool established = false;

  Result<Moved> outcome(int returned, std::size_t bytes, std::string_view what);
  [[nodiscard]] Error failure(std::string_view what);
};

namespace {

std::unexpected<Error> not_begun() {
  return fail(ErrorCode::kInternal, concat("TLS: ", openssl_words()));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

/// Whom the certificate has to name, and the name to ask for.
bool expect(::SSL& ssl, const std::string& host) {
  if (is_address(host)) {
    return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(&ssl), host.c_str()) == 1;
  }
  return ::SSL_set1_host(&ssl, host.c_str()) == 1 &&
         SSL_set_tlsext_host_name(&ssl, host.c_str()) == 1;
}

}  // namespace

TlsClient::TlsClient(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

TlsClient::~TlsClient() {
  if (impl_->established) ::SSL_shutdown(impl_->ssl.get());
  ::ERR_clear_error();
}

Result<std::unique_ptr<TlsClient>> TlsClient::make(int socket, const std::string& host,
                                                   bool insecure) {
  auto impl = std::make_unique<Impl>();
  impl->context.reset(::SSL_CTX_new(::TLS_client_method()));
  ::SSL_CTX* context = impl->context.get();
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      ::SSL_CTX_set_default_verify_paths(context) != 1) {
    return not_begun();
  }
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_verify(context, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  impl->ssl.reset(::SSL_new(context));
  if (!impl->ssl || !expect(*impl->ssl, host) || ::SSL_set_fd(impl->ssl.get(), socket) != 1) {
    return not_begun();
  }
  return std::unique_ptr<TlsClient>(new TlsClient(std::move(impl)));
}

Error TlsClient::Impl::failure(std::string_view what) {
  const int sys = errno;
  const long verified = ::SSL_get_verify_result(ssl.get());
  if (!established && ::ERR_peek_error() != 0 && verified != X509_V_OK &&
      ::SSL_get_verify_mode(ssl.get()) != SSL_VERIFY_NONE) {
    ::ERR_clear_error();
    return {ErrorCode::kPermissionDenied,
            concat("the server's certificate is not to be trusted: ",
                   ::X509_verify_cert_error_string(verified)),
            0};
  }
  established = false;  // There is no goodbye after a failure.
  if (::ERR_peek_error() == 0 && sys != 0) return error_from_errno(sys, what);
  return {ErrorCode::kClosed, concat(what, ": ", openssl_words()), 0};
}

Result<TlsClient::Moved> TlsClient::Impl::outcome(int returned, std::size_t bytes,
                                                  std::string_view what) {
  if (returned == 1) return Moved{bytes, 0};
  switch (::SSL_get_error(ssl.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return Moved{0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return Moved{0, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      return Moved{};
    default:
      return fail(failure(what));
  }
}

Result<TlsClient::Moved> TlsClient::handshake() {
  ::ERR_clear_error();
  errno = 0;
  const int returned = ::SSL_connect(impl_->ssl.get());
  impl_->established = returned == 1;
  return impl_->outcome(returned, 0, "TLS handshake");
}

Result<TlsClient::Moved> TlsClient::read(MutableByteSpan into) {
  ::ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = ::SSL_read_ex(impl_->ssl.get(), into.data(), into.size(), &bytes);
  return impl_->outcome(returned, bytes, "receive the answer");
}

Result<TlsClient::Moved> TlsClient::write(ByteSpan from) {
  ::ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = ::SSL_write_ex(impl_->ssl.get(), from.data(), from.size(), &bytes);
  return impl_->outcome(returned, bytes, "send the request");
}

}  // namespace sf::net

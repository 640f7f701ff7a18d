#pragma once

/// OpenSSL's objects with an owner, and its errors as ours.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace sf::net {

template <auto free_it>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    free_it(object);
  }
};
using BioPtr = std::unique_ptr<::BIO, Freed<::BIO_free>>;
using KeyPtr = std::unique_ptr<::EVP_PKEY, Freed<::EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<::X509, Freed<::X509_free>>;
using SslContextPtr = std::unique_ptr<::SSL_CTX, Freed<::SSL_CTX_free>>;
using SslPtr = std::unique_ptr<::SSL, Freed<::SSL_free>>;

/// The first of what OpenSSL noted on this thread, in its words; the rest is forgotten.
[[nodiscard]] inline std::string openssl_words() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ::ERR_reason_error_string(code);
  return reason ? std::string(reason) : concat("error ", std::uint64_t{code});
}

}  // namespace sf::net

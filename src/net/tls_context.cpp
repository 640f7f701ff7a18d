#include "tls_context.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace sf::net {

namespace {

constexpr std::size_t kPemBytesMax = limits::kMiB;

/// AES-128 first: it is the cheapest where the machine has it, and enough. Phones without AES put
/// ChaCha20 first and get it (SSL_OP_PRIORITIZE_CHACHA).
constexpr const char* kSuites13 =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* kGroups = "X25519:P-256:P-384";

struct PemFiles {
  TlsFiles paths;
  std::string certificate;
  std::string key;
};

std::unexpected<Error> not_good(const std::string& file, std::string_view why) {
  return fail(ErrorCode::kInvalidArgument, concat(file, ": ", why));
}

Result<std::string> read_pem(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, concat("open ", path));
  std::string text;
  std::array<char, 16 * limits::kKiB> piece;
  for (;;) {
    const ::ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0) return fail_errno(errno, concat("read ", path));
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kPemBytesMax) return not_good(path, "too large for a PEM file");
  }
}

BioPtr reader_of(const std::string& text) {
  return BioPtr(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nobody is there to type a password.
int no_password(char*, int, int, void*) { return 0; }

std::string fingerprint_of(::X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned bytes = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), digest.data(), &bytes) != 1) return {};
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    if (i > 0) text.push_back(':');
    text.push_back(kDigits[digest[i] >> 4]);
    text.push_back(kDigits[digest[i] & 15]);
  }
  return text;
}

std::int64_t expiry_of(::X509* certificate) {
  std::tm utc{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &utc) != 1) return 0;
  return std::int64_t{::timegm(&utc)} * 1000;
}

/// The certificate, what leads to its root, and the key, into the context.
Result<TlsCertificate> use_certificate(::SSL_CTX& context, const PemFiles& pem) {
  const BioPtr certificates = reader_of(pem.certificate);
  const X509Ptr leaf(::PEM_read_bio_X509_AUX(certificates.get(), nullptr, &no_password, nullptr));
  if (!leaf) return not_good(pem.paths.certificate, concat("no certificate: ", openssl_words()));
  if (::SSL_CTX_use_certificate(&context, leaf.get()) != 1) {
    return not_good(pem.paths.certificate, openssl_words());
  }
  for (;;) {
    const X509Ptr next(::PEM_read_bio_X509(certificates.get(), nullptr, &no_password, nullptr));
    if (!next) break;
    if (SSL_CTX_add1_chain_cert(&context, next.get()) != 1) {
      return not_good(pem.paths.certificate, openssl_words());
    }
  }
  if (ERR_GET_REASON(::ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return not_good(pem.paths.certificate, openssl_words());
  }
  ::ERR_clear_error();

  const BioPtr keys = reader_of(pem.key);
  const KeyPtr key(::PEM_read_bio_PrivateKey(keys.get(), nullptr, &no_password, nullptr));
  if (!key) {
    return not_good(pem.paths.key, concat("no private key that is readable without a password: ",
                                          openssl_words()));
  }
  if (::SSL_CTX_use_PrivateKey(&context, key.get()) != 1 ||
      ::SSL_CTX_check_private_key(&context) != 1) {
    return not_good(pem.paths.key,
                    concat("is not the key of ", pem.paths.certificate, ": ", openssl_words()));
  }
  return TlsCertificate{pem.paths.certificate, fingerprint_of(leaf.get()), expiry_of(leaf.get())};
}

TlsMaterial& material_of(::SSL* ssl) {
  return *static_cast<TlsMaterial*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
}

/// SNI (RFC 6066 section 3): the first certificate that is good for the name. A name that no
/// certificate has gets the first, as a client without SNI does; that client then decides.
int choose_certificate(::SSL* ssl, int*, void*) {
  const char* name = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  TlsMaterial& material = material_of(ssl);
  if (material.contexts.size() == 1) return SSL_TLSEXT_ERR_OK;
  for (const SslContextPtr& context : material.contexts) {
    ::X509* certificate = ::SSL_CTX_get0_certificate(context.get());
    if (::X509_check_host(certificate, name, 0, 0, nullptr) == 1) {
      ::SSL_set_SSL_CTX(ssl, context.get());
      break;
    }
  }
  return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(::SSL* ssl, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
  const std::string& ours = material_of(ssl).protocols;
  unsigned char* found = nullptr;
  const int outcome = ::SSL_select_next_proto(
      &found, chosen_bytes, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned>(ours.size()), offered, offered_bytes);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// RFC 5077 section 4. Gives 1: use the ticket; 2: use and replace it; 0: there is no such key.
int use_ticket_key(::SSL* ssl, unsigned char* name, unsigned char* iv, ::EVP_CIPHER_CTX* cipher,
                   ::EVP_MAC_CTX* mac, int encrypt) {
  TicketKeys& keys = material_of(ssl).tickets;
  const std::uint64_t now_ms = mono_ns() / 1'000'000;
  const TicketKeys::Key& current = keys.current(now_ms);
  const TicketKeys::Key* key = encrypt != 0 ? &current : keys.find(name, now_ms);
  if (key == nullptr) return 0;
  if (encrypt != 0) {
    std::copy(key->name.begin(), key->name.end(), name);
    if (::RAND_bytes(iv, ::EVP_CIPHER_get_iv_length(::EVP_aes_256_cbc())) != 1) return -1;
  }
  std::array<unsigned char, 32> secret = key->authentication;
  char digest[] = "SHA256";
  const std::array<::OSSL_PARAM, 3> parameters = {
      ::OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      ::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      ::OSSL_PARAM_construct_end()};
  const bool ready = ::EVP_CipherInit_ex(cipher, ::EVP_aes_256_cbc(), nullptr,
                                         key->encryption.data(), iv, encrypt) == 1 &&
                     ::EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
  ::OPENSSL_cleanse(secret.data(), secret.size());
  if (!ready) return -1;
  return key == &current ? 1 : 2;
}

Result<SslContextPtr> make_context(TlsMaterial& material, bool kernel) {
  SslContextPtr context(::SSL_CTX_new(::TLS_server_method()));
  if (!context) return fail(ErrorCode::kInternal, concat("TLS: ", openssl_words()));
  ::SSL_CTX* raw = context.get();
  SSL_CTX_set_app_data(raw, &material);
  ::SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (kernel) ::SSL_CTX_set_options(raw, SSL_OP_ENABLE_KTLS);
  // Released buffers cost idle connections nothing and are warm for the next: each keeping its own
  // was a quarter slower.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A read ends when what was received held no data, so that a peer which sends only such records
  // gets no more of the reactor than others.
  SSL_CTX_clear_mode(raw, SSL_MODE_AUTO_RETRY);
  ::SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_timeout(raw, limits::kTlsTicketMs / 1000);
  constexpr std::string_view kSessions = "streamforge";
  const bool good =
      SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1 &&
      ::SSL_CTX_set_ciphersuites(raw, kSuites13) == 1 &&
      ::SSL_CTX_set_cipher_list(raw, kSuites12) == 1 &&
      SSL_CTX_set1_groups_list(raw, kGroups) == 1 &&
      ::SSL_CTX_set_session_id_context(
          raw, reinterpret_cast<const unsigned char*>(kSessions.data()), kSessions.size()) == 1 &&
      ::SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &use_ticket_key) == 1;
  if (!good) return fail(ErrorCode::kInternal, concat("TLS: ", openssl_words()));
  SSL_CTX_set_tlsext_servername_callback(raw, &choose_certificate);
  ::SSL_CTX_set_alpn_select_cb(raw, &choose_protocol, nullptr);
  return context;
}

Result<std::vector<PemFiles>> read_all(const TlsSettings& settings) {
  if (settings.certificates.size() > limits::kTlsCertificatesMax) {
    return fail(ErrorCode::kInvalidArgument,
                concat("more than ", limits::kTlsCertificatesMax, " certificates"));
  }
  std::vector<PemFiles> all;
  for (const TlsFiles& paths : settings.certificates) {
    auto certificate = read_pem(paths.certificate);
    if (!certificate) return fail(std::move(certificate.error()));
    auto key = read_pem(paths.key);
    if (!key) return fail(std::move(key.error()));
    all.push_back({paths, std::move(*certificate), std::move(*key)});
  }
  return all;
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<TlsMaterial> material) noexcept
    : material_(std::move(material)) {}
TlsContext::~TlsContext() = default;

Result<std::vector<std::shared_ptr<TlsContext>>> TlsContext::make(const TlsSettings& settings,
                                                                  unsigned count) {
  auto pems = read_all(settings);
  if (!pems) return fail(std::move(pems.error()));
  TicketKeys::Secret secret;
  if (pems->empty() || ::RAND_bytes(secret.data(), secret.size()) != 1) {
    return fail(ErrorCode::kInvalidArgument, "TLS needs a certificate");
  }
  const std::uint64_t now_ms = mono_ns() / 1'000'000;
  std::vector<std::shared_ptr<TlsContext>> made;
  for (unsigned i = 0; i < count; ++i) {
    auto material = std::make_unique<TlsMaterial>(secret, now_ms);
    for (const std::string& protocol : settings.protocols) {
      material->protocols.push_back(static_cast<char>(protocol.size()));
      material->protocols.append(protocol);
    }
    for (const PemFiles& pem : *pems) {
      auto context = make_context(*material, settings.kernel);
      if (!context) return fail(std::move(context.error()));
      auto certificate = use_certificate(**context, pem);
      if (!certificate) return fail(std::move(certificate.error()));
      material->contexts.push_back(std::move(*context));
      material->certificates.push_back(std::move(*certificate));
    }
    made.push_back(std::shared_ptr<TlsContext>(new TlsContext(std::move(material))));
  }
  ::OPENSSL_cleanse(secret.data(), secret.size());
  return made;
}

const std::vector<TlsCertificate>& TlsContext::certificates() const noexcept {
  return material_->certificates;
}

std::string tls_library() { return ::OpenSSL_version(OPENSSL_VERSION); }

}  // namespace sf::net

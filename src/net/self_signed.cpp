#include <streamforge/base/clock.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/base/write_whole.hpp>
#include <streamforge/net/tls.hpp>

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "openssl.hpp"

namespace sf::net {

namespace {

constexpr long kDaySeconds = 24L * 3600;
constexpr long kValidSeconds = 365 * kDaySeconds;
constexpr long kRenewSeconds = 7 * kDaySeconds;

std::unexpected<Error> not_made() {
  return fail(ErrorCode::kInternal, concat("make a certificate: ", openssl_words()));
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  const std::string text = name.data();
  const bool plain = text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == std::string::npos;
  return !text.empty() && plain ? text : "localhost";
}

bool extend(::X509& certificate, int what, const std::string& value) {
  ::X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  const std::unique_ptr<::X509_EXTENSION, Freed<::X509_EXTENSION_free>> extension(
      ::X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  return extension && ::X509_add_ext(&certificate, extension.get(), -1) == 1;
}

/// Version 3, P-256, SHA-256, valid from an hour ago (clocks differ).
X509Ptr certificate_for(::EVP_PKEY& key) {
  X509Ptr made(::X509_new());
  std::array<unsigned char, 16> serial{};
  if (!made || ::RAND_bytes(serial.data(), serial.size()) != 1) return nullptr;
  serial[0] &= 0x7f;  // A positive number (RFC 5280 section 4.1.2.2).
  const std::unique_ptr<::BIGNUM, Freed<::BN_free>> number(
      ::BN_bin2bn(serial.data(), serial.size(), nullptr));
  const std::string host = host_name();
  const auto* name = reinterpret_cast<const unsigned char*>("StreamForge (self-signed)");
  ::X509_NAME* subject = ::X509_get_subject_name(made.get());
  const bool good =
      number && ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(made.get())) &&
      ::X509_set_version(made.get(), 2) == 1 &&
      ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), -3600) &&
      ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), kValidSeconds) &&
      ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1 &&
      ::X509_set_issuer_name(made.get(), subject) == 1 &&
      ::X509_set_pubkey(made.get(), &key) == 1 &&
      extend(*made, NID_subject_alt_name,
             concat("DNS:localhost,DNS:", host, ",IP:127.0.0.1,IP:::1")) &&
      extend(*made, NID_basic_constraints, "critical,CA:FALSE") &&
      extend(*made, NID_key_usage, "critical,digitalSignature") &&
      extend(*made, NID_ext_key_usage, "serverAuth") &&
      ::X509_sign(made.get(), &key, ::EVP_sha256()) > 0;
  if (!good) return nullptr;
  return made;
}

/// Under another name first: a start that is cut in the middle leaves no half of a file.
Result<> write_file(const std::string& path, ::mode_t mode, ::BIO& text) {
  const std::string fresh = concat(path, ".new");
  ::unlink(fresh.c_str());
  const UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) return fail_errno(errno, concat("make ", fresh));
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(&text, &bytes);
  const std::string_view whole(bytes, static_cast<std::size_t>(count));
  auto wrote = write_whole(file.get(), as_bytes(whole), concat("write ", fresh));
  if (!wrote) return wrote;
  if (::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return fail_errno(errno, concat("write ", path));
  }
  return {};
}

/// Whether both files are there, belong together, and last for a while.
bool is_good(const TlsFiles& files) {
  const BioPtr certificate_file(::BIO_new_file(files.certificate.c_str(), "r"));
  const BioPtr key_file(::BIO_new_file(files.key.c_str(), "r"));
  if (!certificate_file || !key_file) return false;
  const X509Ptr certificate(::PEM_read_bio_X509(certificate_file.get(), nullptr, nullptr, nullptr));
  const KeyPtr key(::PEM_read_bio_PrivateKey(key_file.get(), nullptr, nullptr, nullptr));
  if (!certificate || !key || ::X509_check_private_key(certificate.get(), key.get()) != 1) {
    return false;
  }
  ::time_t soon = static_cast<::time_t>(wall_ms() / 1000 + kRenewSeconds);
  return ::X509_cmp_time(::X509_get0_notAfter(certificate.get()), &soon) > 0;
}

}  // namespace

Result<TlsFiles> self_signed_certificate(const std::string& folder) {
  const TlsFiles files{concat(folder, "/self-signed.pem"), concat(folder, "/self-signed.key")};
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, concat("make ", folder));
  }
  const bool good = is_good(files);
  ::ERR_clear_error();
  if (good) return files;
  const KeyPtr key(::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return not_made();
  const X509Ptr certificate = certificate_for(*key);
  const BioPtr key_text(::BIO_new(::BIO_s_mem()));
  const BioPtr certificate_text(::BIO_new(::BIO_s_mem()));
  if (!certificate || !key_text || !certificate_text ||
      ::PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) != 1 ||
      ::PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1) {
    return not_made();
  }
  if (auto written = write_file(files.key, 0600, *key_text); !written) {
    return fail(std::move(written.error()));
  }
  if (auto written = write_file(files.certificate, 0644, *certificate_text); !written) {
    return fail(std::move(written.error()));
  }
  return files;
}

}  // namespace sf::net

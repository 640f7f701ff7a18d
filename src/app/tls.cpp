#include "tls.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

namespace sf::app {

namespace {

constexpr std::int64_t kSoonMs = std::int64_t{7} * 24 * 3'600'000;

void say(const net::TlsCertificate& certificate) {
  const std::string until = to_rfc3339(certificate.expires_at_ms);
  const auto fields = {log::Field("file", certificate.file),
                       log::Field("sha256", certificate.sha256), log::Field("until", until)};
  if (certificate.expires_at_ms < wall_ms()) {
    log::warn("app", "a certificate has expired: browsers will refuse it", fields);
  } else if (certificate.expires_at_ms < wall_ms() + kSoonMs) {
    log::warn("app", "a certificate expires within a week", fields);
  } else {
    log::info("app", "using a certificate", fields);
  }
}

std::unexpected<Error> wrong(std::string why) {
  return fail(ErrorCode::kInvalidArgument, std::move(why));
}

}  // namespace

Result<> TlsSide::check() {
  const bool certificates = !options_.tls_certs.empty() || options_.tls_self_signed;
  if (!wanted()) {
    if (certificates || options_.tls_redirect || options_.hsts_max_age != 0) {
      return wrong("there are settings for TLS, but no --tls-listen ADDR:PORT");
    }
    return {};
  }
  if (options_.tls_certs.size() != options_.tls_keys.size()) {
    return wrong("each --tls-cert needs a --tls-key, in the same order");
  }
  if (!certificates) {
    return wrong("--tls-listen needs --tls-cert and --tls-key, or --tls-self-signed to try it out");
  }
  auto address = net::parse_address(options_.tls_listen);
  if (!address) return fail(std::move(address.error()));
  address_ = std::move(*address);
  if (options_.open && !address_.is_loopback()) {
    return wrong(concat("--open lets anyone upload, so it is refused on ", address_.to_string(),
                        "; listen on 127.0.0.1, or leave --open out and make accounts."));
  }
  return {};
}

Result<Listeners::Contexts> TlsSide::load(std::size_t count) const {
  net::TlsSettings settings;
  const net::KernelTls kernel = net::probe_kernel_tls();
  settings.kernel = kernel.available && options_.ktls == KernelTlsUse::kAuto;
  log::info("app", settings.kernel ? "encrypting in the kernel" : "encrypting in the process",
            {{"kernel_could", kernel.available}, {"why_not", kernel.why}});
  for (std::size_t i = 0; i < options_.tls_certs.size(); ++i) {
    settings.certificates.push_back({options_.tls_certs[i], options_.tls_keys[i]});
  }
  if (options_.tls_self_signed) {
    auto files = net::self_signed_certificate(options_.data_dir + "/tls");
    if (!files) return fail(std::move(files.error()));
    settings.certificates.push_back(std::move(*files));
  }
  auto contexts = net::TlsContext::make(settings, static_cast<unsigned>(count));
  if (contexts) {
    for (const auto& certificate : contexts->front()->certificates()) say(certificate);
  }
  return contexts;
}

Result<> TlsSide::listen(unsigned count) {
  if (!wanted()) return {};
  auto contexts = load(count);
  if (!contexts) return fail(std::move(contexts.error()));
  contexts_ = std::move(*contexts);
  auto sockets = net::listen_tcp(address_, count);
  if (!sockets) return fail(std::move(sockets.error()));
  sockets_ = std::move(*sockets);
  return {};
}

void TlsSide::accept(const Listeners::Work& work) {
  if (!wanted()) return;
  listeners_.start(std::move(sockets_), work, std::move(contexts_));
}

void TlsSide::reload() {
  if (!wanted()) return;
  auto contexts = load(reactors_.size());
  if (!contexts) {
    log::error("app", "the certificates stay as they were: the new ones cannot be used",
               {{"error", contexts.error().message}});
    return;
  }
  listeners_.use_tls(std::move(*contexts));
  log::info("app", "the certificates were read again");
}

}  // namespace sf::app

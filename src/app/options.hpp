#pragma once

/// Every setting of every verb, filled by `parse` (flag, then environment, then TOML file, then the
/// default written here). All that the rest of the program knows of its surroundings enters here.

#include <streamforge/base/log.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/transcode/command.hpp>
#include <streamforge/tus/service.hpp>
#include <streamforge/tus/uploader.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sf::app {

enum class KernelTlsUse : std::uint8_t { kAuto, kOff };
enum class AccessLog : std::uint8_t { kNone, kFile, kStderr };

struct ServeOptions {
  std::string data_dir;  ///< Default: /var/lib/streamforge as a service, else ./streamforge-data.
  std::string listen = "127.0.0.1:8080";
  std::string base_path;               ///< Of its host, "/media"; empty: all of it.
  std::string congestion = "auto";     ///< net::Congestion says what it may be.
  std::string tls_listen;              ///< Empty: no TLS.
  std::vector<std::string> tls_certs;  ///< PEM files, the first for names that no other has.
  std::vector<std::string> tls_keys;   ///< One for each.
  bool tls_self_signed = false;        ///< A certificate of our own making, kept in `data_dir`.
  KernelTlsUse ktls = KernelTlsUse::kAuto;
  bool tls_redirect = false;       ///< Pages asked for in the clear are moved to https.
  std::uint64_t hsts_max_age = 0;  ///< Seconds; 0: no Strict-Transport-Security.
  unsigned reactors = 0;           ///< 0: a quarter of the cores, at least one.
  int transcoders = -1;            ///< -1: the other cores; up to four cores, all of them. 0: none.
  io::BackendKind io = io::BackendKind::kAuto;
  bool open = false;          ///< Anyone may upload; loopback only.
  unsigned staging_mib = 64;  ///< Ingest buffers of one reactor.
  tus::UploadIo upload_io = tus::UploadIo::kAuto;
  std::uint64_t upload_max_bytes = 0;
  unsigned account_uploads_max = 256;    ///< Bodies that one account may send at once.
  unsigned account_creations_max = 600;  ///< Uploads that one account may begin in a minute.
  std::uint64_t account_max_bytes = 0;   ///< That the uploads of one account may hold.
  std::uint64_t account_unfinished_max = 1'000;
  std::string ladder = "1080,720,480,360";
  bool copy = true;
  bool measure_quality = false;
  bool source_sha256 = true;                 ///< Digests of masters, at idle priority.
  unsigned address_connections_max = 8'192;  ///< Connections that one address may have.
  std::vector<std::string> address_connections_exempt = {"127.0.0.0/8", "::1"};
  std::vector<std::string> trusted_proxies = {"127.0.0.0/8", "::1"};  ///< "none": nobody.
  AccessLog access_log = AccessLog::kNone;
  bool secure_cookies = false;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
};

struct UploadOptions {
  std::vector<std::string> files;
  std::string to;         ///< Server's base URL; else asked of the server on `data_dir`.
  bool insecure = false;  ///< With https, take any certificate.
  std::string token;
  std::string data_dir;
  std::string visibility;
  unsigned parallel = tus::kUploadParallelDefault;
};

/// `user …` and `token …`: what to do and to whom.
struct AccountOptions {
  std::string data_dir;
  std::string verb;  ///< "user add", "token create", …
  std::string name;  ///< The user; for `token revoke` the token's id.
  std::string role = "admin";
  std::string label = "command line";
  std::uint64_t days = 0;
};

enum class Verb : std::uint8_t {
  kServe,
  kTranscode,
  kProbe,
  kUpload,
  kCheck,
  kAccount,
  kDoctor,
  kWorker
};

struct Options {
  Verb verb = Verb::kServe;
  ServeOptions serve;
  transcode::TranscodeCommand transcode;
  transcode::ProbeCommand probe;
  UploadOptions upload;
  AccountOptions account;
  std::string doctor_dir;
  std::string check_what;       ///< A URL, a folder or a playlist file.
  bool check_insecure = false;  ///< With https, take any certificate.
};

/// Fills `options`, or gives the exit code to leave with (help, version, wrong usage), having said
/// why.
[[nodiscard]] int parse(int argc, char** argv, Options& options, bool& leave);

}  // namespace sf::app

#include "options.hpp"

#include <streamforge/base/bytes.hpp>

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <toml.hpp>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <map>
#include <thread>

namespace sf::app {

namespace {

constexpr const char* kConfigFile = "/etc/streamforge/streamforge.toml";
constexpr const char* kServiceDir = "/var/lib/streamforge";
constexpr const char* kLocalDir = "./streamforge-data";
constexpr const char* kLadderHelp =
    "Rungs to make, each HEIGHT[:KBPS[:PRESET[:CRF]]], as 1080:6000:fast:21,720";

const std::map<std::string, io::BackendKind> kBackends{{"auto", io::BackendKind::kAuto},
                                                       {"uring", io::BackendKind::kUring},
                                                       {"epoll", io::BackendKind::kEpoll}};
const std::map<std::string, KernelTlsUse> kKernelTls{{"auto", KernelTlsUse::kAuto},
                                                     {"off", KernelTlsUse::kOff}};
const std::map<std::string, tus::UploadIo> kUploadIo{{"auto", tus::UploadIo::kAuto},
                                                     {"direct", tus::UploadIo::kDirect},
                                                     {"buffered", tus::UploadIo::kBuffered},
                                                     {"splice", tus::UploadIo::kSplice}};
const std::map<std::string, log::Level> kLevels{{"debug", log::Level::kDebug},
                                                {"info", log::Level::kInfo},
                                                {"warn", log::Level::kWarn},
                                                {"error", log::Level::kError}};
const std::map<std::string, AccessLog> kAccessLogs{
    {"false", AccessLog::kNone}, {"true", AccessLog::kFile}, {"stderr", AccessLog::kStderr}};
const std::map<std::string, log::Format> kFormats{{"text", log::Format::kText},
                                                  {"json", log::Format::kJson}};
const std::map<std::string, transcode::ProgressStyle> kProgress{
    {"auto", transcode::ProgressStyle::kAuto},
    {"json", transcode::ProgressStyle::kJson},
    {"none", transcode::ProgressStyle::kNone}};

std::string default_data_dir() {
  // systemd names the state directory of a service that has one (systemd.exec(5)).
  const char* state = std::getenv("STATE_DIRECTORY");
  if (state != nullptr && *state != '\0') return state;
  return access(kServiceDir, W_OK) == 0 ? kServiceDir : kLocalDir;
}

/// "listen" → "STREAMFORGE_LISTEN", "log-level" → "STREAMFORGE_LOG_LEVEL".
std::string environment_name(std::string flag) {
  for (char& c : flag) c = c == '-' ? '_' : static_cast<char>(std::toupper(c));
  return "STREAMFORGE_" + flag;
}

/// A setting of `serve`: flag, environment, and key of the TOML file under one name.
template <class T>
CLI::Option* add_setting(CLI::App* app, const std::string& flag, T& value,
                         const std::string& help) {
  return app->add_option("--" + flag, value, help)->envname(environment_name(flag));
}

template <class T>
void add_named(CLI::App* app, const std::string& flag, T& value,
               const std::map<std::string, T>& names, const std::string& help) {
  add_setting(app, flag, value, help)->transform(CLI::CheckedTransformer(names, CLI::ignore_case));
}

constexpr std::size_t kBasePathBytesMax = 100;

/// "/media" of "/media/", nothing of "/"; what is wrong with it otherwise. It holds only characters
/// that mean nothing to URLs, HTML and cookies, so that it is written into them as it is.
std::string check_base_path(std::string& text) {
  if (text.ends_with('/')) text.pop_back();
  if (text.empty()) return "";
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~';
  };
  const auto is_name = [is_plain](std::string_view segment) {
    return !segment.empty() && segment != "." && segment != ".." &&
           std::ranges::all_of(segment, is_plain);
  };
  const bool good = text.starts_with('/') && text.size() <= kBasePathBytesMax &&
                    std::ranges::all_of(split(std::string_view(text).substr(1), '/'), is_name);
  return good ? "" : "a base path is like /media: letters, digits, - _ . ~ between slashes";
}

/// TLS beside the plain listener: for browsers on other machines.
void add_tls(CLI::App* app, ServeOptions& serve) {
  add_setting(app, "tls-listen", serve.tls_listen, "ADDR:PORT to listen on with TLS");
  add_setting(app, "tls-cert", serve.tls_certs,
              "PEM file: a certificate and what leads to its root; again for other names (SNI)")
      ->allow_extra_args(false);
  add_setting(app, "tls-key", serve.tls_keys, "PEM file: the key of the certificate, likewise")
      ->allow_extra_args(false);
  app->add_flag("--tls-self-signed", serve.tls_self_signed,
                "Make a certificate that nobody vouches for, to try TLS out")
      ->envname(environment_name("tls-self-signed"));
  add_named(app, "ktls", serve.ktls, kKernelTls,
            "Let the kernel encrypt what TLS connections are sent: auto (where it can) or off");
  add_setting(app, "tls-redirect", serve.tls_redirect,
              "Move pages that are asked for without TLS to it: true or false");
  add_setting(app, "hsts-max-age", serve.hsts_max_age,
              "Seconds for which browsers are told to use TLS only; 0: not told");
}

void add_address_limit(CLI::App* app, ServeOptions& serve) {
  add_setting(app, "address-connections-max", serve.address_connections_max,
              "Connections that one address, or one IPv6 /64, may have; 0: no limit")
      ->capture_default_str();
  add_setting(app, "address-connections-exempt", serve.address_connections_exempt,
              "ADDRESS or ADDRESS/BITS that may have any number: proxies in front; again for more")
      ->allow_extra_args(false)
      ->capture_default_str();
  add_setting(app, "trusted-proxy", serve.trusted_proxies,
              "ADDRESS or ADDRESS/BITS whose Forwarded and X-Forwarded-* fields are believed; "
              "again for more; none: nobody's")
      ->allow_extra_args(false)
      ->capture_default_str();
}

void add_serve(CLI::App& root, Options& options, std::string& config) {
  ServeOptions& serve = options.serve;
  CLI::App* app = root.add_subcommand("serve", "Run the server");
  app->add_option("--config", config, "TOML file with any of these settings, by name");
  add_setting(app, "data", serve.data_dir, "Directory of everything durable");
  add_setting(app, "listen", serve.listen, "ADDR:PORT to listen on")->capture_default_str();
  add_setting(app, "base-path", serve.base_path,
              "Path below which the server is reached, behind a proxy that keeps it: /media")
      ->transform(CLI::Validator(check_base_path, "PATH"));
  add_setting(app, "congestion", serve.congestion,
              "TCP congestion control: auto (the system's, but near peers are not paced), system, "
              "or a name that the kernel knows")
      ->capture_default_str();
  add_tls(app, serve);
  add_setting(app, "reactors", serve.reactors, "I/O threads; 0: a quarter of the cores")
      ->check(CLI::Range(0, 256));
  add_setting(app, "transcoders", serve.transcoders, "Transcoder processes; -1: by the cores")
      ->check(CLI::Range(-1, 256));
  add_named(app, "io", serve.io, kBackends, "How I/O is done: auto, uring or epoll");
  app->add_flag("--open", serve.open, "Let anyone upload (loopback addresses only)")
      ->envname(environment_name("open"));
  add_setting(app, "staging-mib", serve.staging_mib, "Ingest memory of one reactor, in MiB")
      ->check(CLI::Range(4, 4096));
  add_named(app, "upload-io", serve.upload_io, kUploadIo,
            "How uploads reach the disk: auto, direct, buffered or splice");
  add_setting(app, "upload-max-bytes", serve.upload_max_bytes, "Largest upload; 0: no limit");
  add_setting(app, "account-uploads-max", serve.account_uploads_max,
              "Uploads that one account may send at once; 0: no limit");
  add_setting(app, "account-creations-max", serve.account_creations_max,
              "Uploads that one account may begin in a minute; 0: no limit");
  add_setting(app, "account-max-bytes", serve.account_max_bytes,
              "Bytes that the uploads of one account may hold; 0: no limit");
  add_setting(app, "account-unfinished-max", serve.account_unfinished_max,
              "Unfinished uploads that one account may have; 0: no limit")
      ->capture_default_str();
  add_setting(app, "ladder", serve.ladder, kLadderHelp)->capture_default_str();
  add_setting(app, "copy", serve.copy, "Pass on as it is what can be: true or false");
  add_setting(app, "measure-quality", serve.measure_quality,
              "Measure SSIM and PSNR of encoded rungs on some segments: true or false");
  add_setting(app, "source-sha256", serve.source_sha256,
              "Take the SHA-256 of finished uploads in the background: true or false");
  add_address_limit(app, serve);
  add_named(app, "access-log", serve.access_log, kAccessLogs,
            "A line a request: true (to DIR/log/access.log), stderr or false");
  add_setting(app, "secure-cookies", serve.secure_cookies,
              "Mark cookies Secure: true behind a TLS proxy");
  add_named(app, "log-level", serve.log_level, kLevels, "debug, info, warn or error");
  add_named(app, "log-format", serve.log_format, kFormats, "text or json");
  app->callback([&options] { options.verb = Verb::kServe; });
}

void add_transcode(CLI::App& root, Options& options, std::string& ladder) {
  transcode::TranscodeCommand& command = options.transcode;
  CLI::App* app =
      root.add_subcommand("transcode", "Make an HLS ladder of a file, without a server");
  app->add_option("INPUT", command.input, "File, or - for standard input")->required();
  app->add_option("--out", command.out_dir, "Directory to write the ladder to")->required();
  app->add_option("--ladder", ladder, kLadderHelp)->capture_default_str();
  app->add_option("--copy", command.ladder.copy, "Pass on as it is what can be: true or false")
      ->capture_default_str();
  app->add_option("--segment-seconds", command.ladder.segment_seconds, "Length of a segment")
      ->check(CLI::Range(2, 6));
  app->add_option("--jobs", command.workers.workers, "Transcoder processes; 0: one per core")
      ->check(CLI::Range(0, 256));
  app->add_flag("--measure-quality", command.workers.measure_quality,
                "Measure SSIM and PSNR of encoded rungs on some segments");
  app->add_flag("--restart", command.restart, "Begin anew where --out holds another ladder");
  app->add_option("--progress", command.progress, "auto, json or none")
      ->transform(CLI::CheckedTransformer(kProgress, CLI::ignore_case));
  app->add_option("--io", command.backend, "auto, uring or epoll")
      ->transform(CLI::CheckedTransformer(kBackends, CLI::ignore_case));
  app->callback([&options] { options.verb = Verb::kTranscode; });
}

void add_probe(CLI::App& root, Options& options) {
  CLI::App* app = root.add_subcommand("probe", "Say what a file is and which rungs it gives");
  app->add_option("FILE", options.probe.input, "File to look at")->required();
  app->add_flag("--json", options.probe.json, "Answer in JSON");
  app->callback([&options] { options.verb = Verb::kProbe; });
}

void add_upload(CLI::App& root, Options& options) {
  UploadOptions& upload = options.upload;
  CLI::App* app = root.add_subcommand("upload", "Upload files, continuing where they stopped");
  app->add_option("FILE", upload.files, "Files to upload")->required()->check(CLI::ExistingFile);
  app->add_option("--to", upload.to,
                  "Server, https://HOST, http://HOST:PORT or https://HOST/PATH; else the one that "
                  "runs on --data");
  app->add_flag("--insecure", upload.insecure,
                "Trust any certificate: for a server that was started with --tls-self-signed");
  app->add_option("--token", upload.token, "Bearer token")->envname("STREAMFORGE_TOKEN");
  app->add_option("--data", upload.data_dir, "Directory of the server on this machine")
      ->envname(environment_name("data"));
  app->add_option("--visibility", upload.visibility, "public, unlisted or private")
      ->check(CLI::IsMember({"public", "unlisted", "private"}));
  app->add_option("--parallel", upload.parallel,
                  "Parts of a large file that leave at once; 1: one plain upload")
      ->check(CLI::Range(1u, tus::kUploadParallelMax))
      ->capture_default_str();
  app->footer(
      "Stopped (Ctrl-C), killed or failed: the same command goes on where it was. While the\n"
      "server is away it waits. Prints the address to watch at.\n\n"
      "Exit codes: 0 uploaded, 1 failed, 2 wrong usage, 130 stopped and resumable");
  app->callback([&options] { options.verb = Verb::kUpload; });
}

void add_account_verb(CLI::App* group, AccountOptions& account, const std::string& name,
                      const std::string& help, const std::string& argument) {
  CLI::App* app = group->add_subcommand(name, help);
  if (!argument.empty()) app->add_option(argument, account.name)->required();
  app->add_option("--data", account.data_dir, "Directory of the server")
      ->envname(environment_name("data"));
  if (name == "add") {
    app->add_option("--role", account.role, "admin, editor or viewer")
        ->check(CLI::IsMember({"admin", "editor", "viewer"}))
        ->capture_default_str();
  }
  if (name == "create") {
    app->add_option("--name", account.label, "What the token is for")->capture_default_str();
    app->add_option("--days", account.days, "Days until it expires; 0: never");
  }
  const std::string verb = group->get_name() + " " + name;
  app->callback([&account, verb] { account.verb = verb; });
}

void add_accounts(CLI::App& root, Options& options) {
  CLI::App* user = root.add_subcommand("user", "Accounts")->require_subcommand(1);
  add_account_verb(user, options.account, "add", "Add a user; asks for the password", "NAME");
  add_account_verb(user, options.account, "list", "List users", "");
  add_account_verb(user, options.account, "passwd", "Change a password", "NAME");
  add_account_verb(user, options.account, "remove", "Remove a user", "NAME");
  CLI::App* token =
      root.add_subcommand("token", "Bearer tokens for scripts")->require_subcommand(1);
  add_account_verb(token, options.account, "create", "Make a token for a user", "USER");
  add_account_verb(token, options.account, "list", "List tokens", "");
  add_account_verb(token, options.account, "revoke", "Revoke a token", "ID");
  for (CLI::App* group : {user, token}) {
    group->parse_complete_callback([&options] { options.verb = Verb::kAccount; });
  }
}

/// A TOML value as the text a flag would have had.
std::string toml_text(const toml::value& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_boolean()) return value.as_boolean() ? "true" : "false";
  if (value.is_integer()) return std::to_string(value.as_integer());
  throw CLI::ValidationError("the configuration file",
                             "values are text, whole numbers or booleans");
}

/// Settings of the file go in front of the arguments that were given, so that those win; settings
/// that the environment names are left to it.
std::vector<std::string> arguments_of_file(const std::string& path, const CLI::App& serve,
                                           const std::vector<std::string>& given) {
  std::vector<std::string> arguments;
  const toml::value file = toml::parse(path);
  for (const auto& [key, value] : file.as_table()) {
    std::string flag = key;
    for (char& c : flag) c = c == '_' ? '-' : c;
    const CLI::Option* option = serve.get_option_no_throw("--" + flag);
    if (option == nullptr) {
      throw CLI::ValidationError(path, "there is no setting \"" + key + "\"");
    }
    if (std::getenv(environment_name(flag).c_str()) != nullptr) continue;
    if (!value.is_array()) {
      arguments.push_back("--" + flag + "=" + toml_text(value));
      continue;
    }
    // Those of the command line replace a list, as they replace a single value.
    const bool replaced = std::any_of(given.begin(), given.end(), [&flag](const auto& argument) {
      return argument == "--" + flag || argument.starts_with("--" + flag + "=");
    });
    if (option->get_expected_max() == 1) {
      throw CLI::ValidationError(path, "\"" + key + "\" takes one value");
    }
    if (replaced) continue;
    for (const toml::value& each : value.as_array()) {
      arguments.push_back("--" + flag + "=" + toml_text(each));
    }
  }
  return arguments;
}

std::string config_path(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--config" && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with("--config=")) return arguments[i].substr(9);
  }
  return access(kConfigFile, R_OK) == 0 ? kConfigFile : "";
}

void take_last_of_each(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    if (option->get_expected_max() == 1 && !option->get_positional()) {
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
}

void finish(Options& options, const std::string& ladder) {
  const auto fill = [](std::string& dir) {
    if (dir.empty()) dir = default_data_dir();
  };
  fill(options.serve.data_dir);
  fill(options.upload.data_dir);
  fill(options.account.data_dir);
  fill(options.doctor_dir);
  if (options.verb == Verb::kTranscode) {
    const unsigned seconds = options.transcode.ladder.segment_seconds;
    const bool copy = options.transcode.ladder.copy;
    auto rungs = transcode::parse_ladder(ladder);
    if (!rungs) throw CLI::ValidationError("--ladder", rungs.error().message);
    options.transcode.ladder = std::move(*rungs);
    options.transcode.ladder.segment_seconds = seconds;
    options.transcode.ladder.copy = copy;
    auto& workers = options.transcode.workers.workers;
    if (workers == 0) workers = std::max(1u, std::thread::hardware_concurrency());
  }
  options.probe.ladder = transcode::default_ladder();
}

}  // namespace

int parse(int argc, char** argv, Options& options, bool& leave) {
  leave = true;
  CLI::App root{
      "StreamForge: upload a video once, watch it anywhere at the quality the line allows"};
  root.set_version_flag("--version", SF_VERSION);
  root.require_subcommand(1);
  std::string config;
  std::string ladder = "1080,720,480,360";
  options.transcode.workers.workers = 0;
  add_serve(root, options, config);
  add_transcode(root, options, ladder);
  add_probe(root, options);
  add_upload(root, options);
  add_accounts(root, options);
  CLI::App* check = root.add_subcommand("check", "Look at an HLS stream, anybody's, row by row");
  check->add_option("URL|DIR", options.check_what, "https://…/master.m3u8, a folder or a playlist")
      ->required();
  check->add_flag("--insecure", options.check_insecure,
                  "Trust any certificate: for a server that was started with --tls-self-signed");
  check->callback([&options] { options.verb = Verb::kCheck; });
  CLI::App* doctor = root.add_subcommand("doctor", "Say what works on this machine, and what not");
  doctor->add_option("--data", options.doctor_dir, "Directory the server would use")
      ->envname(environment_name("data"));
  doctor->callback([&options] { options.verb = Verb::kDoctor; });
  root.add_subcommand("worker", "")->group("")->callback([&options] {
    options.verb = Verb::kWorker;
  });
  try {
    std::vector<std::string> arguments(argv + 1, argv + argc);
    CLI::App* serve = root.get_subcommand("serve");
    take_last_of_each(serve);
    if (!arguments.empty() && arguments.front() == "serve") {
      if (const std::string path = config_path(arguments); !path.empty()) {
        const auto extra = arguments_of_file(path, *serve, arguments);
        arguments.insert(arguments.begin() + 1, extra.begin(), extra.end());
      }
    }
    std::reverse(arguments.begin(), arguments.end());  // As CLI11 takes them.
    root.parse(arguments);
    finish(options, ladder);
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "streamforge: " << error.what() << '\n';
    return 2;
  }
  leave = false;
  return 0;
}

}  // namespace sf::app

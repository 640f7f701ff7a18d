#include "serve_command.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/check.hpp>
#include <streamforge/http/client.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>

namespace sf::app {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kFileBytesMax = std::uintmax_t{256} << 20;

/// Asks servers as a player in a browser does: from another site, one connection each.
class HttpFetcher {
 public:
  explicit HttpFetcher(bool insecure) noexcept : insecure_(insecure) {}

  Result<hls::Fetched> operator()(const std::string& uri, bool compressed) {
    const auto scheme = uri.find("://");
    const auto path_at = scheme == std::string::npos ? scheme : uri.find('/', scheme + 3);
    if (!uri.starts_with("http://") && !uri.starts_with("https://")) {
      return fail(ErrorCode::kUnsupported, concat("only http:// and https:// can be asked: ", uri));
    }
    const std::string host = uri.substr(0, path_at);
    auto& client = clients_[host];
    if (!client) client = std::make_unique<http::Client>(host, insecure_);
    http::Headers headers;
    headers.set("Origin", "https://player.example");
    if (compressed) headers.set("Accept-Encoding", "gzip");
    const std::string target = path_at == std::string::npos ? "/" : uri.substr(path_at);
    auto answer = client->send(http::Method::kGet, target, headers);
    // A segment that is still being made: players ask again.
    for (int again = 0; again < 4 && answer && answer->status == 503; ++again) {
      answer = client->send(http::Method::kGet, target, headers);
    }
    if (!answer) {
      client.reset();
      return fail(std::move(answer.error()));
    }
    const auto field = [&](std::string_view name) {
      return std::string(answer->headers.get(name).value_or(""));
    };
    return hls::Fetched{true,
                        answer->status,
                        field("content-type"),
                        field("content-encoding"),
                        field("vary"),
                        field("etag"),
                        field("cache-control"),
                        field("access-control-allow-origin"),
                        std::move(answer->body)};
  }

 private:
  const bool insecure_;
  std::map<std::string, std::unique_ptr<http::Client>> clients_;
};

Result<hls::Fetched> read_file(const fs::path& root, const std::string& name) {
  const fs::path relative = fs::path(name).lexically_normal();
  if (relative.is_absolute() || name.find("://") != std::string::npos ||
      (!relative.empty() && *relative.begin() == "..")) {
    return fail(ErrorCode::kNotFound, concat(name, " is outside of the folder"));
  }
  std::error_code error;
  const auto bytes = fs::file_size(root / relative, error);
  if (error || bytes > kFileBytesMax) {
    return fail(ErrorCode::kNotFound, concat(name, " cannot be read"));
  }
  std::ifstream file(root / relative, std::ios::binary);
  hls::Fetched fetched;
  fetched.body.resize(bytes);
  if (!file.read(fetched.body.data(), static_cast<std::streamsize>(bytes))) {
    return fail(ErrorCode::kIo, concat(name, " cannot be read"));
  }
  return fetched;
}

/// The playlist to begin with: DIR/master.m3u8, else the only one in DIR.
std::string entry_of(const fs::path& folder) {
  if (fs::exists(folder / "master.m3u8")) return "master.m3u8";
  std::string only;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".m3u8") continue;
    if (!only.empty()) return "master.m3u8";
    only = entry.path().filename();
  }
  return only.empty() ? "master.m3u8" : only;
}

std::vector<hls::CheckedRow> rows_of(const std::string& what, bool insecure) {
  if (what.find("://") != std::string::npos) {
    HttpFetcher http(insecure);
    return hls::check_stream(
        what, [&http](const std::string& uri, bool compressed) { return http(uri, compressed); });
  }
  const bool is_folder = fs::is_directory(what);
  const fs::path root = is_folder ? fs::path(what) : fs::path(what).parent_path();
  const std::string entry = is_folder ? entry_of(root) : fs::path(what).filename().string();
  return hls::check_stream(
      entry, [&root](const std::string& name, bool) { return read_file(root, name); });
}

}  // namespace

int run_check(const std::string& what, bool insecure) {
  signal(SIGPIPE, SIG_IGN);  // http::Client asks for it.
  constexpr std::string_view kWords[] = {"ok", "FAIL", "should", "-"};
  unsigned broken = 0;
  for (const hls::CheckedRow& row : rows_of(what, insecure)) {
    const auto verdict = static_cast<std::size_t>(row.verdict);
    broken += row.verdict == hls::RowVerdict::kBroken ? 1 : 0;
    std::string line = concat('P', row.number);
    line.resize(5, ' ');
    line += kWords[verdict];
    line.resize(13, ' ');
    line += row.title;
    if (!row.detail.empty()) line += concat(": ", row.detail);
    std::cout << line << '\n';
  }
  std::cout << std::flush;
  if (broken == 0) return 0;
  std::cerr << "streamforge: " << what << ": " << broken << (broken == 1 ? " row" : " rows")
            << " of the specification " << (broken == 1 ? "does" : "do") << " not hold\n";
  return 1;
}

}  // namespace sf::app

#include "handlers.hpp"
#include "web_assets.hpp"

#include <streamforge/http/representation.hpp>

#include <map>

namespace sf::serve {

namespace {

constexpr std::string_view kPageFile = "/index.html";
/// Names below /assets/ carry a hash of their content.
constexpr std::string_view kHashedPrefix = "/assets/";

/// Everything the page loads comes from this server; hls.js feeds the player from blob: URLs and
/// the player's controls set inline styles.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'";

}  // namespace

struct WebFiles::Index {
  std::map<std::string_view, const WebAsset*> by_path;
};

WebFiles::WebFiles() : index_(std::make_unique<Index>()) {
  for (const WebAsset& asset : web_assets()) index_->by_path.emplace(asset.path, &asset);
}

WebFiles::~WebFiles() = default;

namespace {

http::Response respond_with(const http::Request& request, const WebAsset& asset) {
  http::Representation representation;
  representation.content_type = http::content_type_of(asset.path);
  representation.cache_control =
      asset.path.starts_with(kHashedPrefix) ? "public, max-age=31536000, immutable" : "no-cache";
  representation.varies_by_encoding = !asset.gzip.empty();
  const bool gzip =
      !asset.gzip.empty() &&
      http::accepts_encoding(request.headers.get("accept-encoding").value_or(""), "gzip");
  // Two encodings are two representations: each has an ETag of its own (RFC 9110 section 8.8.3.3).
  representation.etag = gzip ? asset.gzip_etag : asset.etag;
  if (gzip) representation.content_encoding = "gzip";
  representation.bytes = http::SharedBytes{nullptr, gzip ? asset.gzip : asset.bytes};
  http::Response response = http::respond(request, std::move(representation));
  response.headers.set("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

void WebFiles::add_routes(http::Router& router) {
  using enum http::Method;
  const http::Handler to_page = [this](http::Request& r) { return page(r); };
  for (const std::string_view path : {"/", "/login", "/setup", "/watch/{id}", "/embed/{id}"}) {
    router.add(kGet, path, to_page);
  }
  for (const auto& [path, asset] : index_->by_path) {
    router.add(kGet, path, [this](http::Request& r) { return file(r); });
  }
}

io::Task<http::Response> WebFiles::file(http::Request& request) {
  const auto found = index_->by_path.find(request.path);
  SF_ASSERT(found != index_->by_path.end());  // Only paths of the index are routed here.
  co_return respond_with(request, *found->second);
}

io::Task<http::Response> WebFiles::page(http::Request& request) {
  const auto found = index_->by_path.find(kPageFile);
  SF_ASSERT(found != index_->by_path.end());  // The build refuses a web app without a page.
  http::Response response = respond_with(request, *found->second);
  response.headers.set("Content-Security-Policy", std::string(kContentSecurityPolicy));
  response.headers.set("Referrer-Policy", "same-origin");
  // Another site may show the bare player, and nothing else of ours, in a frame.
  if (!request.path.starts_with("/embed/")) response.headers.set("X-Frame-Options", "SAMEORIGIN");
  co_return response;
}

}  // namespace sf::serve

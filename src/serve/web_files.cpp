#include "handlers.hpp"
#include "web_assets.hpp"

#include <streamforge/base/digest.hpp>
#include <streamforge/http/representation.hpp>

#include <map>

namespace sf::serve {

namespace {

constexpr std::string_view kPageFile = "/index.html";
/// Names below /assets/ carry a hash of their content.
constexpr std::string_view kHashedPrefix = "/assets/";

/// Everything the page loads comes from this server; hls.js feeds the player from blob: URLs, and
/// makes a subtitle track of an empty data: URL. No other site may show it in a frame, but for the
/// bare player, which is there for that.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; media-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors ";

/// The page below a base path, which each attribute that is an absolute path gets in front: what
/// the page loads (and that loads the rest by relative URLs), and `data-base`, which its scripts
/// read.
struct PlacedPage {
  std::string text;
  std::string packed;
  std::string etag;
  std::string packed_etag;
  WebAsset asset;

  PlacedPage(const WebAsset& built, std::string_view base_path) {
    constexpr std::string_view kAbsolute = "=\"/";
    std::string_view rest = as_text(built.bytes);
    for (auto at = rest.find(kAbsolute); at != rest.npos; at = rest.find(kAbsolute)) {
      text.append(rest.substr(0, at + 2)).append(base_path).push_back('/');
      rest.remove_prefix(at + kAbsolute.size());
    }
    text.append(rest);
    packed = http::gzip(text);
    const std::string digest = sha256_hex(as_bytes(text)).substr(0, 32);
    etag = concat('"', digest, '"');
    packed_etag = concat('"', digest, "-gzip\"");
    asset = {built.path, as_bytes(text), as_bytes(packed), etag, packed_etag};
  }
  PlacedPage(const PlacedPage&) = delete;  // The asset shows the texts.
};

}  // namespace

struct WebFiles::Index {
  std::map<std::string_view, const WebAsset*> by_path;
  std::optional<PlacedPage> placed;  ///< Below a base path.
};

WebFiles::WebFiles(Shared& shared) : shared_(shared), index_(std::make_unique<Index>()) {
  for (const WebAsset& asset : web_assets()) index_->by_path.emplace(asset.path, &asset);
  const std::string& base_path = shared_.options.base_path;
  if (base_path.empty()) return;
  const WebAsset*& page = index_->by_path.at(kPageFile);
  page = &index_->placed.emplace(*page, base_path).asset;
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
  std::shared_ptr<http::Reuse> reuse;
  if (request.query.empty()) {  // There are endlessly many queries.
    reuse = std::make_shared<http::Reuse>();
    reuse->representation = representation;
  }
  http::Response response = http::respond(request, std::move(representation));
  response.reuse = std::move(reuse);
  response.headers.set("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

void WebFiles::add_routes(http::Router& router) {
  using enum http::Method;
  router.add_filter("/", [this](http::Request& request, const http::Handler& next) {
    return page_for_unknown(request, next);
  });
  const http::Handler to_page = [this](http::Request& r) { return page_or_redirect(r); };
  for (const std::string_view path : {"/", "/login", "/setup", "/watch/{id}", "/embed/{id}"}) {
    router.add(kGet, path, to_page);
  }
  for (const auto& [path, asset] : index_->by_path) {
    router.add(kGet, path, [this](http::Request& r) { return file(r); });
  }
}

std::string_view WebFiles::below_base(const http::Request& request) const {
  return std::string_view(request.path).substr(shared_.options.base_path.size());
}

io::Task<http::Response> WebFiles::page_for_unknown(http::Request& request,
                                                    const http::Handler& next) {
  http::Response response = co_await next(request);
  // A person who follows a dead link gets the page, which says so; programs get the problem.
  const bool wants_page = request.method == http::Method::kGet &&
                          request.headers.get("accept").value_or("").contains("text/html");
  if (response.status != 404 || !wants_page) co_return response;
  request.headers.remove("range");
  http::Response shown = co_await page(request);
  if (shown.status == 200) shown.status = 404;
  co_return shown;
}

io::Task<http::Response> WebFiles::file(http::Request& request) {
  const auto found = index_->by_path.find(below_base(request));
  SF_ASSERT(found != index_->by_path.end());  // Only paths of the index are routed here.
  co_return respond_with(request, *found->second);
}

io::Task<http::Response> WebFiles::page_or_redirect(http::Request& request) {
  const auto port = shared_.options.redirect_pages_to_port;
  if (!port || request.secure) co_return co_await page(request);
  std::string_view host = request.authority;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && colon + 1 > host.rfind(']') + 1) {
    host = host.substr(0, colon);
  }
  http::Response response = http::Response::empty(308);
  response.headers.set("Location", concat("https://", host, *port == 443 ? "" : concat(':', *port),
                                          request.target.starts_with('/') ? request.target : "/"));
  response.headers.set("Cache-Control", "max-age=300");
  co_return response;
}

io::Task<http::Response> WebFiles::page(http::Request& request) {
  const auto found = index_->by_path.find(kPageFile);
  SF_ASSERT(found != index_->by_path.end());  // The build refuses a web app without a page.
  http::Response response = respond_with(request, *found->second);
  const bool framed = below_base(request).starts_with("/embed/");
  response.headers.set("Content-Security-Policy",
                       concat(kContentSecurityPolicy, framed ? "*" : "'none'"));
  response.headers.set("Referrer-Policy", "same-origin");
  co_return response;
}

}  // namespace sf::serve

#include <streamforge/base/assert.hpp>
#include <streamforge/http/router.hpp>

#include <array>
#include <map>
#include <optional>
#include <vector>

namespace sf::http {

namespace {

constexpr std::size_t kMethods = 7;
constexpr unsigned kSegmentsMax = 64;  ///< Of a path that is looked up; deeper ones are 404.

/// Handlers at the end of one pattern.
struct Endpoint {
  struct Slot {
    Handler handler;
    std::vector<std::string> names;  ///< Of the pattern's parameters, in order.
  };
  std::array<std::optional<Slot>, kMethods> by_method;
  std::optional<Slot> any;

  [[nodiscard]] const Slot* find(Method method) const {
    if (const auto& slot = by_method[static_cast<std::size_t>(method)]) return &*slot;
    if (const auto& get = by_method[static_cast<std::size_t>(Method::kGet)];
        get && method == Method::kHead) {
      return &*get;
    }
    return any ? &*any : nullptr;
  }
};

struct Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::optional<Endpoint> rest;  ///< "{name*}": everything below.
  std::optional<Endpoint> here;
};

struct Match {
  const Endpoint::Slot* slot = nullptr;
  std::vector<std::string_view> values;
  std::array<bool, kMethods> allowed{};  ///< By the endpoints of this path.
  bool known = false;
};

/// "/v/x/" and "/v/x" are looked up alike.
std::vector<std::string_view> segments_of(std::string_view path) {
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  if (path.ends_with('/')) path.remove_suffix(1);
  return path.empty() ? std::vector<std::string_view>{} : split(path, '/');
}

class Lookup {
 public:
  Lookup(std::string_view path, Method method)
      : path_(path), segments_(segments_of(path)), method_(method) {}

  Match run(const Node& root) {
    if (segments_.size() <= kSegmentsMax) descend(root, 0);
    return std::move(match_);
  }

 private:
  /// Depth first, literals before parameters before rests; true when a handler was found.
  bool descend(const Node& node, std::size_t depth) {
    if (depth == segments_.size()) {
      return (node.here && take(*node.here)) || (node.rest && take_rest(*node.rest, depth));
    }
    const auto literal = node.literals.find(segments_[depth]);
    if (literal != node.literals.end() && descend(*literal->second, depth + 1)) return true;
    if (node.parameter) {
      match_.values.push_back(segments_[depth]);
      if (descend(*node.parameter, depth + 1)) return true;
      match_.values.pop_back();
    }
    return node.rest && take_rest(*node.rest, depth);
  }

  bool take(const Endpoint& endpoint) {
    match_.known = true;
    match_.slot = endpoint.find(method_);
    for (std::size_t m = 0; m < kMethods; ++m) {
      if (endpoint.find(static_cast<Method>(m))) match_.allowed[m] = true;
    }
    return match_.slot != nullptr;
  }

  bool take_rest(const Endpoint& endpoint, std::size_t depth) {
    match_.values.push_back(depth < segments_.size() ? path_.substr(static_cast<std::size_t>(
                                                           segments_[depth].data() - path_.data()))
                                                     : std::string_view{});
    if (take(endpoint)) return true;
    match_.values.pop_back();
    return false;
  }

  std::string_view path_;
  std::vector<std::string_view> segments_;
  Method method_;
  Match match_;
};

std::string allow_field(const std::array<bool, kMethods>& allowed) {
  std::string text;
  for (std::size_t m = 0; m < kMethods; ++m) {
    if (!allowed[m] && static_cast<Method>(m) != Method::kOptions) continue;
    if (!text.empty()) text.append(", ");
    text.append(name_of(static_cast<Method>(m)));
  }
  return text;
}

io::Task<Response> ready(Response response) { co_return response; }

/// Whether a path is `prefix` or below it; "" is above every path.
bool covers(std::string_view prefix, std::string_view path) {
  return path.starts_with(prefix) &&
         (path.size() == prefix.size() || prefix.empty() || path[prefix.size()] == '/');
}

/// The answer when no handler takes the request.
Response without_handler(const Request& request, const Match& match, std::string_view base_path) {
  if (!match.known) {
    Problem nothing{.status = 404, .code = "not_found", .detail = "There is nothing at this path."};
    if (!covers(base_path, request.path)) {
      nothing.hint = concat("This server is at ", base_path, "/.");
    }
    return problem(request, nothing);
  }
  Response response =
      request.method == Method::kOptions
          ? Response::empty(204)
          : problem(request, Problem{.status = 405,
                                     .code = "method_not_allowed",
                                     .detail = concat(name_of(request.method),
                                                      " is not possible at this path.")});
  response.headers.add("Allow", allow_field(match.allowed));
  return response;
}

struct PrefixFilter {
  std::string prefix;  ///< Without a trailing '/': "" is every path.
  Filter filter;
};

using FilterChain = std::vector<const Filter*>;

/// Filter `index` of the chain around the rest of it. The chain lives in the caller's frame.
io::Task<Response> run_chain(const FilterChain& chain, std::size_t index, const Handler& handler,
                             Request& request) {
  if (index == chain.size()) co_return co_await handler(request);
  const Handler next = [&chain, index, &handler](Request& passed) {
    return run_chain(chain, index + 1, handler, passed);
  };
  co_return co_await (*chain[index])(request, next);
}

io::Task<Response> run_filtered(FilterChain chain, const Handler& handler, Request& request) {
  co_return co_await run_chain(chain, 0, handler, request);
}

/// Filters run around our own 404, 405 and OPTIONS too: CORS and access apply to them as well.
io::Task<Response> run_filtered_fallback(FilterChain chain, Match match, std::string_view base_path,
                                         Request& request) {
  const Handler fallback = [&match, base_path](Request& passed) {
    return ready(without_handler(passed, match, base_path));
  };
  co_return co_await run_chain(chain, 0, fallback, request);
}

}  // namespace

struct Router::Impl {
  Node root;
  std::vector<PrefixFilter> filters;
  std::string base_path;

  Endpoint& endpoint(std::string_view pattern, std::vector<std::string>& names) {
    SF_ASSERT(pattern.starts_with('/'));
    const std::string whole = concat(base_path, pattern);
    Node* node = &root;
    for (const auto segment : segments_of(whole)) {
      if (!segment.starts_with('{')) {
        auto& child = node->literals[std::string(segment)];
        if (!child) child = std::make_unique<Node>();
        node = child.get();
        continue;
      }
      SF_ASSERT(segment.ends_with('}') && segment.size() > 2);
      const auto name = segment.substr(1, segment.size() - 2);
      if (name.ends_with('*')) {
        names.emplace_back(name.substr(0, name.size() - 1));
        if (!node->rest) node->rest.emplace();
        return *node->rest;  // Nothing can follow it.
      }
      names.emplace_back(name);
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
    }
    if (!node->here) node->here.emplace();
    return *node->here;
  }
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;

void Router::set_base_path(std::string_view base_path) {
  SF_ASSERT(base_path.empty() || (base_path.starts_with('/') && !base_path.ends_with('/')));
  impl_->base_path = base_path;
}

void Router::add(Method method, std::string_view pattern, Handler handler) {
  std::vector<std::string> names;
  auto& slot = impl_->endpoint(pattern, names).by_method[static_cast<std::size_t>(method)];
  SF_ASSERT(!slot);  // Two handlers for one method and pattern.
  slot.emplace(std::move(handler), std::move(names));
}

void Router::add_any(std::string_view pattern, Handler handler) {
  std::vector<std::string> names;
  auto& slot = impl_->endpoint(pattern, names).any;
  SF_ASSERT(!slot);
  slot.emplace(std::move(handler), std::move(names));
}

void Router::add_filter(std::string_view prefix, Filter filter) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  impl_->filters.push_back({concat(impl_->base_path, prefix), std::move(filter)});
}

io::Task<Response> Router::dispatch(Request& request) const {
  if (request.path == "*") {  // RFC 9110 section 9.3.7: about the server, not about a resource.
    std::array<bool, kMethods> all;
    all.fill(true);
    Response response = Response::empty(204);
    response.headers.add("Allow", allow_field(all));
    return ready(std::move(response));
  }
  Match match = Lookup(request.path, request.method).run(impl_->root);
  if (match.slot) {
    for (std::size_t i = 0; i < match.values.size(); ++i) {
      request.parameters_.emplace_back(match.slot->names[i], match.values[i]);
    }
  }
  FilterChain chain;
  for (const auto& entry : impl_->filters) {
    if (covers(entry.prefix, request.path)) chain.push_back(&entry.filter);
  }
  if (chain.empty()) {
    return match.slot ? match.slot->handler(request)
                      : ready(without_handler(request, match, impl_->base_path));
  }
  if (match.slot) return run_filtered(std::move(chain), match.slot->handler, request);
  return run_filtered_fallback(std::move(chain), std::move(match), impl_->base_path, request);
}

}  // namespace sf::http

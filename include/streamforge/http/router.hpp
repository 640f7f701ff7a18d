#pragma once

#include <streamforge/http/message.hpp>

#include <functional>
#include <memory>
#include <string_view>

namespace sf::http {

using Handler = std::function<io::Task<Response>(Request&)>;
/// Runs around every handler below its prefix, in order of adding: authentication, CORS, metrics.
using Filter = std::function<io::Task<Response>(Request&, const Handler& next)>;

/// Paths to handlers: "/v/{id}/{rung}/{file}", "{rest*}" for the remaining segments. Literal
/// segments win over parameters. HEAD falls back to GET (the driver drops the body). A path known
/// under other methods only is 405 with Allow; OPTIONS is answered 204 with Allow unless routed;
/// anything else is 404 problem+json. Built before serving, then read-only and shared by reactors.
/// Requests keep the path they came with; a base path costs one more segment of the look-up.
class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;

  /// From now on patterns and prefixes are added below `base_path` ("/media"; empty: as they are),
  /// and a 404 beside it says where to go.
  void set_base_path(std::string_view base_path);

  void add(Method method, std::string_view pattern, Handler handler);
  /// All methods of a pattern to one handler (tus decides by itself).
  void add_any(std::string_view pattern, Handler handler);
  void add_filter(std::string_view prefix, Filter filter);

  io::Task<Response> dispatch(Request& request) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::http

#include "caller.hpp"
#include "handlers.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/base/metrics.hpp>

namespace sf::serve {

void Health::add_routes(http::Router& router) {
  using enum http::Method;
  router.add(kGet, "/healthz", [this](http::Request& r) { return live(r); });
  router.add(kGet, "/readyz", [this](http::Request& r) { return ready(r); });
  router.add(kGet, "/metrics", [this](http::Request& r) { return metrics(r); });
}

io::Task<http::Response> Health::live(http::Request&) {
  http::Response response = http::Response::json(200, "{\"status\":\"ok\"}");
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> Health::ready(http::Request&) {
  const auto reasons = shared_.options.not_ready_reasons();
  json::Writer writer;
  writer.begin_object()
      .field("status", reasons.empty() ? "ready" : "not_ready")
      .field("io", shared_.options.io_backend)
      .key("reasons")
      .begin_array();
  for (const auto& reason : reasons) writer.value(reason);
  writer.end_array().end_object();
  http::Response response =
      http::Response::json(reasons.empty() ? 200 : 503, std::move(writer).take());
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> Health::metrics(http::Request& request) {
  // From this machine without a credential, as scrapers beside the server expect; else with one.
  if (!request.client().is_loopback()) {
    auto who = allowed(request, shared_.parts.accounts, store::Action::kReadMetrics);
    if (!who) co_return http::problem(request, who.error());
  }
  static metrics::TimeCounter& cpu = metrics::time_counter(
      "streamforge_process_cpu_seconds_total",
      "CPU time of the server's process, all its threads, without its transcoders.");
  cpu.set_ns(process_cpu_ns());
  co_return http::Response::text(200, metrics::to_prometheus_text(),
                                 "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace sf::serve

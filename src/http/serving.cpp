#include "serving.hpp"

#include <streamforge/base/log.hpp>

#include <exception>

namespace sf::http {

io::Task<Response> run_handler(const ServerState& state, Request& request) {
  if (request.body().length().value_or(0) > state.options.body_bytes_max) {
    co_return problem(request,
                      Error{ErrorCode::kTooLarge,
                            concat("the body is over ", state.options.body_bytes_max, " bytes")});
  }
  std::string what;
  try {
    auto dispatched = state.router.dispatch(request);
    co_return co_await dispatched;
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  co_return problem(request, Error{ErrorCode::kInternal, concat("a handler threw: ", what)});
}

void count_exchange(ReactorShare& share, int status, std::uint64_t took_ns, std::uint64_t bytes) {
  auto& counted = share.metrics;
  const auto status_class = static_cast<std::size_t>(status / 100);
  if (status_class < counted.requests.size()) counted.requests[status_class]->add();
  counted.bytes_out.add(bytes);
  counted.latency.observe_ns(took_ns);
  share.answers.sweep(share.reactor.now_ms());
}

std::string peer_text(const net::Address& peer) {
  return peer.host.empty() ? std::string("unix") : peer.to_string();
}

void log_access(ReactorShare& share, const AccessLine& line) {
  const bool refused = line.target.empty();
  share.access.add("http", refused ? "refused" : "request",
                   {{"method", refused ? "-" : line.method},
                    {"target", line.target},
                    {"protocol", name_of(line.version)},
                    {"status", line.status},
                    {"bytes", line.bytes},
                    {"ms", static_cast<double>(line.took_ns / 1000) / 1e3},
                    {"peer", line.peer},
                    {"request_id", line.request_id},
                    {"ended", line.sent ? "whole" : name_of(line.sent.error().code)}});
  share.access_added();
}

void log_exchange(const ServerOptions& options, ReactorShare& share, std::string_view peer,
                  const Ended& ended) {
  const Request& request = ended.request;
  if (!ended.sent && ended.sent.error().code == ErrorCode::kCorrupt) {
    log::error("http", "a file ended before its response did",
               {{"request_id", request.request_id}, {"target", request.target}});
  }
  if (!options.access_log) return;
  log_access(share, {name_of(request.method), request.target, request.version, ended.status,
                     ended.bytes, ended.took_ns, peer, request.request_id, ended.sent});
}

}  // namespace sf::http

#include "serving.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/log.hpp>

#include <exception>

#include "forwarded.hpp"

namespace sf::http {

void take_forwarded(const ServerState& state, const net::Address& peer, Request& request) {
  if (state.options.trusted_proxies.empty()) return;
  Forwarded said = read_forwarded(request.headers, peer, state.options.trusted_proxies);
  request.forwarded_client = std::move(said.client);
  request.forwarded_secure = said.secure.has_value();
  request.secure = said.secure.value_or(request.secure);
  if (!said.authority.empty()) request.authority = std::move(said.authority);
}

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
  if (peer.host.empty()) return "unix";
  return peer.port == 0 ? peer.host : peer.to_string();
}

void log_access(ReactorShare& share, AccessLine line) {
  line.wall_time_ms = wall_tick_ms();
  log::Batch& batch = share.access;
  batch.add(put_access_line(batch.room(access_line_bytes_max(line)), log::format(), line));
  share.access_added();
}

std::string_view how_ended(const Result<>& sent) noexcept {
  return sent ? "whole" : name_of(sent.error().code);
}

void log_exchange(const ServerOptions& options, ReactorShare& share, std::string_view peer,
                  const Ended& ended) {
  const Request& request = ended.request;
  if (!ended.sent && ended.sent.error().code == ErrorCode::kCorrupt) {
    log::error("http", "a file ended before its response did",
               {{"request_id", request.request_id}, {"target", request.target}});
  }
  if (!options.access_log) return;
  std::string client;
  if (request.forwarded_client) client = peer_text(*request.forwarded_client);
  log_access(share, {.method = request.target.empty() ? "-" : name_of(request.method),
                     .target = request.target,
                     .version = request.version,
                     .status = ended.status,
                     .bytes = ended.bytes,
                     .took_ns = ended.took_ns,
                     .peer = client.empty() ? peer : client,
                     .request_id = request.request_id,
                     .ended = how_ended(ended.sent)});
}

}  // namespace sf::http

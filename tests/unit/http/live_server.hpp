#pragma once

/// The driver over real sockets, in this process: one reactor on a thread of its own, one listener,
/// and a small router whose handlers do one thing each. For tests.

#include <streamforge/http/representation.hpp>
#include <streamforge/http/server.hpp>
#include <streamforge/net/listener.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/eventually.hpp"
#include "support/temp_dir.hpp"

namespace sf::http::test {

inline constexpr std::size_t kLargeBytes = std::size_t{6} << 20;

/// Bytes in which every place looks different from its neighbours.
inline const std::string& large_text() {
  static const std::string made = [] {
    std::string text(kLargeBytes, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) {
      text[i] = static_cast<char>(i * 131 + (i >> 8) * 17);
    }
    return text;
  }();
  return made;
}

/// What the handlers share; outlives the reactor's thread.
struct World {
  sf::test::TempDir dir;
  const std::string& large = large_text();
  std::shared_ptr<const UniqueFd> file;
  std::atomic<unsigned> handled{0};
  std::atomic<unsigned> streams_ended{0};
  std::atomic<int> body_error{-1};  ///< ErrorCode of the last body that could not be read.
};

inline io::Task<Response> hello(World& world) {
  ++world.handled;
  co_return Response::text(200, "hello");
}

inline io::Task<Response> path_of(World& world, Request& request) {
  ++world.handled;
  co_return Response::text(200, std::string(request.parameter("rest")));
}

inline io::Task<Response> large(World& world) {
  Response response;
  response.headers.add("Content-Type", "application/octet-stream");
  response.body = SharedBytes{nullptr, as_bytes(world.large)};
  co_return response;
}

inline io::Task<Response> file(World& world, Request& request) {
  Representation representation;
  representation.content_type = "video/mp4";
  representation.etag = "\"file\"";
  representation.bytes = FileSlice{world.file, 0, kLargeBytes};
  co_return respond(request, std::move(representation));
}

inline io::Task<Response> truncated(World& world) {
  Response response;
  response.body = FileSlice{world.file, 0, kLargeBytes + 1};
  co_return response;
}

inline io::Task<Response> echo(World& world, Request& request) {
  ++world.handled;
  auto text = co_await request.body().read_all(1 << 20);
  if (!text) {
    world.body_error = static_cast<int>(text.error().code);
    co_return problem(request, text.error());
  }
  auto response = Response::text(200, std::move(*text));
  for (const auto& [name, value] : request.body().trailers().all()) {
    response.headers.add("Trailer-" + name, value);
  }
  co_return response;
}

/// Reads with a small buffer what must equal the first bytes of `large`.
inline io::Task<Response> verify(World& world, Request& request) {
  std::vector<std::byte> buffer(100'000);
  std::size_t total = 0;
  for (;;) {
    auto got = co_await request.body().read_into(buffer);
    if (!got) {
      world.body_error = static_cast<int>(got.error().code);
      co_return problem(request, got.error());
    }
    if (*got == 0) break;
    const auto expected = std::string_view(world.large).substr(total, *got);
    if (as_text(ByteSpan(buffer).first(*got)) != expected) {
      co_return Response::text(409, concat("other bytes from ", total));
    }
    total += *got;
  }
  co_return Response::text(200, concat(total));
}

inline io::Task<Response> ignore(World& world) {
  ++world.handled;
  co_return Response::text(200, "ignored");
}

inline io::Task<Response> refuse_upload(Request& request) {
  co_return problem(request, Error{ErrorCode::kPermissionDenied, "no", 0});
}

inline io::Task<Response> throws() {
  throw std::runtime_error("thrown by a handler");
  co_return Response();
}

inline io::Task<Response> slow(World& world) {
  co_await io::Reactor::current().sleep_ms(100);
  ++world.handled;
  co_return Response::text(200, "slow");
}

inline io::Task<Response> interim(Request& request) {
  Headers fields;
  fields.add("Upload-Offset", "5");
  auto sent = co_await request.send_informational(104, std::move(fields));
  co_return Response::empty(sent ? 204 : 500);
}

inline io::Task<Result<>> produce_pieces(BodyWriter& writer) {
  for (int i = 0; i < 100; ++i) {
    const std::string piece = concat("piece ", i, '\n');
    auto written = co_await writer.write(piece);
    if (!written) co_return written;
  }
  co_return Result<>{};
}

inline io::Task<Result<>> produce_forever(World& world, BodyWriter& writer) {
  Result<> written;
  while (written && !writer.should_end()) {
    written = co_await writer.write("tick\n");
    co_await io::Reactor::current().sleep_ms(5);
  }
  ++world.streams_ended;
  co_return written;
}

inline io::Task<Result<>> produce_half(BodyWriter& writer) {
  auto written = co_await writer.write("half");
  if (!written) co_return written;
  co_return fail(ErrorCode::kIo, "the rest cannot be read");
}

inline io::Task<Response> streamed(BodyProducer producer) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(producer);
  co_return response;
}

inline io::Task<Response> injected() {
  auto response = Response::text(200, "x");
  response.headers.add("X-Good", "1");
  response.headers.add("X-Bad", "1\r\nSet-Cookie: stolen=1");
  co_return response;
}

inline void add_routes(Router& router, World& world) {
  router.add(Method::kGet, "/hello", [&world](Request&) { return hello(world); });
  router.add(Method::kGet, "/path/{rest*}", [&world](Request& r) { return path_of(world, r); });
  router.add(Method::kGet, "/large", [&world](Request&) { return large(world); });
  router.add(Method::kGet, "/file", [&world](Request& r) { return file(world, r); });
  router.add(Method::kGet, "/truncated", [&world](Request&) { return truncated(world); });
  router.add(Method::kPost, "/echo", [&world](Request& r) { return echo(world, r); });
  router.add(Method::kPost, "/verify", [&world](Request& r) { return verify(world, r); });
  router.add(Method::kPost, "/ignore", [&world](Request&) { return ignore(world); });
  router.add(Method::kPost, "/refuse", [](Request& r) { return refuse_upload(r); });
  router.add(Method::kGet, "/throw", [](Request&) { return throws(); });
  router.add(Method::kGet, "/slow", [&world](Request&) { return slow(world); });
  router.add(Method::kPost, "/interim", [](Request& r) { return interim(r); });
  router.add(Method::kGet, "/injected", [](Request&) { return injected(); });
  router.add(Method::kGet, "/pieces", [](Request&) { return streamed(produce_pieces); });
  router.add(Method::kGet, "/half", [](Request&) { return streamed(produce_half); });
  router.add(Method::kGet, "/forever", [&world](Request&) {
    return streamed([&world](BodyWriter& writer) { return produce_forever(world, writer); });
  });
}

class LiveServer {
 public:
  /// On a free port of 127.0.0.1, or on a Unix socket when `unix_path` is given.
  explicit LiveServer(io::BackendKind backend, ServerOptions options = quiet(),
                      const std::string& unix_path = {}) {
    std::ofstream(world_.dir.file("large"), std::ios::binary) << world_.large;
    world_.file = std::make_shared<const UniqueFd>(
        ::open(world_.dir.file("large").c_str(), O_RDONLY | O_CLOEXEC));
    add_routes(router_, world_);
    server_ = std::make_unique<Server>(router_, std::move(options));
    io::ReactorConfig config;
    config.backend = backend;
    config.staging_bytes = 0;
    auto made = io::Reactor::create(config);
    if (!made) throw std::runtime_error(made.error().message);
    reactor_ = std::move(*made);
    auto socket =
        unix_path.empty() ? net::listen_tcp({"127.0.0.1", 0}) : net::listen_unix(unix_path);
    if (!socket) throw std::runtime_error(socket.error().message);
    if (unix_path.empty()) port_ = net::local_address(socket->get())->port;
    listener_ = std::make_unique<net::Listener>(
        *reactor_, std::move(*socket), [this](std::unique_ptr<net::Connection> connection) {
          return server_->serve(std::move(connection));
        });
    thread_ = std::thread([this] { reactor_->run(); });
    reactor_->post([this] { listener_->start(); });
  }

  ~LiveServer() {
    reactor_->post([this] { reactor_->spawn(shut_down()); });
    thread_.join();
    listener_.reset();
    reactor_.reset();
  }

  static ServerOptions quiet() {
    ServerOptions options;
    options.access_log = false;
    return options;
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] World& world() noexcept { return world_; }
  [[nodiscard]] Server& server() noexcept { return *server_; }
  [[nodiscard]] unsigned connections() {
    std::promise<unsigned> count;
    auto answer = count.get_future();
    reactor_->post([this, &count] { count.set_value(listener_->connections()); });
    return answer.get();
  }
  /// Waits until as many connections are open.
  [[nodiscard]] bool settles_at(unsigned open) {
    return sf::test::eventually([&] { return connections() == open; });
  }

 private:
  io::Task<void> shut_down() {
    co_await listener_->drain(200);
    reactor_->stop();
  }

  World world_;
  Router router_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<io::Reactor> reactor_;
  std::unique_ptr<net::Listener> listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace sf::http::test

#pragma once

/// The service on real sockets and files inside the test: one listener with a port of its own for
/// each reactor, so that a test chooses which reactor a request meets.

#include <streamforge/http/server.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/net/listener.hpp>
#include <streamforge/store/accounts.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/store/reconcile.hpp>
#include <streamforge/tus/service.hpp>

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/on_reactor.hpp"
#include "support/raw_http.hpp"
#include "support/temp_dir.hpp"

namespace sf::tus {

struct InProcessOptions {
  io::BackendKind backend = io::BackendKind::kUring;
  unsigned reactors = 1;
  bool open_access = true;
  std::size_t staging_bytes = 8 * limits::kMiB;
  ServiceOptions service;
  bool reconcile = false;  ///< As the server does at start.
  /// For faults: what carries the reactors' I/O, and how the catalogue is opened, if not as usual.
  std::function<Result<std::unique_ptr<io::Backend>>(int)> make_backend;
  std::function<Result<std::unique_ptr<store::Catalogue>>(
      const std::string& path, io::OffloadPool& pool, store::EventBus& events)>
      open_catalogue;
};

class InProcess {
 public:
  InProcess(const std::string& dir, InProcessOptions options)
      : pool_(2, "test"), events_(std::make_unique<store::EventBus>()) {
    blobs_ = must(store::BlobStore::open(dir, pool_));
    const std::string meta = dir + "/meta";
    catalogue_ = must(options.open_catalogue ? options.open_catalogue(meta, pool_, *events_)
                                             : store::Catalogue::open(meta, pool_, *events_));
    if (options.reconcile) (void)must(store::reconcile(*catalogue_, *blobs_));
    accounts_ = must(store::Accounts::open(*catalogue_, pool_, options.open_access));
    service_ = std::make_unique<Service>(*catalogue_, *blobs_, *accounts_, options.service);
    service_->set_before_remove([this](std::string id) { return note_removal(std::move(id)); });
    service_->add_routes(router_);
    server_ = std::make_unique<http::Server>(router_, http::ServerOptions{.access_log = false});
    for (unsigned n = 0; n < options.reactors; ++n) add_reactor(n, options);
    on(0, [this] { service_->start(); });
  }
  InProcess(const InProcess&) = delete;
  ~InProcess() { stop(); }

  [[nodiscard]] std::uint16_t port(unsigned reactor = 0) const { return ports_.at(reactor); }
  [[nodiscard]] store::Catalogue& catalogue() { return *catalogue_; }
  [[nodiscard]] store::Accounts& accounts() { return *accounts_; }
  [[nodiscard]] io::Reactor& reactor(unsigned n = 0) { return *reactors_.at(n); }
  [[nodiscard]] std::vector<std::string> removed() const { return removed_; }

  /// What a shutdown does, in its order: SIGTERM's.
  void stop() {
    if (threads_.empty()) return;
    server_->begin_drain();
    run_to_end(0, service_->stop());
    for (unsigned n = 0; n < reactors_.size(); ++n) run_to_end(n, listeners_[n]->drain(2'000));
    for (auto& each : reactors_) each->stop();
    for (auto& each : threads_) each.join();
    threads_.clear();
    listeners_.clear();
    server_.reset();
    service_.reset();
    accounts_.reset();
    blobs_.reset();
    catalogue_.reset();
    reactors_.clear();
  }

  /// The task's answer, awaited on a reactor.
  template <class T>
  T ask(io::Task<T> task, unsigned reactor = 0) {
    std::promise<T> promise;
    auto answer = promise.get_future();
    on(reactor, [&] { reactors_[reactor]->spawn(deliver(std::move(task), promise)); });
    return answer.get();
  }

 private:
  template <class T>
  static T must(Result<T> made) {
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  template <class T>
  static io::Task<void> deliver(io::Task<T> task, std::promise<T>& into) {
    into.set_value(co_await task);
  }
  static io::Task<void> deliver(io::Task<void> task, std::promise<void>& into) {
    co_await task;
    into.set_value();
  }
  void run_to_end(unsigned reactor, io::Task<void> task) { ask(std::move(task), reactor); }
  void on(unsigned reactor, std::function<void()> work) {
    reactors_[reactor]->post(std::move(work));
  }
  io::Task<void> note_removal(std::string id) {
    removed_.push_back(std::move(id));
    co_return;
  }

  void add_reactor(unsigned n, const InProcessOptions& options) {
    io::ReactorConfig config;
    config.backend = options.backend;
    config.make_backend = options.make_backend;
    config.index = n;
    config.staging_bytes = options.staging_bytes;
    reactors_.push_back(must(io::Reactor::create(config)));
    auto socket = net::listen_tcp(net::Address{"127.0.0.1", 0});
    if (!socket) throw std::runtime_error(socket.error().message);
    ports_.push_back(net::local_address(socket->get())->port);
    io::Reactor* reactor = reactors_.back().get();
    listeners_.push_back(std::make_unique<net::Listener>(
        *reactor, std::move(*socket), [this](std::unique_ptr<net::Connection> connection) {
          return server_->serve(std::move(connection));
        }));
    threads_.emplace_back([reactor] { reactor->run(); });
    on(n, [listener = listeners_.back().get()] { listener->start(); });
  }

  io::OffloadPool pool_;
  std::unique_ptr<store::EventBus> events_;
  std::unique_ptr<store::Catalogue> catalogue_;
  std::unique_ptr<store::BlobStore> blobs_;
  std::unique_ptr<store::Accounts> accounts_;
  std::unique_ptr<Service> service_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::unique_ptr<io::Reactor>> reactors_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<std::uint16_t> ports_;
  std::vector<std::thread> threads_;
  std::vector<std::string> removed_;
};

/// The head of a PATCH, for tests that send the body their own way.
inline std::string patch_head(const std::string& id, std::uint64_t offset,
                              const std::string& framing) {
  return concat("PATCH /files/", id, " HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n",
                "Content-Type: application/offset+octet-stream\r\nUpload-Offset: ", offset, "\r\n",
                framing, "\r\n\r\n");
}
/// Bytes without a period that blocks could hide.
inline std::string noise(std::size_t bytes, std::uint64_t seed = 1) {
  std::string out(bytes, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (char& c : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return out;
}

/// A backend and a way to the disk.
struct Way {
  io::BackendKind backend;
  UploadIo upload_io = UploadIo::kAuto;
};
inline std::string way_name(const ::testing::TestParamInfo<Way>& info) {
  const bool chosen = info.param.upload_io != UploadIo::kAuto;
  return concat(io::name_of(info.param.backend), chosen ? "_" : "",
                chosen ? name_of(info.param.upload_io) : "");
}

/// A fresh folder for each test.
class ServiceTest : public ::testing::TestWithParam<Way> {
 protected:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  void start(InProcessOptions options = {}) {
    options.backend = GetParam().backend;
    options.service.upload_io = GetParam().upload_io;
    options_ = options;
    server_ = std::make_unique<InProcess>(dir_.path().string(), std::move(options));
  }
  void restart() {
    server_.reset();
    start(options_);
  }
  [[nodiscard]] InProcess& server() { return *server_; }
  [[nodiscard]] std::string blob(const std::string& folder, const std::string& id) const {
    return test::read_file(dir_.path() / folder / id);
  }
  [[nodiscard]] bool has_blob(const std::string& folder, const std::string& id) const {
    return std::filesystem::exists(dir_.path() / folder / id);
  }

  test::HttpResponse fetch(std::string_view method, std::string_view target, Fields fields = {},
                           std::string_view body = {}, unsigned reactor = 0) {
    fields.emplace_back("Tus-Resumable", "1.0.0");
    return test::fetch(server_->port(reactor), method, target, fields, body);
  }
  test::HttpResponse patch(const std::string& id, std::uint64_t offset, std::string_view body,
                           Fields fields = {}, unsigned reactor = 0) {
    fields.emplace_back("Upload-Offset", std::to_string(offset));
    fields.emplace_back("Content-Type", "application/offset+octet-stream");
    return fetch("PATCH", "/files/" + id, std::move(fields), body, reactor);
  }
  test::HttpResponse head(const std::string& id, unsigned reactor = 0) {
    return fetch("HEAD", "/files/" + id, {}, {}, reactor);
  }
  std::string create(std::uint64_t length, Fields fields = {}) {
    fields.emplace_back("Upload-Length", std::to_string(length));
    const auto answer = fetch("POST", "/files", std::move(fields));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer["Location"].substr(std::string("/files/").size());
  }

  test::TempDir dir_;
  InProcessOptions options_;
  std::unique_ptr<InProcess> server_;
};

}  // namespace sf::tus

/// On both backends.
#define SF_ON_EACH_BACKEND(suite)                                                                \
  INSTANTIATE_TEST_SUITE_P(                                                                      \
      Io, suite,                                                                                 \
      ::testing::Values(Way{::sf::io::BackendKind::kUring}, Way{::sf::io::BackendKind::kEpoll}), \
      ::sf::tus::way_name)
/// On both, spliced.
#define SF_SPLICED(suite)                                                       \
  INSTANTIATE_TEST_SUITE_P(                                                     \
      Spliced, suite,                                                           \
      ::testing::Values(Way{::sf::io::BackendKind::kUring, UploadIo::kSplice},  \
                        Way{::sf::io::BackendKind::kEpoll, UploadIo::kSplice}), \
      ::sf::tus::way_name)
/// By each way to the disk.
#define SF_ON_EACH_WAY(suite) \
  SF_ON_EACH_BACKEND(suite);  \
  SF_SPLICED(suite)

#include "serve_command.hpp"

#include "admin.hpp"
#include "listeners.hpp"
#include "reactor_thread.hpp"
#include "stores.hpp"
#include "tls.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/http/server.hpp>
#include <streamforge/io/gate.hpp>
#include <streamforge/io/timer.hpp>
#include <streamforge/net/listener.hpp>
#include <streamforge/serve/site.hpp>
#include <streamforge/store/hasher.hpp>
#include <streamforge/store/signing_key.hpp>
#include <streamforge/transcode/scheduler.hpp>
#include <streamforge/tus/service.hpp>

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <thread>

namespace sf::app {

namespace {

constexpr std::uint32_t kSweepEveryMs = 10 * 60 * 1000;
/// Below this much free space uploads will be refused soon: said by /readyz.
constexpr std::uint64_t kFreeBytesMin = limits::kGiB;

struct Sizes {
  unsigned reactors;
  unsigned transcoders;
  bool shared_cores;  ///< Transcoders run where reactors do: at low priority, nothing pinned apart.
};

/// reactors = max(1, cores/4), transcoders the other cores; up to four cores, transcoders = all.
Sizes sizes_for(const ServeOptions& options) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  Sizes sizes{};
  sizes.reactors = options.reactors != 0 ? options.reactors : std::max(1u, cores / 4);
  sizes.shared_cores = cores <= 4 || sizes.reactors >= cores;
  const unsigned others = sizes.shared_cores ? cores : cores - sizes.reactors;
  sizes.transcoders = options.transcoders < 0 ? others : static_cast<unsigned>(options.transcoders);
  return sizes;
}

transcode::WorkerOptions worker_options(const ServeOptions& options, const Sizes& sizes) {
  transcode::WorkerOptions workers;
  workers.workers = sizes.transcoders;
  workers.log_dir = options.data_dir + "/log";
  workers.measure_quality = options.measure_quality;
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int first = sizes.shared_cores ? 0 : static_cast<int>(sizes.reactors);
  for (int cpu = first; cpu < cores; ++cpu) workers.cpus.push_back(cpu);
  workers.urgent_workers = cores > 1 ? 2 : 1;
  return workers;
}

/// Kept answers hold open files: a quarter of the descriptors there may be, shared by the reactors,
/// each for plain connections and for TLS.
unsigned quick_answers_max(unsigned shares) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<unsigned>(
      std::min<rlim_t>(limits::kQuickAnswersMax, limit.rlim_cur / 4 / shares));
}

/// Everything that runs, built in flow order and torn down in reverse. Owned by run_serve.
class Server {
 public:
  explicit Server(const ServeOptions& options) : options_(options), sizes_(sizes_for(options)) {}
  /// SIGHUP: what can be read again is.
  void reload() { tls_.reload(); }

  Result<> start();
  /// SIGTERM: stop accepting, finish what is in flight, keep every byte, end the workers.
  void drain();
  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] const std::string& tls_url() const noexcept { return tls_url_; }
  [[nodiscard]] store::Accounts& accounts() noexcept { return *stores_->accounts; }

 private:
  Result<> check_address();
  Result<> limit_addresses();
  Result<> start_reactors();
  Result<> listen();
  Result<> start_site();
  Listeners::Work work_of(http::Server& server);
  void accept();
  Result<> listen_admin();
  io::Task<Result<>> start_control();
  io::Task<void> stop_control();
  io::Task<void> sweep();
  void arm_sweep();
  [[nodiscard]] serve::JobControls job_controls();
  [[nodiscard]] std::vector<std::string> not_ready_reasons() const;
  [[nodiscard]] io::Reactor& control() noexcept { return control_->reactor(); }

  // Constant after start.
  const ServeOptions options_;
  const Sizes sizes_;
  net::Address address_;
  io::BackendKind backend_ = io::BackendKind::kAuto;
  std::string url_;
  std::string tls_url_;  ///< Empty: no TLS.
  std::atomic<bool> draining_{false};

  // In the order in which each needs the ones above.
  std::unique_ptr<Stores> stores_;
  Reactors reactors_;
  std::unique_ptr<ReactorThread> control_;  ///< Scheduler, workers, admin socket, sweeps.
  std::vector<UniqueFd> sockets_;
  std::unique_ptr<transcode::Scheduler> scheduler_;
  std::unique_ptr<store::Hasher> hasher_;
  std::unique_ptr<tus::Service> tus_;
  std::unique_ptr<serve::Site> site_;
  http::Router router_;
  http::Router admin_router_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<http::Server> https_;  ///< Keeps answers of its own: they may differ.
  std::unique_ptr<http::Server> admin_http_;
  std::vector<net::AddressPrefix> trusted_proxies_;
  std::unique_ptr<net::AddressLimit> address_limit_;
  net::Congestion congestion_;
  net::Spread spread_{sizes_.reactors};
  Listeners listeners_{reactors_};
  TlsSide tls_{options_, reactors_};

  // The control reactor's.
  std::unique_ptr<net::Listener> admin_listener_;
  io::Gate sweeps_;
  std::unique_ptr<io::Timer> sweep_timer_;
};

Result<> Server::check_address() {
  auto address = net::parse_address(options_.listen);
  if (!address) return fail(std::move(address.error()));
  address_ = std::move(*address);
  if (options_.open && !address_.is_loopback()) {
    return fail(ErrorCode::kInvalidArgument,
                concat("--open lets anyone upload, so it is refused on ", address_.to_string(),
                       "; listen on 127.0.0.1, or leave --open out and make accounts."));
  }
  if (auto limited = limit_addresses(); !limited) return limited;
  return tls_.check();
}

Result<std::vector<net::AddressPrefix>> parse_prefixes(const std::vector<std::string>& texts) {
  std::vector<net::AddressPrefix> prefixes;
  for (const std::string& text : texts) {
    if (text == "none" && texts.size() == 1) break;
    auto prefix = net::AddressPrefix::parse(text);
    if (!prefix) return fail(std::move(prefix.error()));
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

/// Never so many that the connections of one address take all descriptors.
Result<> Server::limit_addresses() {
  auto proxies = parse_prefixes(options_.trusted_proxies);
  if (!proxies) return fail(std::move(proxies.error()));
  auto exempt = parse_prefixes(options_.address_connections_exempt);
  if (!exempt) return fail(std::move(exempt.error()));
  trusted_proxies_ = std::move(*proxies);
  rlimit limit{};
  unsigned connections_max = options_.address_connections_max;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && connections_max > limit.rlim_cur / 2) {
    connections_max = std::max(1u, static_cast<unsigned>(limit.rlim_cur / 2));
    log::warn("app", "an address may have fewer connections than set: too few open files",
              {{"connections_max", connections_max},
               {"set", options_.address_connections_max},
               {"hint", "raise the limit of open files"}});
  }
  address_limit_ = std::make_unique<net::AddressLimit>(connections_max, std::move(*exempt));
  return {};
}

Result<> Server::start_reactors() {
  std::string reason;
  auto backend = io::resolve(options_.io, &reason);
  if (!backend) return fail(std::move(backend.error()));
  backend_ = *backend;
  log::info("io", "chose the I/O backend", {{"backend", io::name_of(backend_)}, {"why", reason}});
  io::ReactorConfig config;
  config.backend = backend_;
  config.staging_bytes = options_.staging_mib * limits::kMiB;
  for (unsigned i = 0; i < sizes_.reactors; ++i) {
    config.index = i;
    config.cpu = sizes_.shared_cores ? -1 : static_cast<int>(i);
    auto thread = ReactorThread::start(config, concat("sf-reactor-", i));
    if (!thread) return fail(std::move(thread.error()));
    reactors_.push_back(std::move(*thread));
  }
  config.index = sizes_.reactors;
  config.cpu = -1;
  config.staging_bytes = 0;
  auto thread = ReactorThread::start(config, "sf-control");
  if (!thread) return fail(std::move(thread.error()));
  control_ = std::move(*thread);
  return {};
}

/// An address to go to from this machine.
std::string shown(net::Address address) {
  if (address.host == "0.0.0.0" || address.host == "::") address.host = "127.0.0.1";
  return address.to_string();
}

Result<> Server::listen() {
  auto congestion = net::Congestion::choose(options_.congestion);
  if (!congestion) return fail(std::move(congestion.error()));
  congestion_ = std::move(*congestion);
  log::info("net", "chose the congestion control", {{"congestion", congestion_.to_string()}});
  auto sockets = net::listen_tcp(address_, sizes_.reactors);
  if (!sockets) return fail(std::move(sockets.error()));
  sockets_ = std::move(*sockets);
  if (auto listening = tls_.listen(sizes_.reactors); !listening) return listening;
  url_ = concat("http://", shown(address_), options_.base_path);
  if (tls_.wanted()) tls_url_ = concat("https://", shown(tls_.address()), options_.base_path);
  return {};
}

serve::JobControls Server::job_controls() {
  transcode::Scheduler& scheduler = *scheduler_;
  serve::JobControls jobs;
  jobs.cancel = [&scheduler](std::string id) { return scheduler.cancel(std::move(id)); };
  jobs.retry = [&scheduler](std::string id) { return scheduler.retry(std::move(id)); };
  jobs.pause = [&scheduler](std::string id) { return scheduler.pause(std::move(id)); };
  jobs.resume = [&scheduler](std::string id) { return scheduler.resume(std::move(id)); };
  jobs.prioritise = [&scheduler](std::string id) { return scheduler.prioritise(std::move(id)); };
  jobs.forget = [&scheduler](std::string id) { return scheduler.forget(std::move(id)); };
  jobs.queue_position = [&scheduler](const std::string& id) {
    return scheduler.queue_position(id);
  };
  return jobs;
}

std::vector<std::string> Server::not_ready_reasons() const {
  std::vector<std::string> reasons;
  if (draining_.load(std::memory_order_relaxed)) reasons.emplace_back("The server is stopping.");
  if (stores_->blobs->free_bytes() < kFreeBytesMin) {
    reasons.push_back(concat("Less than 1 GiB is free for ", options_.data_dir, "."));
  }
  return reasons;
}

Result<> Server::start_site() {
  auto ladder = transcode::parse_ladder(options_.ladder);
  if (!ladder) return fail(std::move(ladder.error()));
  ladder->copy = options_.copy;
  scheduler_ = std::make_unique<transcode::Scheduler>(
      control(), *stores_->catalogue, *stores_->blobs, stores_->demand, std::move(*ladder),
      worker_options(options_, sizes_));
  if (options_.source_sha256) {
    hasher_ = std::make_unique<store::Hasher>(control(), *stores_->catalogue, *stores_->blobs,
                                              stores_->events);
  }
  tus::ServiceOptions uploads;
  uploads.upload_bytes_max = options_.upload_max_bytes;
  uploads.upload_io = options_.upload_io;
  uploads.account_bodies_max = options_.account_uploads_max;
  uploads.account_creations_per_minute_max = options_.account_creations_max;
  uploads.account_bytes_max = options_.account_max_bytes;
  uploads.account_unfinished_max = options_.account_unfinished_max;
  uploads.base_path = options_.base_path;
  tus_ = std::make_unique<tus::Service>(*stores_->catalogue, *stores_->blobs, *stores_->accounts,
                                        uploads);
  tus_->set_before_remove([this](std::string id) { return scheduler_->forget(std::move(id)); });
  serve::SiteOptions site;
  site.log_dir = options_.data_dir + "/log";
  site.io_backend = io::name_of(backend_);
  auto key = store::open_signing_key(options_.data_dir);
  if (!key) return fail(std::move(key.error()));
  site.signing_key = std::move(*key);
  site.secure_cookies = options_.secure_cookies;
  site.base_path = options_.base_path;
  if (options_.tls_redirect) site.redirect_pages_to_port = tls_.port();
  site.not_ready_reasons = [this] { return not_ready_reasons(); };
  site_ = std::make_unique<serve::Site>(
      serve::SiteParts{*stores_->catalogue, *stores_->blobs, *stores_->accounts, stores_->events,
                       stores_->demand, stores_->pool},
      job_controls(), std::move(site));
  if (!options_.base_path.empty()) {
    site_->add_health_routes(router_);  // Who asks from this machine need not know of the path.
    router_.set_base_path(options_.base_path);
  }
  tus_->add_routes(router_);
  site_->add_routes(router_);
  add_admin_routes(admin_router_, *stores_->accounts, url_);
  http::ServerOptions http;
  http.access_log = options_.access_log != AccessLog::kNone;
  http.trusted_proxies = trusted_proxies_;
  http.quick_answers_max = quick_answers_max(sizes_.reactors * (tls_.wanted() ? 2 : 1));
  http_ = std::make_unique<http::Server>(router_, http);
  admin_http_ = std::make_unique<http::Server>(admin_router_, http);
  if (!tls_.wanted()) return {};
  if (options_.hsts_max_age > 0) {  // RFC 6797 section 7.2: over TLS only.
    http.fixed_fields =
        concat("Strict-Transport-Security: max-age=", options_.hsts_max_age, "\r\n");
  }
  https_ = std::make_unique<http::Server>(router_, http);
  return {};
}

Result<> Server::listen_admin() {
  auto socket = net::listen_unix(admin_socket_path(options_.data_dir));
  if (!socket) return fail(std::move(socket.error()));
  admin_listener_ = std::make_unique<net::Listener>(
      control(), std::move(*socket), [this](std::unique_ptr<net::Connection> connection) {
        return admin_http_->serve(std::move(connection));
      });
  admin_listener_->start();
  return {};
}

void Server::arm_sweep() {
  sweep_timer_->arm(control().timers(), kSweepEveryMs, [this] {
    if (!sweeps_.closed()) control().spawn(sweep());
  });
}

io::Task<void> Server::sweep() {
  const auto pass = sweeps_.enter();
  if (auto swept = co_await stores_->accounts->sweep(); !swept) {
    log::warn("app", "could not remove expired sessions", {{"error", swept.error().message}});
  }
  if (auto emptied = co_await site_->empty_trash(); !emptied) {
    log::warn("app", "could not empty the trash", {{"error", emptied.error().message}});
  }
  if (!sweeps_.closed()) arm_sweep();
}

io::Task<Result<>> Server::start_control() {
  if (auto admin = listen_admin(); !admin) co_return admin;
  if (auto scheduled = co_await scheduler_->start(); !scheduled) co_return scheduled;
  tus_->start();
  if (hasher_) hasher_->start();
  sweep_timer_ = std::make_unique<io::Timer>();
  arm_sweep();
  co_return Result<>{};
}

Listeners::Work Server::work_of(http::Server& server) {
  return {
      .handler = [&server](auto connection) { return server.serve(std::move(connection)); },
      .turn_away = [&server](auto connection) { return server.turn_away(std::move(connection)); },
      .limit = *address_limit_,
      .spread = spread_,
      .congestion = congestion_};
}

void Server::accept() {
  listeners_.start(std::move(sockets_), work_of(*http_));
  if (https_) tls_.accept(work_of(*https_));
}

Result<> Server::start() {
  if (auto checked = check_address(); !checked) return checked;
  auto stores = Stores::open(options_.data_dir, options_.open);
  if (!stores) return fail(std::move(stores.error()));
  stores_ = std::move(*stores);
  if (auto listening = listen(); !listening) return listening;
  if (auto started = start_reactors(); !started) return started;
  if (auto built = start_site(); !built) return built;
  if (auto controlled = control_->run(start_control()); !controlled) return controlled;
  accept();
  return {};
}

io::Task<void> Server::stop_control() {
  sweep_timer_.reset();
  co_await sweeps_.close();
  if (admin_listener_) co_await admin_listener_->drain(limits::kDrainTimeoutMs);
  admin_listener_.reset();
  if (hasher_) co_await hasher_->stop();
  co_await scheduler_->stop();
}

void Server::drain() {
  draining_ = true;
  if (!control_ || !http_) return;
  listeners_.stop_accepting();
  tls_.stop_accepting();
  http_->begin_drain();
  if (https_) https_->begin_drain();
  site_->begin_drain();
  admin_http_->begin_drain();
  reactors_.front()->run(tus_->stop());
  listeners_.drain();
  tls_.drain();
  control_->run(stop_control());
}

/// As many descriptors as the machine allows: connections and segments each need one.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void greet(Server& server, const ServeOptions& options) {
  std::cout << "listening on " << server.url() << '\n';
  if (!server.tls_url().empty()) std::cout << "listening on " << server.tls_url() << '\n';
  if (options.open) {
    std::cout << "open: anyone on this machine may upload\n";
  } else if (server.accounts().setup_required()) {
    std::cout << "create the administrator: " << server.url()
              << "/setup?token=" << server.accounts().setup_token() << '\n';
  }
  std::cout << std::flush;
}

}  // namespace

int run_serve(const ServeOptions& options) {
  // Blocked before any thread starts, so that all inherit it; the main thread takes them in turn.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();

  std::error_code ignored;
  std::filesystem::create_directories(options.data_dir + "/log", ignored);  // BlobStore says why.
  log::Options logging;
  logging.level = options.log_level;
  logging.format = options.log_format;
  logging.file = ignored ? "" : options.data_dir + "/log/streamforge.log";
  if (options.access_log == AccessLog::kFile) {
    logging.batch_file = options.data_dir + "/log/access.log";
  }
  if (auto started = log::start(logging); !started) {
    std::cerr << "streamforge: " << started.error().message << '\n';
    return 1;
  }
  int exit_code = 0;
  {
    Server server(options);
    if (auto started = server.start(); !started) {
      std::cerr << "streamforge: " << started.error().message << '\n';
      exit_code = 1;
    } else {
      log::info("app", "listening", {{"url", server.url()}, {"tls", server.tls_url()}});
      greet(server, options);
      int number = 0;
      while (sigwait(&signals, &number) == 0 && number == SIGHUP) server.reload();
      log::info("app", "stopping: finishing what is in flight");
      // A second signal ends the process at once: everything acknowledged is durable already.
      pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    }
    server.drain();
  }
  log::stop();
  return exit_code;
}

}  // namespace sf::app

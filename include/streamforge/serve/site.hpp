#pragma once

/// All that a browser reads: the API, the events stream, playback, the web app, health and metrics.
/// One site for all reactors; it holds no state of its own but caches. What it needs of rooms that
/// it may not include comes as functions (`JobControls`), wired by `app`.

#include <streamforge/base/error.hpp>
#include <streamforge/http/router.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/accounts.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/store/demand.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sf::serve {

/// The transcode job of a video, as its scheduler offers it. Callable from any reactor.
struct JobControls {
  using Intent = std::function<io::Task<Result<>>(std::string video)>;
  Intent cancel;
  Intent retry;
  Intent pause;
  Intent resume;
  Intent prioritise;
  /// Ends what is in flight for a video whose files are about to go.
  std::function<io::Task<void>(std::string video)> forget;
  /// 1 for the next to start; 0 when it is not waiting.
  std::function<unsigned(const std::string& video)> queue_position;
};

struct SiteOptions {
  std::string log_dir;      ///< DIR/log, where workers' words about videos are.
  std::string io_backend;   ///< For health and metrics: "uring".
  std::string signing_key;  ///< For links to private videos (store::open_signing_key).
  /// Mark cookies Secure on plain connections too; over TLS they always are.
  bool secure_cookies = false;
  /// What stands before the paths that answers name: "/media"; the router's.
  std::string base_path;
  /// Pages that are asked for in the clear are moved to https:// at this port.
  std::optional<std::uint16_t> redirect_pages_to_port;
  /// What keeps the server from being ready, in words; empty when it is.
  std::function<std::vector<std::string>()> not_ready_reasons;
};

/// Borrowed: owned by `app`, alive longer than the site.
struct SiteParts {
  store::Catalogue& catalogue;
  store::BlobStore& blobs;
  store::Accounts& accounts;
  store::EventBus& events;
  store::Demand& demand;
  io::OffloadPool& pool;
};

class Site {
 public:
  Site(SiteParts parts, JobControls jobs, SiteOptions options);
  ~Site();
  Site(const Site&) = delete;

  /// Before serving.
  void add_routes(http::Router& router);
  /// Of those, health and metrics alone: for a router that has the others below a base path.
  void add_health_routes(http::Router& router);
  /// Ends event streams and waits for segments. Any thread.
  void begin_drain() noexcept;
  /// Removes what has been in the trash for its time; on one reactor, now and then.
  io::Task<Result<>> empty_trash();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::serve

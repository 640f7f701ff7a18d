#include <streamforge/serve/site.hpp>

#include "handlers.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/log.hpp>

namespace sf::serve {

namespace {
/// How long a deleted video can be had back.
constexpr std::int64_t kTrashMs = std::int64_t{7} * 24 * 3600 * 1000;
}  // namespace

struct Site::Impl {
  Impl(SiteParts parts, JobControls jobs, SiteOptions options)
      : shared{parts, std::move(jobs), std::move(options)},
        videos(shared),
        accounts(shared),
        events(shared),
        playback(shared),
        web(shared),
        health(shared) {}

  Shared shared;
  VideosApi videos;
  AccountsApi accounts;
  EventsApi events;
  Playback playback;
  WebFiles web;
  Health health;
};

Site::Site(SiteParts parts, JobControls jobs, SiteOptions options)
    : impl_(std::make_unique<Impl>(parts, std::move(jobs), std::move(options))) {}

Site::~Site() = default;

void Site::add_routes(http::Router& router) {
  impl_->videos.add_routes(router);
  impl_->accounts.add_routes(router);
  impl_->events.add_routes(router);
  impl_->playback.add_routes(router);
  impl_->web.add_routes(router);
  add_health_routes(router);
}

void Site::add_health_routes(http::Router& router) { impl_->health.add_routes(router); }

void Site::begin_drain() noexcept {
  impl_->shared.draining.store(true, std::memory_order_relaxed);
  impl_->shared.parts.events.end_all();
  impl_->shared.parts.demand.refuse_all(
      Error{ErrorCode::kUnavailable, "The server is stopping; ask again in a moment."});
}

io::Task<Result<>> Site::empty_trash() {
  auto& parts = impl_->shared.parts;
  auto ids = co_await parts.catalogue.trash_before(wall_ms() - kTrashMs);
  if (!ids) co_return fail(std::move(ids.error()));
  for (const std::string& id : *ids) {
    co_await impl_->shared.jobs.forget(id);
    // The record first: a crash in between leaves strays, which the next start removes.
    if (auto gone = co_await parts.catalogue.remove_video(id); !gone) {
      co_return fail(std::move(gone.error()));
    }
    if (auto gone = co_await parts.blobs.remove_video(id); !gone) {
      co_return fail(std::move(gone.error()));
    }
    log::info("serve", "emptied from the trash", {{"video", id}});
  }
  co_return Result<>{};
}

}  // namespace sf::serve

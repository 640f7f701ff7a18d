#include "stores.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>
#include <streamforge/store/reconcile.hpp>

namespace sf::app {

namespace {

void say_what_was_mended(const store::Reconciled& mended) {
  if (mended == store::Reconciled{}) return;
  log::info("store", "mended what the last stop left half done",
            {{"uploads_completed", mended.uploads_completed},
             {"uploads_removed", mended.uploads_removed},
             {"videos_failed", mended.videos_failed},
             {"files_removed", mended.files_removed},
             {"folders_removed", mended.folders_removed},
             {"jobs_requeued", mended.jobs_requeued},
             {"segments_dropped", mended.segments_dropped}});
}

}  // namespace

Stores::Stores() : pool(limits::kOffloadThreads, "sf-offload") {}

Result<std::unique_ptr<Stores>> Stores::open(const std::string& dir, bool open_access) {
  std::unique_ptr<Stores> stores(new Stores());
  auto blobs = store::BlobStore::open(dir, stores->pool);
  if (!blobs) return fail(std::move(blobs.error()));
  stores->blobs = std::move(*blobs);
  auto catalogue = store::Catalogue::open(concat(dir, "/meta"), stores->pool, stores->events);
  if (!catalogue) return fail(std::move(catalogue.error()));
  stores->catalogue = std::move(*catalogue);
  auto reconciled = store::reconcile(*stores->catalogue, *stores->blobs);
  if (!reconciled) return fail(std::move(reconciled.error()));
  say_what_was_mended(*reconciled);
  auto accounts = store::Accounts::open(*stores->catalogue, stores->pool, open_access);
  if (!accounts) return fail(std::move(accounts.error()));
  stores->accounts = std::move(*accounts);
  return stores;
}

}  // namespace sf::app

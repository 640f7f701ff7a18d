#include "stores.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>

namespace sf::app {

Stores::Stores() : pool(limits::kOffloadThreads, "sf-offload") {}

Result<std::unique_ptr<Stores>> Stores::open(const std::string& dir, bool open_access) {
  std::unique_ptr<Stores> stores(new Stores());
  auto blobs = store::BlobStore::open(dir, stores->pool);
  if (!blobs) return fail(std::move(blobs.error()));
  stores->blobs = std::move(*blobs);
  auto catalogue = store::Catalogue::open(concat(dir, "/meta"), stores->pool, stores->events);
  if (!catalogue) return fail(std::move(catalogue.error()));
  stores->catalogue = std::move(*catalogue);
  auto accounts = store::Accounts::open(*stores->catalogue, stores->pool, open_access);
  if (!accounts) return fail(std::move(accounts.error()));
  stores->accounts = std::move(*accounts);
  return stores;
}

}  // namespace sf::app

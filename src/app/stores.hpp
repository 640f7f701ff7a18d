#pragma once

/// Everything durable of one DIR, opened in order and closed in reverse: lock and folders,
/// catalogue, accounts, and what the rooms tell each other through. Owned by the verb that needs
/// it.

#include <streamforge/io/offload.hpp>
#include <streamforge/store/accounts.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/store/demand.hpp>
#include <streamforge/store/events.hpp>

#include <memory>
#include <string>

namespace sf::app {

struct Stores {
  /// Blocks. kConflict when another process has DIR.
  static Result<std::unique_ptr<Stores>> open(const std::string& dir, bool open_access);

  io::OffloadPool pool;
  store::EventBus events;
  store::Demand demand;
  std::unique_ptr<store::BlobStore> blobs;
  std::unique_ptr<store::Catalogue> catalogue;
  std::unique_ptr<store::Accounts> accounts;

 private:
  Stores();
};

}  // namespace sf::app

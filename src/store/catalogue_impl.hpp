#pragma once

#include <streamforge/store/catalogue.hpp>

#include <memory>

#include "committer.hpp"
#include "database.hpp"
#include "video_cache.hpp"

namespace sf::store {

/// What the rest of the room (accounts, reconciliation) may use of the catalogue.
struct Catalogue::Raw {
  Database& database;
  Committer& committer;
};

struct Catalogue::Impl {
  Impl(std::unique_ptr<Database> opened, io::OffloadPool& offload_pool, EventBus& events)
      : pool(offload_pool),
        database(std::move(opened)),
        committer(*database, cache, events, offload_pool),
        raw{*database, committer} {}

  io::OffloadPool& pool;
  std::unique_ptr<Database> database;
  VideoCache cache;
  Committer committer;
  Raw raw;
};

}  // namespace sf::store

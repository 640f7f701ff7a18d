#pragma once

/// What a BlobStore holds: descriptors, and the pool for calls that block. Constant once open.

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/store/blobs.hpp>

#include <string>

namespace sf::store {

struct BlobStore::Impl {
  std::string path;
  UniqueFd lock;  ///< Held under flock for as long as the store is open.
  UniqueFd temp;
  UniqueFd raw;
  UniqueFd processed;
  bool direct_io = false;
  io::OffloadPool& pool;
};

}  // namespace sf::store

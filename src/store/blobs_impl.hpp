#pragma once

/// What a BlobStore holds: descriptors, the pool for calls that block, and the syncs of the two
/// folders in which every upload begins and ends. Descriptors are constant once open.

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/store/blobs.hpp>

#include <string>

#include "folder_sync.hpp"

namespace sf::store {

struct BlobStore::Impl {
  std::string path;
  UniqueFd lock;  ///< Held under flock for as long as the store is open.
  UniqueFd temp;
  UniqueFd raw;
  UniqueFd processed;
  bool direct_io = false;
  io::OffloadPool& pool;
  FolderSync temp_names{temp};
  FolderSync raw_names{raw};
};

}  // namespace sf::store

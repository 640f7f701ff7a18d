#pragma once

#include <streamforge/base/limits.hpp>
#include <streamforge/store/records.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace sf::store {

/// The videos that were read or written lately, least recently used out first. Holds committed
/// states only: the committer replaces an entry after its commit and before anybody is told of it,
/// and a reader may add what it read only when nothing was committed meanwhile. Any thread.
class VideoCache {
 public:
  using Entry = std::shared_ptr<const Video>;

  [[nodiscard]] Entry find(const std::string& id) {
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.by_id.find(id);
    if (found == shard.by_id.end()) return nullptr;
    shard.order.splice(shard.order.begin(), shard.order, found->second);
    return *found->second;
  }

  /// Taken before reading from the database, given back with what was read.
  [[nodiscard]] std::uint64_t generation(const std::string& id) {
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    return shard.generation;
  }
  void add_read(Entry video, std::uint64_t generation) {
    Shard& shard = shard_of(video->id);
    const std::lock_guard lock(shard.mutex);
    if (shard.generation == generation) shard.put(std::move(video));
  }

  void committed(Entry video) {
    Shard& shard = shard_of(video->id);
    auto& version = versions_[version_of(video->id)];
    const std::lock_guard lock(shard.mutex);
    ++shard.generation;
    shard.put(std::move(video));
    version.fetch_add(1, std::memory_order_release);
  }
  /// Another value once a change of this video (or of a few others) can be read: lets who keeps
  /// things made of a record see, without a lock, that they are out of date. Read it first, then
  /// the record.
  [[nodiscard]] const std::atomic<std::uint64_t>& version(const std::string& id) const noexcept {
    return versions_[version_of(id)];
  }
  void removed(const std::string& id) {
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    ++shard.generation;
    if (const auto found = shard.by_id.find(id); found != shard.by_id.end()) {
      shard.order.erase(found->second);
      shard.by_id.erase(found);
    }
    versions_[version_of(id)].fetch_add(1, std::memory_order_release);
  }
  /// The database was reopened: nothing is known.
  void clear() {
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      ++shard.generation;
      shard.order.clear();
      shard.by_id.clear();
    }
    for (auto& version : versions_) version.fetch_add(1, std::memory_order_release);
  }

 private:
  static constexpr std::size_t kShards = 8;
  static constexpr std::size_t kVersions = 1024;

  struct Shard {
    std::mutex mutex;
    std::uint64_t generation = 0;
    std::list<Entry> order;  ///< Latest used first.
    std::unordered_map<std::string, std::list<Entry>::iterator> by_id;

    void put(Entry video) {
      if (const auto found = by_id.find(video->id); found != by_id.end()) {
        *found->second = std::move(video);
        order.splice(order.begin(), order, found->second);
        return;
      }
      if (by_id.size() == limits::kVideoCacheItems / kShards) {
        by_id.erase(order.back()->id);
        order.pop_back();
      }
      order.push_front(std::move(video));
      by_id.emplace(order.front()->id, order.begin());
    }
  };
  Shard& shard_of(const std::string& id) { return shards_[std::hash<std::string>{}(id) % kShards]; }

  static std::size_t version_of(const std::string& id) noexcept {
    return std::hash<std::string>{}(id) % kVersions;
  }

  std::array<Shard, kShards> shards_;
  std::array<std::atomic<std::uint64_t>, kVersions> versions_{};  ///< Any thread reads them.
};

}  // namespace sf::store

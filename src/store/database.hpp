#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <streamforge/base/error.hpp>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keys.hpp"

namespace sf::store {

/// A RocksDB status as an Error; `doing` says what was tried.
[[nodiscard]] Error error_of(const rocksdb::Status& status, std::string_view doing);

[[nodiscard]] inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
[[nodiscard]] inline std::string_view text(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

/// RocksDB as this room uses it: one column family per kind, every write synced, little memory.
/// Calls block. Reads come from any thread; writes and `reopen` from one, the committer's.
class Database {
 public:
  /// Opens or makes `dir`, and upgrades it. Refuses a newer schema (kUnsupported) before anything
  /// is changed. kConflict when another process has it open. `env` is for tests; null is the
  /// system's.
  static Result<std::unique_ptr<Database>> open(const std::string& dir,
                                                std::shared_ptr<rocksdb::Env> env = nullptr);
  ~Database();
  Database(const Database&) = delete;

  [[nodiscard]] Result<std::optional<std::string>> get(Family family, std::string_view key) const;

  /// Every entry with begin <= key < end, in order, until `visit` says false. Of one moment.
  /// `visit` may not read the database itself.
  using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;
  Result<> each(Family family, std::string_view begin, std::string_view end,
                const Visit& visit) const;
  Result<> each(Family family, const Visit& visit) const;

  /// All of it or nothing, on disk when this returns. After a failure the database only reads until
  /// it is reopened, and what failed may or may not be found then.
  Result<> write(rocksdb::WriteBatch& batch);
  /// A write has failed: `reopen` before preparing another.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// Closes and opens again; what was read before may be outdated. Tried at most once a second and
  /// only when there is room on the disk, for a closed database would not even read: until then
  /// gives the error of the write that failed.
  Result<> reopen();

  /// A consistent copy; `dir` must not exist.
  Result<> checkpoint(const std::string& dir) const;

  /// For reads of several steps: while it is held, `db` and `handle` stay what they are.
  [[nodiscard]] std::shared_lock<std::shared_mutex> hold() const {
    return std::shared_lock(mutex_);
  }
  [[nodiscard]] bool is_open() const noexcept { return db_ != nullptr; }
  [[nodiscard]] rocksdb::DB& db() const noexcept { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Family family) const noexcept {
    return handles_[static_cast<std::size_t>(family)];
  }

 private:
  Database(std::string dir, std::shared_ptr<rocksdb::Env> env);
  Result<> open_db(std::vector<std::string> existing);
  void close_db() noexcept;

  const std::string dir_;
  const std::shared_ptr<rocksdb::Env> env_;  ///< Null: the system's.
  const rocksdb::Options options_;

  /// Held shared by who uses what is below, alone by `reopen`.
  mutable std::shared_mutex mutex_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyNames.size()> handles_{};
  /// Families of a neighbouring version, opened because RocksDB insists, and the default one.
  std::vector<rocksdb::ColumnFamilyHandle*> other_handles_;

  // The writer's.
  bool broken_ = false;
  Error failure_;
  std::uint64_t tried_at_ns_ = 0;
};

}  // namespace sf::store

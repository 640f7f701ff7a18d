#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <streamforge/base/error.hpp>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
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

/// RocksDB as this room uses it: one column family per kind, every write synced, little memory. All
/// calls block and may come from any thread; the database outlives them.
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
  using Visit = std::function<Result<bool>(std::string_view key, std::string_view value)>;
  Result<> each(Family family, std::string_view begin, std::string_view end,
                const Visit& visit) const;
  Result<> each(Family family, const Visit& visit) const;

  /// All of it or nothing, on disk when this returns. When an earlier failure (a full disk) has
  /// made RocksDB read-only, tries first to bring it back, at most once a second.
  Result<> write(rocksdb::WriteBatch& batch);
  /// A consistent copy; `dir` must not exist.
  Result<> checkpoint(const std::string& dir);

  [[nodiscard]] rocksdb::DB& db() const noexcept { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(Family family) const noexcept {
    return handles_[static_cast<std::size_t>(family)];
  }

 private:
  Database() = default;
  bool resume();

  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyNames.size()> handles_{};
  /// Families of a neighbouring version, opened because RocksDB insists, and the default one.
  std::vector<rocksdb::ColumnFamilyHandle*> other_handles_;

  std::mutex resume_mutex_;
  std::uint64_t resumed_at_ns_ = 0;  ///< Guarded by resume_mutex_.
};

}  // namespace sf::store

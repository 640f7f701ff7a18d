#include "database.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <sys/stat.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <cerrno>

#include "schema.hpp"

namespace sf::store {
namespace {

using rocksdb::Status;

constexpr std::size_t kBlockCacheBytes = 16 * limits::kMiB;
constexpr std::size_t kMemtablesBytes = 4 * limits::kMiB;  ///< Of all families together.
constexpr std::size_t kMemtableBytes = limits::kMiB;
constexpr std::size_t kLogsBytes = 16 * limits::kMiB;  ///< Replayed at start; 16 MiB take 0.1 s.
constexpr std::uint64_t kReopenPauseNs = 1'000'000'000;
constexpr std::uint64_t kReopenFreeBytes = 16 * limits::kMiB;  ///< Room to flush what is logged.

/// RocksDB may not try to recover from a full disk by itself: should the disk still be full then,
/// it ends in a state that only reopening leaves (7.8: a log it cannot make is fatal). We reopen.
class NoRecovery : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::CompressionType compression() {
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::ranges::find(supported, rocksdb::kLZ4Compression) != supported.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

/// Small on purpose: records are few and short, and memory belongs to media.
rocksdb::Options make_options(rocksdb::Env* env) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes, 2);
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = compression();

  options.db_write_buffer_size = kMemtablesBytes;
  options.write_buffer_size = kMemtableBytes;
  options.arena_block_size = 32 * limits::kKiB;
  options.max_total_wal_size = kLogsBytes;
  options.target_file_size_base = 8 * limits::kMiB;
  options.max_bytes_for_level_base = 32 * limits::kMiB;
  options.max_open_files = 128;
  options.table_cache_numshardbits = 2;
  options.max_file_opening_threads = 1;
  options.max_background_jobs = 2;  // One flush, one compaction.
  options.max_manifest_file_size = 4 * limits::kMiB;

  options.listeners = {std::make_shared<NoRecovery>()};

  // Its own log: warnings only, two files of a MiB, no periodic statistics.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = limits::kMiB;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

Status open_families(const rocksdb::Options& options, const std::string& dir,
                     const std::vector<std::string>& names, bool read_only,
                     std::vector<rocksdb::ColumnFamilyHandle*>& handles,
                     std::unique_ptr<rocksdb::DB>& into) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const auto& name : names) families.emplace_back(name, options);
  rocksdb::DB* db = nullptr;
  const Status status = read_only
                            ? rocksdb::DB::OpenForReadOnly(options, dir, families, &handles, &db)
                            : rocksdb::DB::Open(options, dir, families, &handles, &db);
  into.reset(db);
  return status;
}

/// The schema that `dir` was written with, without changing it; nullopt when it holds none.
Result<std::optional<std::uint32_t>> peek_schema(const rocksdb::Options& options,
                                                 const std::string& dir,
                                                 const std::vector<std::string>& existing) {
  const std::string meta(kFamilyNames[static_cast<std::size_t>(Family::kMeta)]);
  if (std::ranges::find(existing, meta) == existing.end()) return std::nullopt;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const Status opened = open_families(options, dir, {rocksdb::kDefaultColumnFamilyName, meta},
                                      /*read_only=*/true, handles, db);
  if (!opened.ok()) return fail(error_of(opened, concat("open ", dir)));
  std::string value;
  const Status got = db->Get({}, handles[1], slice(kSchemaKey), &value);
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  if (got.IsNotFound()) return std::nullopt;
  if (!got.ok()) return fail(error_of(got, concat("read the schema of ", dir)));
  const auto schema = parse_decimal(value, UINT32_MAX);
  if (!schema) return fail(ErrorCode::kCorrupt, concat(dir, " holds no schema number"));
  return static_cast<std::uint32_t>(*schema);
}

std::unexpected<Error> closed() {
  return fail(ErrorCode::kUnavailable, "the catalogue is being opened again");
}

}  // namespace

Error error_of(const Status& status, std::string_view doing) {
  ErrorCode code = ErrorCode::kInternal;
  if (status.IsNotFound()) {
    code = ErrorCode::kNotFound;
  } else if (status.IsNoSpace() || status.subcode() == Status::kSpaceLimit) {
    code = ErrorCode::kNoSpace;
  } else if (status.IsCorruption()) {
    code = ErrorCode::kCorrupt;
  } else if (status.IsIOError() || status.IsPathNotFound()) {
    // RocksDB has no code for a lock that another process holds.
    const bool locked = status.ToString().find("/LOCK: ") != std::string::npos;
    code = locked ? ErrorCode::kConflict : ErrorCode::kIo;
  } else if (status.IsShutdownInProgress()) {
    code = ErrorCode::kCancelled;
  } else if (status.IsBusy() || status.IsTryAgain() || status.IsIncomplete()) {
    code = ErrorCode::kUnavailable;
  }
  return {code, concat("catalogue: ", doing, ": ", status.ToString()), 0};
}

Database::Database(std::string dir, std::shared_ptr<rocksdb::Env> env)
    : dir_(std::move(dir)),
      env_(std::move(env)),
      options_(make_options(env_ ? env_.get() : rocksdb::Env::Default())) {}

Result<std::unique_ptr<Database>> Database::open(const std::string& dir,
                                                 std::shared_ptr<rocksdb::Env> env) {
  // Password hashes are in there: nobody else's to read.
  if (!env && ::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, concat("make ", dir));
  }
  std::unique_ptr<Database> database(new Database(dir, std::move(env)));
  const auto& options = database->options_;
  std::vector<std::string> existing;
  if (options.env->FileExists(concat(dir, "/CURRENT")).ok()) {
    const Status listed = rocksdb::DB::ListColumnFamilies(options, dir, &existing);
    if (!listed.ok()) return fail(error_of(listed, concat("open ", dir)));
  }
  auto schema = peek_schema(options, dir, existing);
  if (!schema) return fail(std::move(schema.error()));
  if (auto known = check_schema(*schema, dir); !known) return fail(std::move(known.error()));

  auto opened = database->open_db(std::move(existing));
  if (opened) opened = upgrade(*database, *schema, kUpgradeSteps);
  if (!opened) return fail(std::move(opened.error()));
  return database;
}

Database::~Database() { close_db(); }

Result<> Database::open_db(std::vector<std::string> existing) {
  std::vector<std::string> names = std::move(existing);
  const auto add = [&names](std::string_view name) {
    if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  };
  add(rocksdb::kDefaultColumnFamilyName);
  std::ranges::for_each(kFamilyNames, add);

  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const Status opened = open_families(options_, dir_, names, /*read_only=*/false, handles, db_);
  if (!opened.ok()) return fail(error_of(opened, concat("open ", dir_)));
  for (auto* handle : handles) {
    const auto family = std::ranges::find(kFamilyNames, handle->GetName());
    if (family == kFamilyNames.end()) {
      other_handles_.push_back(handle);
    } else {
      handles_[static_cast<std::size_t>(family - kFamilyNames.begin())] = handle;
    }
  }
  return {};
}

void Database::close_db() noexcept {
  if (!db_) return;
  for (auto*& handle : handles_) {
    if (handle) db_->DestroyColumnFamilyHandle(std::exchange(handle, nullptr));
  }
  for (auto* handle : std::exchange(other_handles_, {})) db_->DestroyColumnFamilyHandle(handle);
  const Status closed = db_->Close();
  if (!closed.ok() && !broken_) {
    log::warn("store", "closing the catalogue", {{"status", closed.ToString()}});
  }
  db_.reset();
}

Result<std::optional<std::string>> Database::get(Family family, std::string_view key) const {
  const auto held = hold();
  if (!db_) return closed();
  std::string value;
  const Status status = db_->Get({}, handle(family), slice(key), &value);
  if (status.ok()) return value;
  if (status.IsNotFound()) return std::nullopt;
  return fail(error_of(status, "read"));
}

Result<> Database::each(Family family, std::string_view begin, std::string_view end,
                        const Visit& visit) const {
  const auto held = hold();
  if (!db_) return closed();
  const rocksdb::Slice bound = slice(end);
  rocksdb::ReadOptions options;
  if (!end.empty()) options.iterate_upper_bound = &bound;
  // Walking a whole family is for starts and sweeps: it must not push out what pages are read from.
  options.fill_cache = !end.empty();
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(family)));
  for (at->Seek(slice(begin)); at->Valid(); at->Next()) {
    auto more = visit(text(at->key()), text(at->value()));
    if (!more) return fail(std::move(more.error()));
    if (!*more) return {};
  }
  if (!at->status().ok()) return fail(error_of(at->status(), "scan"));
  return {};
}

Result<> Database::each(Family family, const Visit& visit) const {
  return each(family, {}, {}, visit);
}

Result<> Database::write(rocksdb::WriteBatch& batch) {
  const auto held = hold();
  if (!db_) return closed();
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const Status status = db_->Write(synced, &batch);
  if (status.ok()) return {};
  broken_ = true;
  failure_ = error_of(status, "commit");
  log::error("store", "the catalogue cannot be written", {{"status", status.ToString()}});
  return fail(failure_);
}

Result<> Database::reopen() {
  const auto now_ns = mono_ns();
  if (tried_at_ns_ != 0 && now_ns - tried_at_ns_ < kReopenPauseNs) return fail(failure_);
  tried_at_ns_ = now_ns;
  std::uint64_t free = 0;
  const Status asked = options_.env->GetFreeSpace(dir_, &free);
  if (asked.ok() && free < kReopenFreeBytes) return fail(failure_);

  const std::unique_lock alone(mutex_);
  close_db();
  std::vector<std::string> existing;
  const Status listed = rocksdb::DB::ListColumnFamilies(options_, dir_, &existing);
  if (!listed.ok()) return fail(error_of(listed, concat("open ", dir_)));
  if (auto opened = open_db(std::move(existing)); !opened) return opened;
  broken_ = false;
  log::info("store", "the catalogue can be written again");
  return {};
}

Result<> Database::checkpoint(const std::string& dir) const {
  const auto held = hold();
  if (!db_) return closed();
  rocksdb::Checkpoint* made = nullptr;
  Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(dir);
  if (!status.ok()) return fail(error_of(status, concat("back up to ", dir)));
  return {};
}

}  // namespace sf::store

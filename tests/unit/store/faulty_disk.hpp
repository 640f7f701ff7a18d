#pragma once

/// A disk for RocksDB that can be filled, and whose power can be cut: what was not synced is then
/// gone, bytes of files and names in folders alike. It lies over a real folder.

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace sf::store::test {

class FaultyDisk : public rocksdb::FileSystemWrapper {
 public:
  FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  [[nodiscard]] const char* Name() const override { return "FaultyDisk"; }

  /// Every write fails for lack of space, until it is turned off.
  void set_full(bool full) { full_ = full; }
  /// From here on nothing reaches the disk. Close the database, then `lose_unsynced`.
  void cut_power() { dead_ = true; }
  /// What a power cut leaves: files at their synced length; files whose folder was not synced since
  /// they were made are gone.
  void lose_unsynced() {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, file] : files_) {
      if (!file.named) {
        ::unlink(path.c_str());
      } else {
        [[maybe_unused]] const int cut = ::truncate(path.c_str(), off_t(file.synced));
      }
    }
    files_.clear();
    dead_ = false;
  }
  /// Syncs of the log so far.
  [[nodiscard]] std::uint64_t log_syncs() const { return log_syncs_; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    if (auto refused = refuse(); !refused.ok()) return refused;
    std::unique_ptr<rocksdb::FSWritableFile> file;
    auto status = FileSystemWrapper::NewWritableFile(path, options, &file, debug);
    if (!status.ok()) return status;
    const std::lock_guard lock(mutex_);
    files_[path] = {};
    *result = std::make_unique<File>(*this, path, std::move(file));
    return status;
  }
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> folder;
    auto status = FileSystemWrapper::NewDirectory(path, options, &folder, debug);
    if (status.ok()) *result = std::make_unique<Folder>(*this, path, std::move(folder));
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (auto refused = refuse(); !refused.ok()) return refused;
    auto status = FileSystemWrapper::RenameFile(from, to, options, debug);
    const std::lock_guard lock(mutex_);
    if (const auto found = files_.find(from); status.ok() && found != files_.end()) {
      // A journalling filesystem keeps the old or the new name; RocksDB syncs the folder after.
      files_[to] = {found->second.written, found->second.synced, true};
      files_.erase(from);
    }
    return status;
  }
  rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options,
                                 std::uint64_t* bytes, rocksdb::IODebugContext* debug) override {
    auto status = FileSystemWrapper::GetFreeSpace(path, options, bytes, debug);
    if (full_) *bytes = 0;
    return status;
  }
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    if (dead_) return rocksdb::IOStatus::IOError("power cut");
    auto status = FileSystemWrapper::DeleteFile(path, options, debug);
    const std::lock_guard lock(mutex_);
    files_.erase(path);
    return status;
  }

 private:
  struct State {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
    bool named = false;  ///< Its folder was synced after it was made.
  };

  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(FaultyDisk& disk, std::string path, std::unique_ptr<rocksdb::FSWritableFile>&& file)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), path_(std::move(path)) {}

    using FSWritableFileOwnerWrapper::Append;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      if (auto refused = disk_.refuse(); !refused.ok()) return refused;
      auto status = FSWritableFileOwnerWrapper::Append(data, options, debug);
      if (status.ok()) disk_.wrote(path_, data.size());
      return status;
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info,
                             rocksdb::IODebugContext* debug) override {
      if (auto refused = disk_.refuse(); !refused.ok()) return refused;
      auto status = FSWritableFileOwnerWrapper::Append(data, options, info, debug);
      if (status.ok()) disk_.wrote(path_, data.size());
      return status;
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      const auto upto = disk_.begin_sync(path_);
      if (disk_.dead_) return rocksdb::IOStatus::IOError("power cut");
      auto status = FSWritableFileOwnerWrapper::Sync(options, debug);
      if (status.ok()) disk_.synced(path_, upto);
      return status;
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      return Sync(options, debug);
    }

   private:
    FaultyDisk& disk_;
    std::string path_;
  };

  class Folder : public rocksdb::FSDirectoryWrapper {
   public:
    Folder(FaultyDisk& disk, std::string path, std::unique_ptr<rocksdb::FSDirectory>&& folder)
        : FSDirectoryWrapper(std::move(folder)), disk_(disk), path_(std::move(path)) {}
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      if (disk_.dead_) return rocksdb::IOStatus::IOError("power cut");
      disk_.folder_synced(path_);
      return FSDirectoryWrapper::Fsync(options, debug);
    }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions& options,
                                          rocksdb::IODebugContext* debug,
                                          const rocksdb::DirFsyncOptions& which) override {
      if (disk_.dead_) return rocksdb::IOStatus::IOError("power cut");
      disk_.folder_synced(path_);
      return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, which);
    }

   private:
    FaultyDisk& disk_;
    std::string path_;
  };

  rocksdb::IOStatus refuse() const {
    if (dead_) return rocksdb::IOStatus::IOError("power cut");
    if (full_) return rocksdb::IOStatus::NoSpace("full");
    return rocksdb::IOStatus::OK();
  }
  void wrote(const std::string& path, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    files_[path].written += bytes;
  }
  std::uint64_t begin_sync(const std::string& path) {
    if (path.ends_with(".log")) ++log_syncs_;
    const std::lock_guard lock(mutex_);
    return files_[path].written;
  }
  void synced(const std::string& path, std::uint64_t upto) {
    const std::lock_guard lock(mutex_);
    files_[path].synced = upto;
  }
  void folder_synced(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    for (auto& [path, file] : files_) {
      if (path.starts_with(folder)) file.named = true;
    }
  }

  std::atomic<bool> full_ = false;
  std::atomic<bool> dead_ = false;
  std::atomic<std::uint64_t> log_syncs_ = 0;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, State> files_;
};

/// The disk as an Env; both live as long as either is held.
struct FaultyEnv {
  std::shared_ptr<FaultyDisk> disk = std::make_shared<FaultyDisk>();
  std::shared_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
};

}  // namespace sf::store::test

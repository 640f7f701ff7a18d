#pragma once

/// Blob files under DIR: temp/{id} unfinished uploads, raw/{id} masters, processed/{id}/… what was
/// made of them. Names are keys: the same would serve an object store. Opened once by `app`, used
/// by every thread: it holds three directory descriptors and no other state. Paths never come from
/// outside: ids are checked (is_id), names below an id are ours. Data moves and is synced by the
/// calling reactor; calls that walk or change folders run on the offload pool.

#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sf::store {

/// One of the uploads that another is made of.
struct UploadPart {
  std::string id;
  std::uint64_t bytes = 0;
};

class BlobStore {
 public:
  /// Makes the folders that are missing. kIo names DIR and what to do. Holds a lock on DIR (flock
  /// on DIR/lock): kConflict, with the pid that holds it, when another server has it. `pool` must
  /// outlive the store. Blocks; call before serving.
  [[nodiscard]] static Result<std::unique_ptr<BlobStore>> open(const std::string& dir,
                                                               io::OffloadPool& pool);
  ~BlobStore();

  [[nodiscard]] int temp_dir() const noexcept;
  [[nodiscard]] int raw_dir() const noexcept;
  [[nodiscard]] int processed_dir() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept;

  // --- Uploads; on a reactor.
  /// temp/{id}, preallocated to `bytes` when known (kNoSpace when the disk cannot hold it, then
  /// nothing is left behind), synced into its directory before it returns.
  io::Task<Result<>> create_upload(std::string id, std::optional<std::uint64_t> bytes) const;
  /// temp/{id} for writing (or raw/{id} when it has been promoted: `promoted` tells). `direct` asks
  /// for O_DIRECT.
  io::Task<Result<UniqueFd>> open_upload(std::string id, bool direct) const;
  /// Whether raw/{id} is there.
  io::Task<Result<bool>> promoted(std::string id) const;
  /// The last step of an upload: truncates to `bytes`, syncs, renames temp/{id} to raw/{id}, syncs
  /// both folders. Idempotent: a raw/{id} of that size is success.
  io::Task<Result<>> promote_upload(std::string id, std::uint64_t bytes) const;
  io::Task<Result<>> remove_upload(std::string id) const;

  // --- An upload made of others (tus concatenation).
  /// Second names for the files of finished `parts`, in order, so that each may be removed without
  /// hurting `id`. No bytes move. Durable when it returns; nothing is left behind when it fails.
  io::Task<Result<>> link_parts(std::string id, std::vector<UploadPart> parts) const;
  /// Copies them, `bytes` in all, behind one another into temp/{id} (made by create_upload) and
  /// syncs. In the background: a pool thread does it in steps, and `go_on` is asked between them,
  /// on the calling reactor (false: kCancelled). May be repeated, after a crash too.
  io::Task<Result<>> join_parts(std::string id, std::uint64_t bytes,
                                std::function<bool()> go_on) const;
  /// Removes the second names. None is no error.
  io::Task<Result<>> unlink_parts(std::string id) const;

  // --- Masters and what was made of them.
  io::Task<Result<UniqueFd>> open_source(std::string id) const;
  /// An unnamed file on the same filesystem (O_TMPFILE; a hidden name where that is missing), for a
  /// worker to write into.
  io::Task<Result<UniqueFd>> make_unnamed(std::string id) const;
  /// Syncs `file` (from make_unnamed) and gives it its name processed/{id}/{name}, replacing what
  /// was there unless it holds the same bytes (then that file stays as it is); folders are made and
  /// synced. After it returns the name is durable.
  io::Task<Result<>> publish(std::string id, int file, std::string name) const;
  /// processed/{id}/{name} for reading and writing, made when it is missing. Never synced: for what
  /// can be made again. `remove_blob` ends it; a missing one is no error.
  io::Task<Result<UniqueFd>> open_scratch(std::string id, std::string name) const;
  io::Task<Result<>> remove_blob(std::string id, std::string name) const;
  /// Small things: writes, syncs, renames.
  io::Task<Result<>> write_small(std::string id, std::string name, std::string bytes) const;
  io::Task<Result<std::string>> read_small(std::string id, std::string name,
                                           std::size_t bytes_max) const;
  io::Task<Result<UniqueFd>> open_blob(std::string id, std::string name) const;
  /// Everything of a video: temp, raw, processed. Missing parts are no error.
  io::Task<Result<>> remove_video(std::string id) const;

  /// Ids that have a file in temp/ or raw/ or a folder in processed/: for reconciling at start.
  /// Blocks; call on the offload pool.
  struct Inventory {
    std::vector<std::pair<std::string, std::uint64_t>> temp;  ///< id, bytes
    std::vector<std::pair<std::string, std::uint64_t>> raw;
    std::vector<std::string> processed;
  };
  [[nodiscard]] Result<Inventory> inventory() const;
  /// Bytes free for us on DIR's filesystem.
  [[nodiscard]] std::uint64_t free_bytes() const noexcept;
  /// Whether temp/ takes O_DIRECT with our alignment; probed once at open.
  [[nodiscard]] bool direct_io() const noexcept;

 private:
  struct Impl;
  explicit BlobStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::store

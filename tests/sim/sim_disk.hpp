#pragma once

/// A disk that can be cut off, filled and slowed down, for tests. It lies over real files: file
/// operations are carried out on them, and what a power cut would lose is known, so that
/// `lose_unsynced` can take it away. Faults come from one seed. Shared by reactors; any thread.
///
/// The model: a sync makes durable what was written before it began. Of what was written since,
/// each sector may or may not have reached the disk. A file's size is durable once it was synced; a
/// new name once its folder was.

#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/op.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace sf::test {

class SimDisk {
  template <class F>
  auto locked(F what) {
    const std::lock_guard lock(mutex_);
    return what();
  }

 public:
  explicit SimDisk(std::uint64_t seed) : random_(seed) {}
  SimDisk(const SimDisk&) = delete;

  // --- Faults.
  /// Reads and writes may be short.
  void set_short_moves(bool on) {
    locked([&] { short_moves_ = on; });
  }
  /// Bytes that may still be written or reserved; then ENOSPC.
  void set_space(std::uint64_t bytes) {
    locked([&] { space_bytes_ = bytes; });
  }
  /// How long each sync of a file takes.
  void set_sync_ms(std::uint32_t ms) {
    locked([&] { sync_ms_ = ms; });
  }
  [[nodiscard]] std::uint32_t sync_ms() {
    return locked([&] { return sync_ms_; });
  }
  /// The power fails at the n-th operation from now; `on_cut` is called then, once.
  void cut_after(std::uint64_t operations, std::function<void()> on_cut) {
    locked([&] {
      left_ = operations;
      on_cut_ = std::move(on_cut);
    });
  }
  /// From here on nothing reaches the disk.
  void cut_power();
  [[nodiscard]] bool dead() {
    return locked([&] { return dead_; });
  }

  /// What a power cut leaves; the disk works again. When everyone who used it has gone.
  void lose_unsynced();

  // --- What happened.
  [[nodiscard]] std::uint64_t operations() {
    return locked([&] { return operations_; });
  }
  /// Syncs of files that have begun.
  [[nodiscard]] std::uint64_t syncs() {
    return locked([&] { return syncs_; });
  }
  [[nodiscard]] std::uint64_t folder_syncs() {
    return locked([&] { return folder_syncs_; });
  }

  // --- For SimBackend. A sync begins and ends; all else happens at once.
  struct Sync;
  std::shared_ptr<Sync> begin_sync(int fd);
  std::int32_t end_sync(io::Op& op, const std::shared_ptr<Sync>& sync);
  std::int32_t perform(io::Op& op);
  /// A number below `bound`, from the seed.
  std::uint64_t pick(std::uint64_t bound) {
    return locked([&] { return random_() % bound; });
  }

 private:
  static constexpr std::size_t kSectorBytes = 512;
  using Sector = std::array<char, kSectorBytes>;
  struct Dirty {
    Sector before;            ///< What is on the disk.
    std::uint64_t write = 0;  ///< The last one that changed it.
  };
  struct File {
    UniqueFd fd;
    std::map<std::uint64_t, Dirty> dirty;  ///< By number of the sector.
    std::uint64_t synced_bytes = 0;
    std::string made_in;  ///< Its folder and its name while that is not durable.
    std::string made_as;
  };
  using Key = std::pair<std::uint64_t, std::uint64_t>;  ///< Device and inode.

  bool fails_now();
  File* file_of(int fd);
  static Sector read_sector(const File& file, std::uint64_t number);
  std::int32_t read(io::Op& op);
  std::int32_t write(io::Op& op);
  std::int32_t open(io::Op& op);

  std::mutex mutex_;
  // Guarded by mutex_.
  std::mt19937_64 random_;
  bool short_moves_ = false;
  bool dead_ = false;
  std::uint64_t space_bytes_ = UINT64_MAX;
  std::uint32_t sync_ms_ = 0;
  std::uint64_t left_ = UINT64_MAX;
  std::function<void()> on_cut_;
  std::uint64_t operations_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t folder_syncs_ = 0;
  std::uint64_t writes_ = 0;
  std::map<Key, File> files_;
};

/// A sync under way: what it makes durable.
struct SimDisk::Sync {
  Key key;
  bool folder = false;
  std::vector<Key> names;  ///< Files whose names in the folder become durable.
  std::uint64_t write = 0;
  std::uint64_t bytes = 0;
  std::map<std::uint64_t, Sector> content;
};

}  // namespace sf::test
